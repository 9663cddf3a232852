use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::error::{Failed, UpstreamError};

/// The body of a request, if it has one, and whether something was taken of it.
pub(super) struct Outgoing<B> {
    body: Option<B>,
    touched: bool,
}

impl<B> Outgoing<B> {
    pub(super) fn new(body: Option<B>) -> Self {
        Self { body, touched: false }
    }

    /// None, and none to give back.
    pub(super) fn nothing() -> Self {
        Self::new(None)
    }
}

impl<B: Body> Outgoing<B> {
    /// The request failed.
    pub(super) fn failed(self, error: UpstreamError<B::Error>) -> Failed<B> {
        let arrivals = u32::from(error.may_have_arrived());
        Failed { error, body: self.body, untouched: !self.touched, arrivals }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Outgoing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        self.touched = true;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
