//! One open line, from `ready` to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use wire::Secret;
use wire::close;
use wire::control::{Control, Drain, Refusal, Renew, Renewed, UpdateTunnel};

use super::crew::Crew;
use super::dial::Dialled;
use super::error::printable;
use super::supervisor::Station;
use super::{Event, TunnelInfo};
use crate::forward::Forwarder;
use crate::line::{ControlReceiver, Line, LineError};

/// How long requests in flight may take when the agent takes leave.
const LEAVE_LIMIT: Duration = Duration::from_secs(LEAVE_LIMIT_S as u64);
const LEAVE_LIMIT_S: u32 = 30;
/// How long requests in flight may take when the server does, unless it says otherwise.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// How long the server may take to answer a `drain`.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How often the round-trip time is looked at.
const PULSE: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// The line broke.
    Lost(LineError),
    /// The server said why it closes the line.
    Refused(Refusal),
    /// The server takes leave; what is in flight is finished in the background. It may have said when to dial again.
    Draining(Option<Duration>),
    /// This agent took leave.
    Left,
}

/// What has a line take leave.
#[derive(Clone, Copy)]
pub(super) struct Leave<'a> {
    /// All the agent's lines do.
    pub all: &'a CancellationToken,
    /// This one does; with the others, or alone.
    pub this: &'a CancellationToken,
}

/// What goes on on one line.
struct Session {
    station: Arc<Station>,
    forwarder: Arc<Forwarder>,
    line: Line,
    control: ControlReceiver,
    tunnel: TunnelInfo,
    /// What was signed in with, and what is to come in its place.
    token: watch::Receiver<Secret>,
    tasks: JoinSet<()>,
}

/// Serves a line until it ends or is handed over to the background.
pub(super) async fn run(
    station: Arc<Station>,
    forwarder: Arc<Forwarder>,
    dialled: Dialled,
    (tunnel, token): (TunnelInfo, watch::Receiver<Secret>),
    leave: Leave<'_>,
) -> SessionEnd {
    let Dialled { line, driver, incoming, control, .. } = dialled;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let reason = driver.run().await;
        tracing::debug!(%reason, "the line has ended");
    });
    tasks.spawn(Crew::new(station.clone(), forwarder.clone()).serve(incoming));
    Session { station, forwarder, line, control, tunnel, token, tasks }.run(leave).await
}

impl Session {
    async fn run(mut self, leave: Leave<'_>) -> SessionEnd {
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rtt = None;
        let mut refusal = None;
        let line = self.line.clone();
        loop {
            tokio::select! {
                biased;
                message = self.control.recv() => match message {
                    Some(Control::Error(reason)) => refusal = Some(reason),
                    Some(Control::Drain(drain)) => {
                        let redial = drain.redial_ms.map(|wait| Duration::from_millis(u64::from(wait)));
                        self.retire(&drain);
                        return SessionEnd::Draining(redial);
                    }
                    Some(Control::UpdateTunnel(update)) => self.update(update),
                    Some(Control::Renewed(Renewed { refused })) => self.station.renewed(refused),
                    Some(Control::TunnelStatus(status)) => {
                        self.station.set_spread(status.spread_ms);
                        self.station.stats(status.stats);
                    }
                    Some(_) => {}
                    None => return self.lost(refusal).await,
                },
                _ended = line.closed() => {
                    // What the server said last may still be in the queue.
                    while let Some(message) = self.control.recv().await {
                        if let Control::Error(reason) = message {
                            refusal = Some(reason);
                        }
                    }
                    return self.lost(refusal).await;
                }
                () = leave.this.cancelled() => {
                    if leave.all.is_cancelled() {
                        self.leave().await;
                    } else {
                        self.leave_alone(leave.all).await;
                    }
                    return SessionEnd::Left;
                }
                Ok(()) = self.token.changed() => self.renew(),
                _ = pulse.tick() => {
                    self.station.sum_up();
                    self.forwarder.sweep();
                    if rtt != self.line.rtt() {
                        rtt = self.line.rtt();
                        self.station.round_trip(rtt);
                    }
                }
            }
        }
    }

