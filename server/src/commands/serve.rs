//! `switchboard serve`

use std::io::Write;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use super::{Failure, exit, signals::Signals};
use crate::{app::App, config::Config};

/// Serves until told to stop.
pub(super) fn run(config: Config) -> Result<(), Failure> {
    raise_file_limit();
    let runtime = Builder::new_multi_thread()
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OS, format!("the threads cannot be started: {error}")))?;
    let outcome = runtime.block_on(serve(config));
    // Whatever still runs was given its time.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let app = App::build(config).await?;
    announce(&app);

    let stop = CancellationToken::new();
    let running = app.run(stop.clone());
    tokio::pin!(running);
    let failed = |error: anyhow::Error| Failure::new(exit::FAILED, format!("stopped by a fault: {error:#}"));
    tokio::select! {
        ended = &mut running => return ended.map_err(failed),
        signal = signals.next() => tracing::info!(signal, "told to stop"),
    }
    stop.cancel();
    tokio::select! {
        ended = &mut running => ended.map_err(failed),
        signal = signals.next() => Err(Failure::new(exit::INTERRUPTED, format!("ended at once by a second signal ({signal})"))),
    }
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
