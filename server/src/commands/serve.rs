//! `switchboard serve`

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinError;

use super::{Failure, exit, signals::Signals};
use crate::app::App;
use crate::config::Config;
use crate::handover::{Inherited, Successor, SuccessorError};
use crate::ingress::Departure;
use crate::observe::panics;

/// For how long those who keep a connection are told that it ends, before the next process takes over.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Serves until told to stop.
pub(super) fn run(config: Config) -> Result<(), Failure> {
    panics::watch();
    raise_file_limit();
    let inherited = Inherited::of_environment().map_err(|error| {
        Failure::new(exit::OS, format!("what was handed over in LISTEN_FDS cannot be used: {error}"))
    })?;
    let runtime = Builder::new_multi_thread()
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OS, format!("the threads cannot be started: {error}")))?;
    let outcome = runtime.block_on(serve(config, inherited));
    // Whatever still runs was given its time.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config, inherited: Inherited) -> Result<(), Failure> {
    // By now: later the file may be another, which is what the next process is to run.
    let program = std::env::current_exe();
    let mut signals = Signals::listen()?;
    let app = App::build_with(config, inherited).await?;
    announce(&app);

    let departure = Departure::default();
    let sockets = app.sockets();
    let mut running = tokio::spawn(app.run_until(departure.clone()));
    loop {
        tokio::select! {
            ended = &mut running => return outcome(ended),
            asked = signals.next_or_hand_over() => match asked {
                Some(signal) => {
                    tracing::info!(signal, "told to stop");
                    break;
                }
                None => match hand_over(program.as_deref(), sockets.as_deref(), &departure).await {
                    Ok(()) => break,
                    Err(error) => tracing::error!("this process goes on, since there is no next one: {error}"),
                },
            },
        }
    }
    // Whoever connects from now on is refused, or is the next process'.
    drop(sockets);
    departure.stop.cancel();
    tokio::select! {
        ended = &mut running => outcome(ended),
        signal = signals.next() => Err(Failure::new(exit::INTERRUPTED, format!("ended at once by a second signal ({signal})"))),
    }
}

pub(super) fn outcome(ended: Result<anyhow::Result<()>, JoinError>) -> Result<(), Failure> {
    let ended = ended.unwrap_or_else(|error| Err(error.into()));
    ended.map_err(|error| Failure::new(exit::FAILED, format!("stopped by a fault: {error:#}")))
}

/// Starts the next process and lets it accept, when this one does no more.
async fn hand_over(
    program: Result<&Path, &io::Error>,
    sockets: Result<&[OwnedFd], &io::Error>,
    departure: &Departure,
) -> anyhow::Result<()> {
    tracing::info!("told to make room: the next process is started");
    let known = |error: &io::Error| io::Error::new(error.kind(), error.to_string());
    let sockets = sockets.map_err(known)?.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?;
    let mut next = Successor::start(program.map_err(known)?, sockets).await?;
    // Who keeps a connection is told with the next answer that it is the last, instead of finding it closed.
    departure.connections.leave(true);
    tokio::select! {
        () = tokio::time::sleep(LAST_ANSWERS) => {}
        ended = next.ended() => {
            departure.connections.leave(false);
            return Err(SuccessorError::Ended(ended?).into());
        }
    }
    let wanted = departure.hand_over();
    departure.stop.cancel();
    departure.stopped.cancelled().await;
    tracing::info!(process = next.process(), "the next process serves");
    if let Some(asks) = next.take_over().await {
        // Nobody hears it when serving has failed meanwhile.
        let _unheard = wanted.send(asks);
    }
    Ok(())
}

/// Says where it listens: in the log, and on standard output for whoever started it by hand.
fn announce(app: &App) {
    let metrics = app.metrics_address().map(tracing::field::display);
    tracing::info!(listen = %app.address(), metrics, public_url = %app.public_url(), "listening");
    let origin = app.public_url().as_str().trim_end_matches('/');
    let mut lines = format!("Switchboard is ready: {origin}/web\n");
    if let Some(code) = app.setup_code() {
        lines.push_str(&format!("Set-up code for the first account: {code}\n"));
    }
    // A closed standard output is no reason not to serve.
    if let Err(error) = std::io::stdout().lock().write_all(lines.as_bytes()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}

/// Every connection is an open file, and the usual soft limit of 1024 exists only for programs that use select(2).
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "limit of open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}
