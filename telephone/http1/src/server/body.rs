use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;

use super::io::{RequestBody, Shared};
use super::{Informing, OnUpgrade, Transport};
use crate::{BodyError, Decoded};

/// The body of a request, read from the socket as it is asked for. Dropping it before its end says that the rest is not
/// wanted.
pub struct Body<S: Transport> {
    shared: Shared<S>,
    head: Bytes,
    ended: bool,
    upgrade: bool,
    informs: bool,
}

impl<S: Transport> Body<S> {
    pub(super) fn new(shared: Shared<S>, head: Bytes, ended: bool, upgrade: bool, informs: bool) -> Self {
        Self { shared, head, ended, upgrade, informs }
    }

    /// The head of the request byte by byte, its empty line included; empty when this was called before. As long as it is
    /// there, so is the memory that it was read into.
    pub fn take_head(&mut self) -> Bytes {
        std::mem::take(&mut self.head)
    }

    /// Takes the connection over once a response with status 101 was written; `None` when the client has not asked
    /// for another protocol, or this was called before.
    pub fn on_upgrade(&mut self) -> Option<OnUpgrade<S>> {
        std::mem::take(&mut self.upgrade).then(|| {
            let (sender, receiver) = oneshot::channel();
            self.shared.lock().upgrade = Some(sender);
            OnUpgrade(receiver)
        })
    }

    /// A way to tell the client something before its response; `None` for a client of HTTP/1.0, which does not
    /// understand it.
    pub fn informing(&self) -> Option<Informing<S>> {
        self.informs.then(|| Informing(self.shared.clone()))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut io = self.shared.lock();
        loop {
            let io = &mut *io;
            let RequestBody::Lent(decoder) = &mut io.request else { return Poll::Ready(None) };
            let frame = match decoder.decode(&mut io.inbound.buffer)? {
                Decoded::Data(data) => Some(Frame::data(data)),
                Decoded::Trailers(trailers) => Some(Frame::trailers(trailers)),
                Decoded::End => None,
                Decoded::More => {
                    if std::mem::take(&mut io.expects_continue) {
                        io.informational.push((http::StatusCode::CONTINUE, http::HeaderMap::new()));
                        io.wake();
                    }
                    match ready!(io.poll_read(cx))? {
                        0 => return Poll::Ready(Some(Err(BodyError::Incomplete))),
                        _ => continue,
                    }
                }
            };
            if decoder.is_ended() {
                self.ended = true;
                io.request = RequestBody::Ended;
                io.expects_continue = false;
                io.wake();
            }
            return Poll::Ready(frame.map(Ok));
        }
    }
}

impl<S: Transport> http_body::Body for Body<S> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll(cx));
        if let Some(Err(error)) = &frame {
            self.ended = true;
            let mut io = self.shared.lock();
            io.request = RequestBody::Broken(error.clone());
            io.wake();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended {
            return SizeHint::with_exact(0);
        }
        let io = self.shared.lock();
        let left = if let RequestBody::Lent(decoder) = &io.request { decoder.left() } else { Some(0) };
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<S: Transport> Drop for Body<S> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut io = self.shared.lock();
        io.request = match std::mem::replace(&mut io.request, RequestBody::Ended) {
            RequestBody::Lent(decoder) => RequestBody::Left(decoder),
            other => other,
        };
        io.wake();
    }
}

impl<S: Transport> fmt::Debug for Body<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("ended", &self.ended).finish_non_exhaustive()
    }
}
