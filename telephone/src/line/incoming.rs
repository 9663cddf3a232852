use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};

use super::send::SendHandle;
use super::shared::Shared;
use super::{RecvBody, SendBody, StreamError};

/// The requests that arrive (telephone). Dropping it refuses those not taken yet and all that follow.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
}

impl Incoming {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The next request; `None` once the line has ended.
    pub async fn next(&mut self) -> Option<(RequestHead, SendResponse, RecvBody)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Like [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(RequestHead, SendResponse, RecvBody)>> {
        let mut state = self.shared.lock();
        if state.ended.is_some() {
            return Poll::Ready(None);
        }
        match state.incoming.as_mut().and_then(|queue| queue.pop_front()) {
            Some((id, head, end)) => {
                let respond = SendResponse { handle: SendHandle::new(&self.shared, id) };
                Poll::Ready(Some((*head, respond, RecvBody::new(&self.shared, id, end))))
            }
            None => {
                state.incoming_waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.shared.change(|state| {
            for (id, ..) in state.incoming.take().unwrap_or_default() {
                state.slots.remove(&id);
                state.mux.reset(id, ResetCode::REFUSED);
            }
        });
    }
}

/// The answer a request waits for. Dropping it resets the stream.
#[derive(Debug)]
pub struct SendResponse {
    handle: SendHandle,
}

impl SendResponse {
    /// Sends an informational head (1xx other than 101).
    pub fn informational(&mut self, head: &ResponseHead) -> Result<(), StreamError> {
        if !head.is_informational() {
            return Err(StreamError::State);
        }
        self.handle.change(|state, id| Ok(state.mux.respond(id, head, false)?))
    }

    /// Sends the final head. `end` says that there is no body; the [`SendBody`] is then already finished.
    pub fn send(self, head: &ResponseHead, end: bool) -> Result<SendBody, StreamError> {
        if head.is_informational() {
            return Err(StreamError::State);
        }
        self.handle.change(|state, id| Ok(state.mux.respond(id, head, end)?))?;
        Ok(SendBody::of(self.handle, end))
    }

    /// Turns the request away.
    pub fn reset(self, code: ResetCode) {
        self.handle.shared.change(|state| state.mux.reset(self.handle.id, code));
    }

    /// Waits until nobody wants the response any more, or the line has ended.
    pub async fn reset_received(&mut self) -> StreamError {
        poll_fn(|cx| self.handle.poll_reset(cx)).await
    }
}
