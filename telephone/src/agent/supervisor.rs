//! What keeps lines open: dial, serve, wait, dial again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use wire::Secret;
use wire::control::{Metadata, Refusal, TunnelCreated};

use super::backoff::Backoff;
use super::dial::{Dialled, Wish, dial};
use super::error::{permanent, printable};
use super::handle::Standing;
use super::session::{self, SessionEnd, reason};
use super::told::Told;
use super::{AgentError, AgentHandle, DialError, Event, TunnelInfo};
use crate::forward::{Forwarder, Report};
use crate::server_url::ServerUrl;
use crate::tls::Tls;

/// How many events a slow listener may be behind.
const EVENTS: usize = 1024;
/// After this long a line has proved itself, and the next wait begins at the shortest again.
const STABLE: Duration = Duration::from_secs(60);

/// What all lines of an agent have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub server: ServerUrl,
    pub server_tls: Option<Tls>,
    pub token: Secret,
    pub local_url: String,
    pub subdomain: Option<String>,
    pub metadata: Metadata,
    pub forwarder: Arc<Forwarder>,
}

/// Where the lines of an agent report to.
#[derive(Debug)]
pub(super) struct Station {
    pub shared: Shared,
    events: broadcast::Sender<Event>,
    told: Told,
    standing: watch::Sender<Standing>,
    /// Lines that only finish what they have begun, and what cuts them off.
    retiring: TaskTracker,
    cut: CancellationToken,
}

impl Station {
    pub(super) fn tell(&self, event: Event) {
        // Nobody need be listening.
        let _receivers = self.events.send(event);
    }

    /// Tells of a request that is over, as long as they are not more than anybody can follow.
    pub(super) fn report(&self, report: Report) {
        if self.told.admits(Instant::now()) {
            self.tell(report.into());
        }
    }

    /// Tells how many requests were over of which nothing else was told.
    pub(super) fn sum_up(&self) {
        if let Some(requests) = self.told.take_untold() {
            self.tell(Event::MoreRequests(requests));
        }
    }

    pub(super) fn round_trip(&self, rtt: Option<Duration>) {
        self.standing.send_modify(|standing| standing.rtt = rtt);
        if let Some(rtt) = rtt {
            self.tell(Event::RoundTrip(rtt));
        }
    }

    pub(super) fn updated(&self, tunnel: &TunnelInfo) {
        self.standing.send_modify(|standing| standing.tunnel = Some(tunnel.clone()));
        self.tell(Event::Updated(tunnel.clone()));
    }

    pub(super) fn retire(&self, finish: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.retiring.spawn(async move { cut.run_until_cancelled(finish).await });
    }

    fn connected(&self, tunnel: &TunnelInfo) {
        self.standing.send_modify(|standing| {
            standing.tunnel = Some(tunnel.clone());
            standing.connections += 1;
        });
        self.tell(Event::Connected(tunnel.clone()));
    }

    fn disconnected(&self) {
        self.standing.send_modify(|standing| standing.connections = standing.connections.saturating_sub(1));
    }

    fn refused(&self, refusal: &Refusal) {
        let Refusal { code, message } = refusal;
        self.tell(Event::Refused { code: code.clone(), message: printable(message) });
    }
}

/// Starts `connections` lines. The first one opens the tunnel; the others, which ask for the same, then join it.
pub(super) fn start(shared: Shared, connections: usize) -> AgentHandle {
    let (events, _) = broadcast::channel(EVENTS);
    let (standing, watched) = watch::channel(Standing::default());
    let station = Arc::new(Station {
        shared,
        events: events.clone(),
        told: Told::new(),
        standing,
        retiring: TaskTracker::new(),
        cut: CancellationToken::new(),
    });
    let leave = CancellationToken::new();
    let task = tokio::spawn(supervise(station, connections, leave.clone()));
    AgentHandle { standing: watched, events, leave, task: AbortOnDropHandle::new(task) }
}

