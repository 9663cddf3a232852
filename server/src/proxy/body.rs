//! Bodies on their way through, counted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use server_core::{InFlight, Meter};
use telephone::line::{RecvBody, StreamError};
use tokio::time::{Instant, Sleep, sleep};

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

/// A response body from a telephone. The request counts as in flight until it is dropped.
#[derive(Debug)]
pub struct TunnelBody {
    body: RecvBody,
    meter: Arc<Meter>,
    /// What broke it, until the client has what came before.
    broken: Option<StreamError>,
    _in_flight: InFlight,
}

impl TunnelBody {
    pub(super) fn new(body: RecvBody, meter: Arc<Meter>, in_flight: InFlight) -> Self {
        Self { body, meter, broken: None, _in_flight: in_flight }
    }
}

impl Body for TunnelBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                self.meter.add_bytes_out(frame.data_ref().map_or(0, |data| data.len() as u64));
            }
            // hyper drops what it has not written yet when a body breaks, and that may be the head: a client would be
            // left without any answer. It writes when there is nothing to read, so the end comes one turn later.
            Some(Err(error)) => {
                self.broken = Some(error.clone());
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why a request body did not come whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestBodyError {
    /// The client broke off or broke the framing.
    #[error(transparent)]
    Client(#[from] hyper::Error),
    /// The client sent nothing for too long.
    #[error("the client sent nothing for {0:?}")]
    Idle(Duration),
}

/// A request body from a client, which may be slow but not silent.
#[derive(Debug)]
pub(super) struct RequestBody {
    body: hyper::body::Incoming,
    meter: Arc<Meter>,
    idleness: Idleness,
}

impl RequestBody {
    pub(super) fn new(body: hyper::body::Incoming, meter: Arc<Meter>, idle: Duration) -> Self {
        Self { body, meter, idleness: Idleness::new(idle) }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            std::task::ready!(self.idleness.poll(cx));
            return Poll::Ready(Some(Err(RequestBodyError::Idle(self.idleness.limit))));
        };
        self.idleness.over();
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.meter.add_bytes_in(data.len() as u64);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
