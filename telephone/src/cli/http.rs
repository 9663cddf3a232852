//! `telephone http`.

use std::process::ExitCode;

use telephone::{Agent, AgentError, AgentHandle, Announcement, Target};
use tokio::sync::mpsc;
use tracing_subscriber::filter::LevelFilter;

use super::args::{HttpArgs, LogFormat, Origins};
use super::display::{Display, Style};
use super::exit::{self, Failure};
use super::{logging, settings};

pub(super) fn run(args: HttpArgs, origins: &Origins) -> Result<ExitCode, Failure> {
    let target =
        Target::parse(&args.target).map_err(|error| Failure::usage(format!("{}: {error}", origins.place("target"))))?;
    let (server, token) = settings::connection(args.server.clone(), &args.token, origins)?;
    let service = service(&args, origins)?;
    let style = style(&args);
    // On a terminal the log would be written across what is drawn there: it is off unless asked for, and then the
    // display is plain.
    if style != Style::Live {
        logging::start(args.log_format, args.log_level.unwrap_or(LevelFilter::WARN));
    }
    raise_file_limit();
    // One thread for each line: an agent is all I/O, and a second thread would only add wake-ups between the two.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OS, format!("the runtime cannot be started: {error}")))?;
    let label = target.to_string();
    runtime.block_on(async {
        let mut agent = Agent::builder(&server, token.expose()).target(target).own_threads(true);
        agent = agent.connections(args.connections.map_or_else(default_connections, usize::from));
        if let Some(subdomain) = args.subdomain {
            agent = agent.subdomain(subdomain);
        }
        if let Some(service) = service {
            agent = agent.announce(service);
        }
        if let Some(name) = args.name.or_else(|| gethostname::gethostname().into_string().ok()) {
            agent = agent.name(name);
        }
        if let Some(region) = args.region {
            agent = agent.region(region);
        }
        if let Some(host) = args.host_header {
            agent = agent.host_header(host);
        }
        if let Some(path) = args.ca_file {
            agent = agent.ca_file(path);
        }
        if let Some(path) = settings::token_file(&args.token, origins) {
            agent = agent.token_file(path);
        }
        let stops = stops()?;
        let agent = agent.insecure_target(args.insecure).start().map_err(|error| Failure::usage(error.to_string()))?;
        let display = Display::start(style, &server, &label, &agent);
        let ended = watch(agent, stops, &display).await;
        display.stop().await;
        ended
    })
}

/// The service that the flags announce, if they do. Whether host, path and names are good is the switchboard's to say.
fn service(args: &HttpArgs, origins: &Origins) -> Result<Option<Announcement>, Failure> {
    let HttpArgs { host, path, tag, service, .. } = args;
    if host.is_none() && path.is_none() && service.is_none() {
        return match tag {
            None => Ok(None),
            Some(_) => Err(Failure::usage(format!(
                "{}: a tag is for a service; name it with --host, --path or --service",
                origins.place("tag")
            ))),
        };
    }
    if let Some(path) = path.as_deref().filter(|path| !path.starts_with('/')) {
        let place = origins.place("path");
        return Err(Failure::usage(format!("{place}: {path:?} is no path; it begins with a slash, as in /api")));
    }
    let (host, path, tag, service) = (host.clone(), path.clone(), tag.clone(), service.clone());
    Ok(Some(Announcement { host, path, tag, service }))
}

/// Each request under way is an open file, and the usual soft limit of 1024 exists only for programs that use select(2).
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "limit of open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// One line keeps about one core busy, here and at the other end. On small machines a second one would only take from
/// the local server, and add work for both.
fn default_connections() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 4).clamp(1, 4))
}

fn style(args: &HttpArgs) -> Style {
    use std::io::IsTerminal;
    match args.log_format {
        LogFormat::Json => Style::Json,
        LogFormat::Text if args.log_level.is_none() && std::io::stdout().is_terminal() && !is_dumb() => Style::Live,
        LogFormat::Text => Style::Plain,
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// Waits for the agent's end, or for a signal: the first one drains, the second one ends at once.
async fn watch(agent: AgentHandle, mut stops: mpsc::Receiver<()>, display: &Display) -> Result<ExitCode, Failure> {
    tokio::select! {
        end = agent.ended() => {
            match end {
                AgentError::ShutDown => return Ok(ExitCode::SUCCESS),
                end => return Err(Failure::of(&end)),
            }
        }
        _ = stops.recv() => display.leaving(),
    }
    tokio::select! {
        () = agent.shutdown() => Ok(ExitCode::SUCCESS),
        Some(()) = stops.recv() => Ok(ExitCode::from(130)),
    }
}

/// One message for each Ctrl-C or SIGTERM.
#[cfg(unix)]
fn stops() -> Result<mpsc::Receiver<()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Failure::new(exit::OS, format!("no signal handler: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// One message for each Ctrl-C.
#[cfg(not(unix))]
fn stops() -> Result<mpsc::Receiver<()>, Failure> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).await.is_ok() {} });
    Ok(receiver)
}