async fn supervise(station: Arc<Station>, connections: usize, leave: CancellationToken) {
    // When this task is aborted, the lines in the background go as well.
    let _cut = station.cut.clone().drop_guard();
    let mut lines = JoinSet::new();
    lines.spawn(keep_line(station.clone(), leave.clone()));
    let mut standing = station.standing.subscribe();
    if connections > 1 {
        tokio::select! {
            _ = standing.wait_for(|standing| standing.tunnel.is_some()) => {
                for _ in 1..connections {
                    lines.spawn(keep_line(station.clone(), leave.clone()));
                }
            }
            () = leave.cancelled() => {}
            Some(ended) = lines.join_next() => return station.end(ended.unwrap_or(AgentError::ShutDown)),
        }
    }
    // One line that is refused for good speaks for all.
    let mut end = AgentError::ShutDown;
    while let Some(ended) = lines.join_next().await {
        match ended {
            Ok(AgentError::ShutDown) => {}
            Ok(refused) => {
                end = refused;
                lines.shutdown().await;
            }
            Err(error) => tracing::error!(%error, "a line's task failed"),
        }
    }
    station.retiring.close();
    station.retiring.wait().await;
    station.end(end);
}

impl Station {
    fn end(&self, end: AgentError) {
        self.standing.send_modify(|standing| standing.end = Some(end));
    }
}

/// Keeps one line open until the agent takes leave or is refused for good.
async fn keep_line(station: Arc<Station>, leave: CancellationToken) -> AgentError {
    let mut backoff = Backoff::new();
    let mut resume = None;
    loop {
        station.tell(Event::Connecting);
        let wish = Wish { subdomain: station.shared.subdomain.clone(), resume: resume.clone(), join: None };
        let dialled = tokio::select! {
            dialled = dial(&station.shared, wish) => dialled,
            () = leave.cancelled() => return AgentError::ShutDown,
        };
        let lost = match dialled {
            Err(error) => after_dial(&station, error),
            Ok(dialled) => {
                resume = Some(dialled.created.resume.clone());
                let begun = Instant::now();
                let end = serve(&station, dialled, &leave).await;
                if begun.elapsed() >= STABLE {
                    backoff.reset();
                }
                after_session(&station, end, &mut backoff)
            }
        };
        let reason = match lost {
            Ok(reason) => reason,
            Err(end) => return end,
        };
        let retry_in = backoff.next();
        let connections = station.standing.borrow().connections;
        station.tell(Event::Disconnected { reason, retry_in, connections });
        tokio::select! {
            () = tokio::time::sleep(retry_in) => {}
            () = leave.cancelled() => return AgentError::ShutDown,
        }
    }
}

async fn serve(station: &Arc<Station>, dialled: Dialled, leave: &CancellationToken) -> SessionEnd {
    let tunnel = tunnel_info(&dialled.created);
    station.connected(&tunnel);
    let end = session::run(station.clone(), dialled, tunnel, leave).await;
    station.disconnected();
    end
}

/// The reason to dial again, or to stop.
fn after_dial(station: &Station, error: DialError) -> Result<String, AgentError> {
    if let DialError::Refused(refusal) = &error {
        station.refused(refusal);
    }
    match error.permanent() {
        Some(end) => Err(end),
        None => Ok(printable(&error.to_string())),
    }
}

/// The reason to dial again, or to stop.
fn after_session(station: &Station, end: SessionEnd, backoff: &mut Backoff) -> Result<String, AgentError> {
    match end {
        SessionEnd::Left => Err(AgentError::ShutDown),
        SessionEnd::Lost(error) => Ok(reason(&error)),
        SessionEnd::Draining => {
            backoff.reset();
            Ok("the switchboard is restarting".to_owned())
        }
        SessionEnd::Refused(refusal) => {
            station.refused(&refusal);
            match permanent(&refusal) {
                Some(end) => Err(end),
                None => Ok(printable(&refusal.message)),
            }
        }
    }
}

fn tunnel_info(created: &TunnelCreated) -> TunnelInfo {
    TunnelInfo {
        tunnel_id: created.tunnel_id.clone(),
        subdomain: created.subdomain.clone(),
        public_url: created.public_url.clone(),
        status: created.status,
        session_id: created.session_id.clone(),
    }
}
