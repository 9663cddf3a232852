use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use wire::control::Stats;

use super::{AgentError, Event, TunnelInfo};

/// Where an agent stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub tunnel: Option<TunnelInfo>,
    pub connections: usize,
    pub stats: Stats,
    pub rtt: Option<Duration>,
    /// Why a line was lost or not opened, unless one was opened since.
    pub problem: Option<String>,
    pub end: Option<AgentError>,
}

/// A look at where an agent stands, from wherever it is. It does not keep the agent alive.
#[derive(Clone, Debug)]
pub struct AgentView(watch::Receiver<Standing>);

impl AgentView {
    /// The tunnel, as it was told of last; `None` before the first line is open.
    pub fn tunnel(&self) -> Option<TunnelInfo> {
        self.0.borrow().tunnel.clone()
    }

    /// How many lines are open now.
    pub fn connections(&self) -> usize {
        self.0.borrow().connections
    }

    /// The latest round-trip time to the switchboard.
    pub fn round_trip(&self) -> Option<Duration> {
        self.0.borrow().rtt
    }

    /// Why a line was lost or could not be opened, unless one was opened since. Printable.
    pub fn problem(&self) -> Option<String> {
        self.0.borrow().problem.clone()
    }

    /// Why the agent has ended for good, if it has.
    pub fn end(&self) -> Option<AgentError> {
        self.0.borrow().end.clone()
    }
}

/// A running agent. Dropping it cuts the line; [`shutdown`](Self::shutdown) takes leave properly.
#[derive(Debug)]
pub struct AgentHandle {
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) leave: CancellationToken,
    pub(super) task: AbortOnDropHandle<()>,
}

impl AgentHandle {
    /// Waits until a line is open, for as long as it takes, or until the agent has ended for good.
    pub async fn ready(&self) -> Result<TunnelInfo, AgentError> {
        let mut standing = self.standing.clone();
        let ready = standing.wait_for(|now| now.end.is_some() || now.tunnel.is_some() && now.connections > 0).await;
        match ready {
            Ok(now) => match (&now.end, &now.tunnel) {
                (Some(end), _) => Err(end.clone()),
                (None, Some(tunnel)) => Ok(tunnel.clone()),
                (None, None) => Err(AgentError::ShutDown),
            },
            Err(_) => Err(AgentError::ShutDown),
        }
    }

    /// What happens from now on. A receiver that falls behind by more than 1,024 events loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// A look at it for somebody else.
    pub fn view(&self) -> AgentView {
        AgentView(self.standing.clone())
    }

    /// How many lines are open now.
    pub fn connections(&self) -> usize {
        self.standing.borrow().connections
    }

    /// The latest round-trip time to the switchboard.
    pub fn round_trip(&self) -> Option<Duration> {
        self.standing.borrow().rtt
    }

    /// Waits until the agent has ended for good and says why.
    pub async fn ended(&self) -> AgentError {
        let mut standing = self.standing.clone();
        match standing.wait_for(|now| now.end.is_some()).await {
            Ok(now) => now.end.clone().unwrap_or(AgentError::ShutDown),
            Err(_) => AgentError::ShutDown,
        }
    }

    /// Takes leave: the switchboard is told, what is in flight is finished (within 30 s), the line is closed.
    pub async fn shutdown(self) {
        self.leave.cancel();
        // A task that panicked has nothing left to shut down.
        let _outcome = self.task.await;
    }
}
