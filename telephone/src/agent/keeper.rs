//! What keeps one line open: dial, serve, wait, dial again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::Secret;
use wire::control::{ErrorCode, TunnelCreated};

use super::backoff::Backoff;
use super::dial::{Dialled, Wish, dial};
use super::error::{permanent, printable};
use super::membership::Part;
use super::session::{self, Leave, SessionEnd, reason};
use super::supervisor::Station;
use super::{AgentError, DialError, Event, TunnelInfo};
use crate::forward::Forwarder;

/// One of an agent's lines, whether it is open or not.
pub(super) struct Keeper {
    station: Arc<Station>,
    /// The agent takes leave.
    all_leave: CancellationToken,
    /// This line does, with the others or alone.
    leave: CancellationToken,
    /// The local connections of this line: they live on its runtime.
    forwarder: Arc<Forwarder>,
    backoff: Backoff,
    /// The right to open the session that all lines share, while attempts at it fail.
    turn: Option<OwnedMutexGuard<()>>,
    /// The server did not know the session that was to be joined.
    gone: bool,
}

/// What to do after a line was lost or not opened.
enum Next {
    /// Dial again after this time, for this reason.
    Wait(Duration, String),
    /// Dial again at once, which nobody need know about.
    AtOnce,
    /// Never again.
    End(AgentError),
}

impl Keeper {
    pub(super) fn new(station: Arc<Station>, all_leave: CancellationToken, leave: CancellationToken) -> Self {
        let forwarder = Arc::new(station.shared.forwarder.with_own_pool());
        Self { station, all_leave, leave, forwarder, backoff: Backoff::new(), turn: None, gone: false }
    }

    /// Keeps the line open until the agent takes leave or is refused for good.
    pub(super) async fn run(mut self) -> AgentError {
        loop {
            let (wait, reason) = match self.once().await {
                Next::Wait(wait, reason) => (wait, reason),
                Next::AtOnce => continue,
                Next::End(end) => return end,
            };
            self.station.interrupted(reason, wait);
            if self.leave.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return AgentError::ShutDown;
            }
        }
    }

    /// Dials once, and serves the line as long as it holds.
    async fn once(&mut self) -> Next {
        let part = match self.turn.take() {
            Some(turn) => self.station.membership.try_again(turn),
            None => match self.leave.run_until_cancelled(self.station.membership.take_part()).await {
                Some(part) => part,
                None => return Next::End(AgentError::ShutDown),
            },
        };
        self.station.tell(Event::Connecting);
        let subdomain = self.station.subdomain();
        let (wish, turn) = match part {
            Part::Opener { resume, turn } => (Wish { subdomain, resume, join: None }, Some(turn)),
            Part::Further(join) => (Wish { subdomain, resume: None, join: Some(join) }, None),
        };
        let joining = wish.join.as_ref().map(|join| join.session_id.clone());
        let mut token = self.station.shared.token.follow();
        let presented = token.borrow_and_update().clone();
        let dialled = self.leave.run_until_cancelled(dial(&self.station, presented.clone(), wish)).await;
        match dialled {
            None => Next::End(AgentError::ShutDown),
            Some(Err(error)) => {
                self.turn = turn;
                let next = self.not_opened(&error, joining.as_deref());
                self.unless_renewed(next, &presented).await
            }
            Some(Ok(dialled)) => {
                self.gone = false;
                self.belongs(&dialled.created, joining.as_deref());
                drop(turn);
                self.serve(dialled, token).await
            }
        }
    }

    /// Notes which session an open line belongs to.
    fn belongs(&self, created: &TunnelCreated, joining: Option<&str>) {
        match joining {
            None => self.station.membership.opened(created),
            // A server that knows of no joining has made a session of this line's own.
            Some(wanted) if wanted != created.session_id => self.station.membership.left(wanted),
            Some(_) => {}
        }
    }

    fn not_opened(&mut self, error: &DialError, joining: Option<&str>) -> Next {
        match (joining, error) {
            (Some(session), DialError::Refused(refusal)) if refusal.code == ErrorCode::SessionGone => {
                self.station.membership.gone(session);
                if !std::mem::replace(&mut self.gone, true) {
                    return Next::AtOnce;
                }
            }
            (Some(session), _) => self.station.membership.left(session),
            (None, _) => {}
        }
        if let DialError::Refused(refusal) = error {
            self.station.refused(refusal);
        }
        match error.permanent() {
            Some(end) => Next::End(end),
            None => Next::Wait(self.backoff.next_within(self.station.spread()), printable(&error.to_string())),
        }
    }

    /// A token that is refused for good is no reason to end when its file holds another one by now.
    async fn unless_renewed(&mut self, next: Next, presented: &Secret) -> Next {
        match next {
            Next::End(AgentError::Refused { code, message }) if code.is_token() => {
                self.station.shared.token.look().await;
                if self.station.shared.token.current() == *presented {
                    Next::End(AgentError::Refused { code, message })
                } else {
                    Next::Wait(self.backoff.next(), message)
                }
            }
            next => next,
        }
    }

    async fn serve(&mut self, dialled: Dialled, token: watch::Receiver<Secret>) -> Next {
        let tunnel = tunnel_info(&dialled.created);
        let id = tunnel.session_id.clone();
        let begun = Instant::now();
        self.station.connected(&tunnel);
        let open = self.station.opened(&dialled.line);
        let leave = Leave { all: &self.all_leave, this: &self.leave };
        let end = session::run(self.station.clone(), self.forwarder.clone(), dialled, (tunnel, token), leave).await;
        drop(open);
        self.station.disconnected();
        if matches!(end, SessionEnd::Left) && !self.all_leave.is_cancelled() {
            self.station.tell(Event::LetGo { connections: self.station.connections() });
        }
        match end {
            SessionEnd::Draining(_) => self.station.membership.drained(&id),
            SessionEnd::Lost(_) | SessionEnd::Refused(_) | SessionEnd::Left => self.station.membership.left(&id),
        }
        self.lost(end, begun.elapsed())
    }

    fn lost(&mut self, end: SessionEnd, open: Duration) -> Next {
        match end {
            SessionEnd::Left => Next::End(AgentError::ShutDown),
            SessionEnd::Lost(error) => Next::Wait(self.backoff.after_loss(open), reason(&error)),
            SessionEnd::Draining(redial) => {
                Next::Wait(self.backoff.after_drain(redial), "the switchboard is restarting".to_owned())
            }
            SessionEnd::Refused(refusal) => {
                self.station.refused(&refusal);
                match permanent(&refusal) {
                    // There may be another token by now. If there is not, that is refused when it is dialled with.
                    Some(_) if refusal.code.is_token() && self.station.shared.token.may_change() => {
                        Next::Wait(self.backoff.next(), printable(&refusal.message))
                    }
                    Some(end) => Next::End(end),
                    None => Next::Wait(self.backoff.next(), printable(&refusal.message)),
                }
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
        services: created.services.clone(),
    }
}
