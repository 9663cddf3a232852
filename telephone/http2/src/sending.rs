//! The request's half of a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body, Frame};

/// A request body on its way.
pub(crate) struct Sending<B> {
    /// `None` when all is sent, or no more is wanted.
    stream: Option<SendStream<Bytes>>,
    body: B,
    /// What was taken of the body and has no credit yet.
    taken: Bytes,
}

impl<B> Sending<B> {
    pub(crate) fn new(stream: Option<SendStream<Bytes>>, body: B) -> Self {
        Self { stream, body, taken: Bytes::new() }
    }

    /// Nothing more is sent.
    pub(crate) fn stop(&mut self) {
        self.stream = None;
        self.taken = Bytes::new();
    }

    pub(crate) fn into_body(self) -> B {
        self.body
    }
}

impl<B: Body<Data = Bytes> + Unpin> Sending<B> {
    /// Sends what can be sent of the request without waiting. The task is woken when there is more to do.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>) -> Result<(), B::Error> {
        while let Some(stream) = &mut self.stream {
            if !self.taken.is_empty() {
                stream.reserve_capacity(self.taken.len());
                let capacity = match stream.capacity() {
                    0 => stream.poll_capacity(cx),
                    capacity => Poll::Ready(Some(Ok(capacity))),
                };
                let more = match capacity {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Some(Ok(capacity))) => {
                        let piece = self.taken.split_to(capacity.min(self.taken.len()));
                        let last = self.taken.is_empty() && self.body.is_end_stream();
                        (piece.is_empty() || stream.send_data(piece, last).is_ok()) && !last
                    }
                    Poll::Ready(_) => false,
                };
                self.go_on(more);
                continue;
            }
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(frame) => frame.transpose(),
                Poll::Pending => {
                    // The server may want no more of it meanwhile.
                    let refused = stream.poll_reset(cx).is_ready();
                    self.go_on(!refused);
                    return Ok(());
                }
            };
            let frame = frame.inspect_err(|_| stream.send_reset(Reason::CANCEL))?;
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => self.taken = data,
                Some(Err(frame)) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        let _refused = stream.send_trailers(trailers);
                        self.stream = None;
                    }
                }
                None => {
                    let _refused = stream.send_data(Bytes::new(), true);
                    self.stream = None;
                }
            }
        }
        Ok(())
    }

    /// Sends no more if there is no more, or the server takes no more, which may answer nevertheless.
    fn go_on(&mut self, more: bool) {
        if !more {
            self.stop();
        }
    }
}
