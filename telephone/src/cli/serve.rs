//! Serving tunnels until they end or somebody asks for it: what `http` and `start` have in common.

use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use telephone::{Agent, AgentError, AgentHandle, Announcement, Target};
use tokio::sync::mpsc;
use tracing_subscriber::filter::LevelFilter;

use super::args::LogFormat;
use super::display::{Display, Shown, Style};
use super::exit::{self, Failure};
use super::settings::Connection;
#[cfg(unix)]
use super::status::{Report, Teller, TunnelReport};
use super::workers::Workers;
use super::{logging, signals};

/// What is to be served.
#[derive(Debug)]
pub(super) struct Plan {
    pub connection: Connection,
    pub ca_file: Option<PathBuf>,
    /// What the telephone is called; the machine's name if it has none.
    pub name: Option<String>,
    pub region: Option<String>,
    pub log_format: LogFormat,
    pub log_level: Option<LevelFilter>,
    pub tunnels: Vec<Tunnel>,
}

/// One tunnel to be served.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// What the file calls it; with `http` it has no name.
    pub name: Option<String>,
    pub target: Target,
    pub subdomain: Option<String>,
    pub announcement: Option<Announcement>,
    pub host_header: Option<String>,
    pub insecure: bool,
    pub connections: Option<usize>,
}

/// A tunnel that is served.
struct Served {
    name: Option<String>,
    agent: AgentHandle,
}

pub(super) fn run(plan: Plan) -> Result<ExitCode, Failure> {
    let style = style(&plan);
    // On a terminal the log would be written across what is drawn there: it is off unless asked for, and then the
    // display is plain.
    if style != Style::Live {
        logging::start(plan.log_format, plan.log_level.unwrap_or(LevelFilter::WARN));
    }
    raise_file_limit();
    let failed = |error| Failure::new(exit::OS, format!("the runtime cannot be started: {error}"));
    // One thread for each line: an agent is all I/O, and a second thread would only add wake-ups between the two.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let workers = Workers::start(plan.tunnels.len().min(cores())).map_err(failed)?;
        let stops = signals::stops()?;
        let name = plan.name.clone().or_else(|| gethostname::gethostname().into_string().ok());
        let mut served = Vec::new();
        for (index, tunnel) in plan.tunnels.iter().enumerate() {
            // Its tasks are those of the runtime that is entered.
            let worker = workers.of(index);
            let _entered = worker.enter();
            let agent = start(&plan, tunnel, name.as_deref())?;
            served.push(Served { name: tunnel.name.clone(), agent });
        }
        let shown = plan.tunnels.iter().zip(&served);
        let shown = shown.map(|(tunnel, served)| Shown {
            name: tunnel.name.clone(),
            target: tunnel.target.to_string(),
            events: served.agent.events(),
        });
        #[cfg(unix)]
        let _teller = tell(&plan, &served);
        let display = Display::start(style, &plan.connection.server, shown.collect());
        let ended = watch(served, stops, &display).await;
        display.stop().await;
        ended
    })
}

/// Lets `telephone status` ask; without that, everything else is as good.
#[cfg(unix)]
fn tell(plan: &Plan, served: &[Served]) -> Option<Teller> {
    let started_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let (server, pid, version) = (plan.connection.server.clone(), std::process::id(), env!("CARGO_PKG_VERSION"));
    let tunnels = plan.tunnels.iter().zip(served);
    let tunnels: Vec<_> =
        tunnels.map(|(tunnel, served)| (tunnel.name.clone(), tunnel.target.to_string(), served.agent.view())).collect();
    let report = move || {
        let tunnels = tunnels.iter().map(|(name, target, view)| TunnelReport::of(name.as_deref(), target, view));
        let (server, version, started_at) = (server.clone(), version.to_owned(), started_at.clone());
        Report { pid, version, server, started_at, tunnels: tunnels.collect() }
    };
    Teller::start(report).inspect_err(|error| tracing::debug!(%error, "`telephone status` cannot ask")).ok()
}

fn start(plan: &Plan, tunnel: &Tunnel, name: Option<&str>) -> Result<AgentHandle, Failure> {
    let Connection { server, token, token_file } = &plan.connection;
    let connections = tunnel.connections.map_or_else(default_connections, |fixed| fixed..=fixed);
    let mut agent = Agent::builder(server, token.expose()).target(tunnel.target.clone()).own_threads(true);
    agent = agent.connections_within(connections).insecure_target(tunnel.insecure);
    if let Some(subdomain) = &tunnel.subdomain {
        agent = agent.subdomain(subdomain);
    }
    if let Some(service) = &tunnel.announcement {
        agent = agent.announce(service.clone());
    }
    if let Some(name) = name {
        agent = agent.name(name);
    }
    if let Some(region) = &plan.region {
        agent = agent.region(region);
    }
    if let Some(host) = &tunnel.host_header {
        agent = agent.host_header(host);
    }
    if let Some(path) = &plan.ca_file {
        agent = agent.ca_file(path);
    }
    if let Some(path) = token_file {
        agent = agent.token_file(path);
    }
    agent.start().map_err(|error| Failure::usage(error.to_string()).about(tunnel.name.as_deref()))
}

/// Each request under way is an open file, and the usual soft limit of 1024 exists only for programs that use select(2).
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "limit of open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// One line keeps about one core busy, here and at the other end; the other cores are the local server's. With little to
/// do, each line more than one would only add work for both ends.
fn default_connections() -> RangeInclusive<usize> {
    1..=(cores() / 2).clamp(1, 8)
}

fn style(plan: &Plan) -> Style {
    match plan.log_format {
        LogFormat::Json => Style::Json,
        LogFormat::Text if plan.tunnels.len() == 1 && plan.log_level.is_none() && is_terminal() => Style::Live,
        LogFormat::Text => Style::Plain,
    }
}

/// Whether what is shown there can be drawn anew.
fn is_terminal() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Waits for the end of all agents, or for a signal: the first one drains, the second one ends at once.
async fn watch(served: Vec<Served>, mut stops: mpsc::Receiver<()>, display: &Display) -> Result<ExitCode, Failure> {
    tokio::select! {
        ended = all_ended(&served) => return ended,
        _ = stops.recv() => display.leaving(),
    }
    tokio::select! {
        _ = join_all(served.into_iter().map(|served| served.agent.shutdown())) => Ok(ExitCode::SUCCESS),
        Some(()) = stops.recv() => Ok(ExitCode::from(130)),
    }
}

/// Waits until nothing is served any more. That one tunnel is refused is no reason to end the others; the last refusal
/// is what the command ends with.
async fn all_ended(served: &[Served]) -> Result<ExitCode, Failure> {
    let ends = served.iter().map(async |served| (served.name.as_deref(), served.agent.ended().await));
    let mut ends: FuturesUnordered<_> = ends.collect();
    while let Some((name, end)) = ends.next().await {
        if end == AgentError::ShutDown {
            continue;
        }
        let failure = Failure::of(&end).about(name);
        if ends.is_empty() {
            return Err(failure);
        }
        failure.report();
    }
    Ok(ExitCode::SUCCESS)
}
