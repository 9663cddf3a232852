use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use wire::frame::ResetCode;
use wire::head::ResponseHead;
use wire::mux::{Received, StreamId};

use super::recv::RecvHandle;
use super::shared::Shared;
use super::{RecvBody, StreamError};

/// A response on its way. As a future it skips informational heads; [`next_head`](Self::next_head) shows them.
/// Dropping it cancels the request.
#[derive(Debug)]
pub struct ResponseFuture {
    /// Given away with the final head.
    handle: Option<RecvHandle>,
}

/// A response head.
#[derive(Debug)]
pub enum Head {
    /// 1xx: another head follows.
    Informational(ResponseHead),
    /// The response, and its body.
    Final(ResponseHead, RecvBody),
}

impl ResponseFuture {
    pub(super) fn new(shared: &Arc<Shared>, id: StreamId) -> Self {
        Self { handle: Some(RecvHandle::new(shared, id)) }
    }

    /// The next head. After the final one, this is [`StreamError::Closed`].
    pub async fn next_head(&mut self) -> Result<Head, StreamError> {
        poll_fn(|cx| self.poll_head(cx)).await
    }

    /// Like [`next_head`](Self::next_head).
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, StreamError>> {
        let Some(handle) = &self.handle else { return Poll::Ready(Err(StreamError::Closed)) };
        let (head, end) = ready!(poll_queue(handle, cx))?;
        if head.is_informational() {
            return Poll::Ready(Ok(Head::Informational(head)));
        }
        match self.handle.take() {
            Some(handle) => Poll::Ready(Ok(Head::Final(head, RecvBody::of(handle, end)))),
            None => Poll::Ready(Err(StreamError::Closed)),
        }
    }
}

fn poll_queue(handle: &RecvHandle, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, bool), StreamError>> {
    let RecvHandle { shared, id } = handle;
    let mut state = shared.lock();
    if let Some((head, end)) = state.slots.get_mut(id).and_then(|slot| slot.heads.pop_front()) {
        return Poll::Ready(Ok((*head, end)));
    }
    if let Some(error) = &state.ended {
        return Poll::Ready(Err(error.clone().into()));
    }
    // No head and yet an end: the peer reset the stream, or this end did.
    if state.mux.has_ended(*id) {
        let code = match state.mux.read(*id) {
            Some(Received::Reset(code)) => code,
            _ => ResetCode::CLOSED,
        };
        return Poll::Ready(Err(StreamError::Reset(code)));
    }
    state.wait(*id, cx, |slot| &mut slot.recv)
}

impl Future for ResponseFuture {
    type Output = Result<(ResponseHead, RecvBody), StreamError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match ready!(self.poll_head(cx))? {
                Head::Informational(_) => {}
                Head::Final(head, body) => return Poll::Ready(Ok((head, body))),
            }
        }
    }
}
