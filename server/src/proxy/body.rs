//! Bodies on their way through, counted.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use domain::ExchangeEnd;
use http_body::{Body, Frame, SizeHint};
use http1::BodyError;
use server_core::{InFlight, Meter};
use telephone::line::StreamError;
use tokio::time::{Instant, Sleep, sleep};

use super::answer::{Parts, PlainAnswer};
use super::capture::{Capture, Side};
use super::deadline::Progress;
use crate::front::{Pace, Visitor};
use crate::ingress::ClientBody;
use crate::routing::InUse;
use crate::upstream::UpstreamBodyError;

/// A deadline that every sign of life puts off.
#[derive(Debug)]
struct Idleness {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idleness {
    fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    /// Something came: the next wait begins anew.
    fn over(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(Instant::now() + self.limit);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        self.timer.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
    }
}

/// A response body on its way to the client. The request counts as in flight until it is dropped.
pub struct ProxiedBody {
    body: PlainAnswer,
    meter: Arc<Meter>,
    capture: Option<Arc<Capture>>,
    given: Parts,
    pace: Option<Box<Pace>>,
    /// Ends with the session of whoever signed in for it.
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _in_flight: InFlight,
    _in_use: Option<InUse>,
}

/// Why a response body did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum ProxiedBodyError {
    /// The telephone or the line to it broke off.
    #[error(transparent)]
    Tunnel(#[from] StreamError),
    /// The backend broke off.
    #[error(transparent)]
    Upstream(#[from] UpstreamBodyError),
    /// Whoever signed in for it is not signed in any more.
    #[error("whoever signed in for it is not signed in any more")]
    SignedOut,
}

impl ProxiedBody {
    pub(super) fn new(
        body: PlainAnswer,
        meter: Arc<Meter>,
        capture: Option<Arc<Capture>>,
        given: Parts,
        (in_flight, in_use): (InFlight, Option<InUse>),
    ) -> Self {
        Self { body, meter, capture, given, pace: None, ending: None, _in_flight: in_flight, _in_use: in_use }
    }

    /// It passes no faster than this.
    pub(super) fn paced(mut self, pace: Option<Box<Pace>>) -> Self {
        self.pace = pace;
        self
    }

    /// It is cut off when whoever signed in for it is not signed in any more; `None`: nobody had to.
    pub(super) fn while_signed_in(mut self, visitor: Option<Visitor>) -> Self {
        self.ending = visitor.map(|visitor| Box::pin(visitor.ended()) as _);
        self
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProxiedBodyError>>> {
        // Before all else: what has come already is not passed on either.
        if self.ending.as_mut().is_some_and(|ending| ending.as_mut().poll(cx).is_ready()) {
            self.ending = None;
            tracing::debug!("an answer was cut off: who had signed in is not any more");
            return Poll::Ready(Some(Err(ProxiedBodyError::SignedOut)));
        }
        if let Some(pace) = &mut self.pace {
            ready!(pace.poll(cx));
        }
        match &mut self.body {
            PlainAnswer::Tunnel(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            PlainAnswer::Upstream(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }
}

impl fmt::Debug for ProxiedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxiedBody").finish_non_exhaustive()
    }
}

impl Body for ProxiedBody {
    type Data = Bytes;
    type Error = ProxiedBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProxiedBodyError>>> {
        let frame = ready!(self.poll_next(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            if let Some(pace) = &self.pace {
                pace.passed(frame.data_ref().map_or(0, Bytes::len));
            }
            self.meter.add_bytes_out(bytes);
            self.given.add_bytes_out(bytes);
        }
        if let Some(capture) = &self.capture {
            see(capture, Side::Response, frame.as_ref());
            let end = match &frame {
                Some(Err(_)) => Some(ExchangeEnd::BrokenOff),
                None => Some(ExchangeEnd::Complete),
                // Nobody asks again after the last piece.
                Some(Ok(_)) => self.is_end_stream().then_some(ExchangeEnd::Complete),
            };
            if let Some(end) = end {
                capture.ended(end);
                self.capture = None;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            PlainAnswer::Tunnel(body) => body.is_end_stream(),
            PlainAnswer::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            PlainAnswer::Tunnel(body) => body.size_hint(),
            PlainAnswer::Upstream(body) => body.size_hint(),
        }
    }
}

impl Drop for ProxiedBody {
    fn drop(&mut self) {
        // A body whose length was said is not asked whether there is more, and one that there is none of not at all.
        if let Some(capture) = &self.capture
            && self.is_end_stream()
        {
            capture.ended(ExchangeEnd::Complete);
        }
    }
}

/// Shows a frame that passes.
fn see<E>(capture: &Capture, side: Side, frame: Option<&Result<Frame<Bytes>, E>>) {
    let Some(Ok(frame)) = frame else { return };
    if let Some(data) = frame.data_ref() {
        capture.data(side, data);
    } else if let Some(trailers) = frame.trailers_ref() {
        capture.trailers(side, trailers);
    }
}

/// Why a request body did not come whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestBodyError {
    /// The client broke off or broke the framing.
    #[error(transparent)]
    Client(#[from] BodyError),
    /// The client sent nothing for too long.
    #[error("the client sent nothing for {0:?}")]
    Idle(Duration),
    /// It is larger than it may be.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
}

/// How much of a request body is kept, in case that it has to be sent again.
const MAX_KEPT: usize = 64 * 1024;
/// How much of all of them.
const MAX_KEPT_IN_ALL: usize = 32 * 1024 * 1024;
/// How much is kept now.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// The beginning of a body.
#[derive(Debug, Default)]
struct Kept {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Kept {
    /// Keeps one more piece; whether there was room.
    fn push(&mut self, piece: &Bytes) -> bool {
        let in_all = KEPT.fetch_add(piece.len(), Relaxed) + piece.len();
        self.bytes += piece.len();
        self.pieces.push_back(piece.clone());
        self.bytes <= MAX_KEPT && in_all <= MAX_KEPT_IN_ALL
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.bytes, Relaxed);
    }
}

/// A request body from a client, which may be slow but not silent.
#[derive(Debug)]
pub(super) struct RequestBody {
    body: ClientBody,
    meter: Arc<Meter>,
    backend: Option<Arc<Meter>>,
    session: Option<Arc<Meter>>,
    idleness: Idleness,
    /// In a box: most have no limit.
    bounds: Option<Box<Bounds>>,
    /// What has come of the body so far; `None` when that is too much, or not all of it.
    kept: Option<Kept>,
    /// What is sent again before the rest of the body.
    again: VecDeque<Bytes>,
    progress: Progress,
    capture: Option<Arc<Capture>>,
}

/// What a request's body has to keep to.
#[derive(Debug, Default)]
struct Bounds {
    /// How many bytes may come.
    most: Option<u64>,
    /// How many have.
    come: u64,
    /// How fast they may.
    pace: Option<Box<Pace>>,
    /// How fast they may go to the backend that they are given to.
    of_backend: Option<Box<Pace>>,
}

impl Bounds {
    fn paces(&mut self) -> impl Iterator<Item = &mut Box<Pace>> {
        self.pace.iter_mut().chain(&mut self.of_backend)
    }
}

impl RequestBody {
    pub(super) fn new(body: ClientBody, meter: Arc<Meter>, capture: Option<Arc<Capture>>, idle: Duration) -> Self {
        let small = body.size_hint().lower() <= MAX_KEPT as u64;
        let kept = small.then(Kept::default);
        Self {
            body,
            meter,
            backend: None,
            session: None,
            idleness: Idleness::new(idle),
            bounds: None,
            kept,
            again: VecDeque::new(),
            progress: Progress::default(),
            capture,
        }
    }

    /// It may have so many bytes.
    pub(super) fn at_most(mut self, bytes: Option<u64>) -> Self {
        if bytes.is_some() {
            self.bounds.get_or_insert_default().most = bytes;
        }
        self
    }

    /// It passes no faster than this.
    pub(super) fn paced(mut self, pace: Option<Box<Pace>>) -> Self {
        if pace.is_some() {
            self.bounds.get_or_insert_default().pace = pace;
        }
        self
    }

    /// So many bytes more have come. Fails with how many may, if that is too many.
    fn admit(&mut self, more: usize) -> Result<(), u64> {
        let Some(bounds) = self.bounds.as_deref_mut() else { return Ok(()) };
        bounds.paces().for_each(|pace| pace.passed(more));
        bounds.come += more as u64;
        bounds.most.filter(|most| bounds.come > *most).map_or(Ok(()), Err)
    }

    /// It goes to this backend, and no faster than that one's owner says.
    pub(super) fn given_to_backend(&mut self, backend: &Arc<Meter>, pace: Option<Box<Pace>>) {
        self.backend = Some(backend.clone());
        if pace.is_some() || self.bounds.is_some() {
            self.bounds.get_or_insert_default().of_backend = pace;
        }
    }

    /// It goes to this telephone.
    pub(super) fn given_to_session(&mut self, session: &Arc<Meter>) {
        self.session = Some(session.clone());
    }

    fn count_given(&self, bytes: usize) {
        self.backend.iter().chain(&self.session).for_each(|meter| meter.add_bytes_in(bytes as u64));
    }

    /// Tells how far it has come.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The same body from its beginning, if what has gone of it is still at hand.
    pub(super) fn again(mut self: Box<Self>) -> Option<Box<Self>> {
        self.again = self.kept.as_ref()?.pieces.clone();
        Some(self)
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let all = match (&mut self.kept, frame.data_ref()) {
            (Some(kept), Some(data)) => kept.push(data),
            _ => false,
        };
        if !all {
            self.kept = None;
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        if let Some(piece) = self.again.pop_front() {
            self.count_given(piece.len());
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        for pace in self.bounds.iter_mut().flat_map(|bounds| bounds.paces()) {
            ready!(pace.poll(cx));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            std::task::ready!(self.idleness.poll(cx));
            self.kept = None;
            self.progress.break_off();
            return Poll::Ready(Some(Err(RequestBodyError::Idle(self.idleness.limit))));
        };
        self.idleness.over();
        self.progress.advance();
        let more = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        if let Err(most) = self.admit(more) {
            self.kept = None;
            self.progress.exceed(most);
            return Poll::Ready(Some(Err(RequestBodyError::TooLarge(most))));
        }
        if let Some(capture) = &self.capture {
            see(capture, Side::Request, frame.as_ref());
        }
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.meter.add_bytes_in(bytes as u64);
                self.count_given(bytes);
                self.keep(frame);
            }
            Some(Err(_)) => {
                self.kept = None;
                self.progress.break_off();
            }
            None => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.again.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.again.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}
