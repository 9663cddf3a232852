//! On which line a request goes, and whether it may go again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use telephone::line::{OpenStreamError, ResponseFuture, SendBody, StreamError};
use wire::frame::ResetCode;
use wire::head::RequestHead;
use wire::mux::OpenError;
use wire::received;

use super::capture::Capture;
use super::problem::Problem;
use crate::front::Standings;
use crate::routing::TunnelRoute;
use crate::tunnel::{SessionLine, SessionSet};

/// How long a new request waits for a telephone at most; the setting `hold_timeout` may say less.
const PATIENCE: Duration = Duration::MAX;
/// How long one does whose line broke under it. Its telephone is back in this time, or its client is told: whoever has
/// waited for an answer already is not kept waiting for as long again.
const PATIENCE_AFTER_BREAK: Duration = Duration::from_millis(500);
/// How often a request is turned away by lines that have no room, or are just ending, before its client is.
const MAX_TURNS: u32 = 4;

/// The attempts to have one request answered.
pub(super) struct Attempts<'a> {
    route: &'a TunnelRoute,
    capture: Option<&'a Capture>,
    /// For whom the token's limit is still to be counted, and where that is noted. The request counts once, for the
    /// telephone that it is given to first.
    payer: Option<(IpAddr, &'a mut Standings)>,
    turns: u32,
    /// A line broke under the request, which may have been processed.
    broken: bool,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(
        route: &'a TunnelRoute,
        capture: Option<&'a Capture>,
        payer: Option<(IpAddr, &'a mut Standings)>,
    ) -> Self {
        Self { route, capture, payer, turns: 0, broken: false }
    }

    /// Opens a stream on the best line there is, waiting for one if need be.
    pub(super) async fn open(
        &mut self,
        head: &RequestHead,
        end: bool,
    ) -> Result<(Arc<SessionLine>, (SendBody, ResponseFuture)), Problem> {
        let mut line = match self.pick() {
            Some(line) => line,
            None => self.wait().await?,
        };
        if let Some((client, standings)) = self.payer.take()
            && let Some(rate) = &line.rate
        {
            standings.count(rate, client)?;
        }
        loop {
            let asking = if self.wants_head(&line) { received::asking(head) } else { None };
            let error = match line.line.open(asking.as_ref().unwrap_or(head), end) {
                Ok(stream) => {
                    if let Some(capture) = self.capture {
                        capture.given_to_session(line.session);
                    }
                    return Ok((line, stream));
                }
                Err(error) => error,
            };
            tracing::debug!(session = %line.session, %error, "no stream was opened");
            self.turns += 1;
            line = match error {
                OpenStreamError::Refused(OpenError::Head(_)) => return Err(Problem::head_too_large()),
                _ if self.turns >= MAX_TURNS => return Err(Problem::busy()),
                OpenStreamError::Refused(OpenError::TooManyStreams | OpenError::Congested) => {
                    let other = self.route.sessions.pick_emptiest();
                    other.filter(|other| !Arc::ptr_eq(other, &line)).ok_or_else(Problem::busy)?
                }
                // It takes no requests any more, and is not picked again.
                OpenStreamError::Refused(_) | OpenStreamError::Line(_) => match self.pick() {
                    Some(line) => line,
                    None => self.wait().await?,
                },
            };
        }
    }

    /// Whether the telephone is asked for the head of the response as it receives it.
    pub(super) fn wants_head(&self, line: &SessionLine) -> bool {
        line.tells_heads && self.capture.is_some_and(Capture::keeps_heads)
    }

    fn pick(&self) -> Option<Arc<SessionLine>> {
        if self.broken { self.route.sessions.pick_lively() } else { self.route.sessions.pick() }
    }

    async fn wait(&self) -> Result<Arc<SessionLine>, Problem> {
        let _held = self.route.meter.hold();
        let since = self.capture.map(|_| Instant::now());
        let line = if self.broken {
            self.route.sessions.wait(PATIENCE_AFTER_BREAK, SessionSet::pick_lively).await
        } else {
            self.route.sessions.wait(PATIENCE, SessionSet::pick).await
        };
        if let (Some(capture), Some(since)) = (self.capture, since) {
            capture.held(since.elapsed());
        }
        line.ok_or_else(if self.broken { Problem::bad_gateway } else { Problem::tunnel_offline })
    }

    /// Whether the request may be sent again after it got no response because of `error`: if the telephone did nothing
    /// with it, or if doing it twice is as good as once (RFC 9110 section 9.2.2) and it has not arrived before, as far as
    /// is known.
    pub(super) fn may_repeat(&mut self, method: &Method, error: &StreamError, arrivals: u32) -> bool {
        self.turns += 1;
        match error {
            _ if self.turns >= MAX_TURNS => false,
            refused if refused.is_refused() => true,
            StreamError::Line(_) | StreamError::Reset(ResetCode::LOST) => {
                self.broken = true;
                method.is_idempotent() && arrivals == 0
            }
            _ => false,
        }
    }

    /// The request is sent again.
    pub(super) fn repeated(&self) {
        self.route.meter.retried();
        self.route.sessions.retried();
    }
}
