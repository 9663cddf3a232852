use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use wire::frame::ResetCode;
use wire::mux::StreamId;

use super::shared::{Shared, State};
use super::{CopyError, StreamError};

/// The sending direction of one stream; letting go of it before it is ended resets the stream.
#[derive(Debug)]
pub(super) struct SendHandle {
    pub shared: Arc<Shared>,
    pub id: StreamId,
}

impl SendHandle {
    pub(super) fn new(shared: &Arc<Shared>, id: StreamId) -> Self {
        Self { shared: shared.clone(), id }
    }

    /// Does something with the live stream.
    pub(super) fn change<R>(
        &self,
        change: impl FnOnce(&mut State, StreamId) -> Result<R, StreamError>,
    ) -> Result<R, StreamError> {
        self.shared.change(|state| match &state.ended {
            Some(error) => Err(error.clone().into()),
            None => change(state, self.id),
        })
    }

    /// Ready once the peer wants no more of this direction, or the line has ended.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let mut state = self.shared.lock();
        if let Some(error) = &state.ended {
            return Poll::Ready(error.clone().into());
        }
        match state.mux.send_failure(self.id) {
            Some(error) => Poll::Ready(error.into()),
            None => state.wait(self.id, cx, |slot| &mut slot.reset),
        }
    }
}

impl Drop for SendHandle {
    fn drop(&mut self) {
        self.shared.release(self.id, |mux| mux.release_send(self.id, ResetCode::CANCEL));
    }
}

/// A body on its way to the peer. Dropping it before [`finish`](Self::finish) or [`trailers`](Self::trailers) resets
/// the stream with [`ResetCode::CANCEL`], so that the peer never takes a part for the whole.
#[derive(Debug)]
pub struct SendBody {
    /// `None` when the head of a request has said that there is none.
    handle: Option<SendHandle>,
    ended: bool,
}

impl SendBody {
    pub(super) fn new(shared: &Arc<Shared>, id: StreamId) -> Self {
        Self::of(SendHandle::new(shared, id), false)
    }

    pub(super) fn of(handle: SendHandle, ended: bool) -> Self {
        Self { handle: Some(handle), ended }
    }

    /// Nothing is to be sent.
    pub(super) fn none() -> Self {
        Self { handle: None, ended: true }
    }

    fn handle(&self) -> Result<&SendHandle, StreamError> {
        self.handle.as_ref().ok_or(StreamError::Closed)
    }

    /// Whether the body was finished when it was made, because the head said that there is none.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// How many bytes [`try_send`](Self::try_send) takes now; pending while that is none.
    pub fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamError>> {
        let SendHandle { shared, id } = self.handle()?;
        let mut state = shared.lock();
        if let Some(error) = &state.ended {
            return Poll::Ready(Err(error.clone().into()));
        }
        match state.mux.send_capacity(*id) {
            Ok(0) => state.wait(*id, cx, |slot| &mut slot.send),
            Ok(capacity) => Poll::Ready(Ok(capacity)),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    /// How many bytes [`try_send`](Self::try_send) takes now.
    pub(crate) fn capacity(&self) -> Result<usize, StreamError> {
        let SendHandle { shared, id } = self.handle()?;
        let mut state = shared.lock();
        match &state.ended {
            Some(error) => Err(error.clone().into()),
            None => Ok(state.mux.send_capacity(*id)?),
        }
    }

    /// Queues bytes, at most what [`poll_capacity`](Self::poll_capacity) said.
    pub fn try_send(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.handle()?.change(|state, id| Ok(state.mux.send_data(id, data, false)?))
    }

    /// Queues bytes, waiting for room as often as it takes.
    pub async fn send(&mut self, mut data: Bytes) -> Result<(), StreamError> {
        while !data.is_empty() {
            let capacity = poll_fn(|cx| self.poll_capacity(cx)).await?;
            self.try_send(data.split_to(capacity.min(data.len())))?;
        }
        Ok(())
    }

    /// Queues the last bytes and ends the body cleanly with them.
    async fn send_last(mut self, mut data: Bytes) -> Result<(), StreamError> {
        loop {
            let capacity = poll_fn(|cx| self.poll_capacity(cx)).await?;
            if capacity >= data.len() {
                return self.try_send_last(data);
            }
            self.try_send(data.split_to(capacity))?;
        }
    }

    /// Like [`try_send`](Self::try_send), and ends the body cleanly.
    pub fn try_send_last(self, data: Bytes) -> Result<(), StreamError> {
        self.handle()?.change(|state, id| Ok(state.mux.send_data(id, data, true)?))
    }

    /// Sends a whole body with its trailers and finishes; says how many bytes it was. When the body breaks, the stream
    /// is reset with [`ResetCode::BROKEN`]. A peer that wants no more is noticed while the body is silent, too.
    pub async fn send_all<B>(mut self, body: B) -> Result<u64, CopyError<B::Error>>
    where
        B: Body<Data = Bytes>,
    {
        let mut body = pin!(body);
        let mut sent = 0;
        loop {
            let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
                Poll::Pending => Poll::Ready(Err(ready!(self.poll_reset(cx)))),
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            });
            match frame.await.map_err(CopyError::Stream)? {
                None => break,
                Some(Err(error)) => {
                    self.reset(ResetCode::BROKEN);
                    return Err(CopyError::Body(error));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        sent += data.len() as u64;
                        if body.is_end_stream() {
                            self.send_last(data).await.map_err(CopyError::Stream)?;
                            return Ok(sent);
                        }
                        self.send(data).await.map_err(CopyError::Stream)?;
                    }
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            self.trailers(&trailers).map_err(CopyError::Stream)?;
                            return Ok(sent);
                        }
                    }
                },
            }
        }
        self.finish().map_err(CopyError::Stream)?;
        Ok(sent)
    }

    /// Ends the body cleanly.
    pub fn finish(self) -> Result<(), StreamError> {
        if self.ended {
            return Ok(());
        }
        self.handle()?.change(|state, id| Ok(state.mux.send_data(id, Bytes::new(), true)?))
    }

    /// Ends the body cleanly with trailers.
    pub fn trailers(self, trailers: &HeaderMap) -> Result<(), StreamError> {
        self.handle()?.change(|state, id| Ok(state.mux.send_trailers(id, trailers)?))
    }

    /// Ends both directions of the stream at once.
    pub fn reset(self, code: ResetCode) {
        if let Some(SendHandle { shared, id }) = &self.handle {
            shared.change(|state| state.mux.reset(*id, code));
        }
    }

    /// Ready once the peer wants no more of this body (it reset the stream, stopped reading it) or the line has ended.
    pub fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<StreamError> {
        match &self.handle {
            Some(handle) => handle.poll_reset(cx),
            None => Poll::Ready(StreamError::Closed),
        }
    }

    /// Waits for [`poll_reset`](Self::poll_reset).
    pub async fn reset_received(&mut self) -> StreamError {
        poll_fn(|cx| self.poll_reset(cx)).await
    }
}
