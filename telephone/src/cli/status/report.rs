//! What a telephone says of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use telephone::AgentView;
use telephone::wire::control::Status;

use crate::cli::display::{duration, escape};

/// A running telephone.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Report {
    /// Its process.
    pub pid: u32,
    pub version: String,
    pub server: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub tunnels: Vec<TunnelReport>,
}

/// One of its tunnels.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct TunnelReport {
    /// As in the file; with `http` it has none.
    pub name: Option<String>,
    pub target: String,
    pub state: State,
    pub public_url: Option<String>,
    pub connections: usize,
    pub round_trip_ms: Option<f64>,
    /// Why it is not online, as far as that is known.
    pub problem: Option<String>,
}

/// How a tunnel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum State {
    Connecting,
    Online,
    Paused,
    /// It was refused for good.
    Ended,
}

impl TunnelReport {
    pub(in crate::cli) fn of(name: Option<&str>, target: &str, view: &AgentView) -> Self {
        let (tunnel, connections, end) = (view.tunnel(), view.connections(), view.end());
        let state = match &tunnel {
            _ if end.is_some() => State::Ended,
            Some(tunnel) if connections > 0 => match tunnel.status {
                Status::Active => State::Online,
                Status::Paused | Status::Deleted => State::Paused,
            },
            _ => State::Connecting,
        };
        let problem = end.map(|end| end.to_string()).or_else(|| view.problem());
        Self {
            name: name.map(str::to_owned),
            target: target.to_owned(),
            state,
            public_url: tunnel.map(|tunnel| tunnel.public_url),
            connections,
            round_trip_ms: view.round_trip().filter(|_| connections > 0).map(|time| time.as_secs_f64() * 1000.0),
            problem,
        }
    }
}

impl Report {
    pub(super) fn is_online(&self) -> bool {
        self.tunnels.iter().all(|tunnel| tunnel.state == State::Online)
    }

    /// In lines for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { pid, version, server, started_at, tunnels } = self;
        let head =
            format!("telephone {}, process {pid}, at {} since {}", escape(version), escape(server), escape(started_at));
        let width = tunnels.iter().filter_map(|tunnel| tunnel.name.as_ref()).map(String::len).max().unwrap_or(0);
        std::iter::once(head).chain(tunnels.iter().map(|tunnel| tunnel.line(width))).collect()
    }
}

impl TunnelReport {
    fn line(&self, width: usize) -> String {
        let name = self.name.as_deref().map_or_else(String::new, |name| format!("{:width$}  ", escape(name)));
        let state = match self.state {
            State::Connecting => "connecting",
            State::Online => "online",
            State::Paused => "paused",
            State::Ended => "ended",
        };
        let address = self.public_url.as_deref().map_or_else(|| "-".to_owned(), escape);
        let trip =
            self.round_trip_ms.map(|ms| format!(", round trip {}", duration(Duration::from_secs_f64(ms / 1000.0))));
        let plural = if self.connections == 1 { "" } else { "s" };
        let lines = format!("{} connection{plural}{}", self.connections, trip.unwrap_or_default());
        let detail = self.problem.as_deref().map_or(lines, escape);
        format!("  {name}{state:<10}  {address} -> {}  {detail}", escape(&self.target))
    }
}
