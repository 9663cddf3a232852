use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wire::frame::ResetCode;
use wire::mux::{Received, Side, StreamId};

use super::StreamError;
use super::shared::Shared;

/// The receiving direction of one stream; letting go of it before the end tells the peer.
#[derive(Debug)]
pub(super) struct RecvHandle {
    pub shared: Arc<Shared>,
    pub id: StreamId,
}

impl RecvHandle {
    pub(super) fn new(shared: &Arc<Shared>, id: StreamId) -> Self {
        Self { shared: shared.clone(), id }
    }

    /// What comes next, and whether nothing comes after it.
    fn poll_read(&self, cx: &mut Context<'_>) -> Poll<Result<(Received, bool), StreamError>> {
        let pace = self.shared.pace();
        self.shared.change(|state| {
            state.mux.set_pace(pace);
            match (state.mux.read(self.id), &state.ended) {
                (Some(data @ Received::Data(_)), _) => Poll::Ready(Ok((data, state.mux.read_end(self.id)))),
                (Some(end), _) => Poll::Ready(Ok((end, true))),
                (None, Some(error)) => Poll::Ready(Err(error.clone().into())),
                (None, None) => state.wait(self.id, cx, |slot| &mut slot.recv),
            }
        })
    }
}

impl Drop for RecvHandle {
    fn drop(&mut self) {
        self.shared.release(self.id, |mux| {
            let code = if mux.side() == Side::Server { ResetCode::CANCEL } else { ResetCode::NO_ERROR };
            mux.release_recv(self.id, code);
        });
    }
}

/// A body on its way from the peer.
///
/// It ends cleanly only when the peer ended it; a reset or a lost line is an error, so that a part is never taken for
/// the whole. Dropping it before its end cancels: on the server the whole exchange, on the telephone only the rest of
/// the request body.
#[derive(Debug)]
pub struct RecvBody {
    /// `None` for a body that never was.
    handle: Option<RecvHandle>,
    ended: bool,
}

impl RecvBody {
    pub(super) fn new(shared: &Arc<Shared>, id: StreamId, ended: bool) -> Self {
        Self::of(RecvHandle::new(shared, id), ended)
    }

    pub(super) fn of(handle: RecvHandle, ended: bool) -> Self {
        Self { handle: Some(handle), ended }
    }

    /// A body of nothing that belongs to no stream.
    pub fn empty() -> Self {
        Self { handle: None, ended: true }
    }

    /// The next frame of data or trailers; `None` at the clean end.
    pub async fn frame(&mut self) -> Option<Result<Frame<Bytes>, StreamError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await
    }
}

impl Body for RecvBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let Some(handle) = self.handle.as_ref().filter(|_| !self.ended) else { return Poll::Ready(None) };
        let received = ready!(handle.poll_read(cx));
        self.ended = !matches!(received, Ok((_, false)));
        Poll::Ready(match received.map(|(received, _)| received) {
            Ok(Received::Data(data)) => Some(Ok(Frame::data(data))),
            Ok(Received::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(Received::End) => None,
            Ok(Received::Reset(code)) => Some(Err(StreamError::Reset(code))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}