    async fn lost(mut self, refusal: Option<Refusal>) -> SessionEnd {
        let reason = self.line.closed().await;
        while self.tasks.join_next().await.is_some() {}
        match refusal {
            Some(refusal) => SessionEnd::Refused(refusal),
            None => SessionEnd::Lost(reason),
        }
    }

    /// Signs in with another token while the session goes on. One that is refused is told of by `renewed`.
    fn renew(&mut self) {
        let token = self.token.borrow_and_update().clone();
        if let Err(error) = self.line.send_control(Control::Renew(Renew { token })) {
            tracing::debug!(%error, "the switchboard could not be shown the new token");
        }
    }

    fn update(&mut self, update: UpdateTunnel) {
        if let Some(subdomain) = update.subdomain {
            self.tunnel.subdomain = subdomain;
        }
        if let Some(public_url) = update.public_url {
            self.tunnel.public_url = public_url;
        }
        self.tunnel.status = update.status.unwrap_or(self.tunnel.status);
        self.station.updated(&self.tunnel);
    }

    /// The server goes away: what is in flight is finished here while the agent dials anew.
    fn retire(mut self, drain: &Drain) {
        self.station.tell(Event::Draining);
        let limit = drain.deadline_s.map_or(DRAIN_LIMIT, |seconds| Duration::from_secs(u64::from(seconds)));
        let station = self.station.clone();
        station.retire(async move {
            if timeout(limit, self.line.idle()).await.is_err() {
                tracing::warn!("requests in flight did not end before the switchboard's deadline");
            }
            self.line.close(close::NORMAL, "drained");
            while self.tasks.join_next().await.is_some() {}
        });
    }

    /// Takes leave of the server: no new requests, those in flight are finished, the line is closed.
    async fn leave(&mut self) {
        let deadline = Instant::now() + LEAVE_LIMIT;
        let reason = Some("the telephone is shutting down".to_owned());
        let drain = Drain { reason, deadline_s: Some(LEAVE_LIMIT_S), ..Drain::default() };
        if self.line.send_control(Control::Drain(drain)).is_ok() {
            // The answer comes after the last request. A server that does not answer is not waited for.
            let answered = timeout(ANSWER_LIMIT, async {
                while let Some(message) = self.control.recv().await {
                    if matches!(message, Control::Drain(_)) {
                        break;
                    }
                }
            });
            if answered.await.is_err() {
                tracing::debug!("the switchboard did not answer the drain");
            }
            if tokio::time::timeout_at(deadline, self.line.idle()).await.is_err() {
                tracing::warn!("requests in flight did not end within 30 s and are cut off");
            }
        }
        self.line.close(close::NORMAL, "the telephone was shut down");
        while self.tasks.join_next().await.is_some() {}
    }

    /// Lets go of this line alone. New requests go to the others; what is in flight is finished here, however long it
    /// takes, unless the agent takes leave meanwhile.
    async fn leave_alone(&mut self, all: &CancellationToken) {
        let reason = Some("there is too little work for this connection".to_owned());
        if self.line.send_control(Control::Drain(Drain { reason, line: true, ..Drain::default() })).is_ok() {
            let too_late = async {
                all.cancelled().await;
                tokio::time::sleep(LEAVE_LIMIT).await;
            };
            tokio::select! {
                () = self.finish() => {}
                () = too_late => tracing::warn!("requests in flight did not end within 30 s and are cut off"),
            }
        }
        self.line.close(close::GOING_AWAY, "too little work for this connection");
        while self.tasks.join_next().await.is_some() {}
    }

    /// Serves what is in flight, and what comes until the server answers the `drain`.
    async fn finish(&mut self) {
        let line = self.line.clone();
        let mut pulse = interval(PULSE);
        let answer_by = Instant::now() + ANSWER_LIMIT;
        let mut answered = false;
        loop {
            tokio::select! {
                message = self.control.recv() => match message {
                    Some(Control::Drain(_)) => answered = true,
                    // The other lines are told the same.
                    Some(_) => {}
                    None => return,
                },
                () = line.idle(), if answered => return,
                now = pulse.tick() => {
                    answered |= now >= answer_by;
                    self.forwarder.sweep();
                }
            }
        }
    }
}

/// The reason of a lost line, for people.
pub(super) fn reason(error: &LineError) -> String {
    printable(&error.to_string())
}
