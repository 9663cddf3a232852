//! A connection to a server: one request and its response, then the next.

mod error;
mod exchange;

use std::fmt;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Upgraded;
use crate::inbound::Inbound;
pub use error::{ExchangeError, ResponseBodyError};
pub use exchange::Exchange;

/// How much room a buffer must have to be used again: with less, a response that would be read at once is read in two.
const ROOM: usize = 4 * 1024;

/// A connection on which no request is under way.
pub struct Connection<S> {
    stream: S,
    inbound: Inbound,
}

impl<S> Connection<S> {
    /// What carries it.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The same, for whoever knows how to ask it whether it is still of use.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Makes one of a fresh stream.
    pub fn new(stream: S) -> Self {
        Self { stream, inbound: Inbound::new(BytesMut::new()) }
    }

    /// Whether, as far as is known, the server would take another request. A server that has something to say without
    /// having been asked is not listened to.
    pub fn is_open(&mut self) -> bool {
        self.inbound.buffer.is_empty()
            && self.poll_read(None, usize::MAX, &mut Context::from_waker(Waker::noop())).is_pending()
    }

    fn poll_read(
        &mut self,
        expected: Option<u64>,
        wanted: usize,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        self.inbound.poll_read(&mut self.stream, expected, wanted, cx)
    }

    /// Lets go of the buffer of the last response, which an idle connection need not hold.
    pub fn shrink(&mut self) {
        self.inbound.shrink();
    }

    /// Uses the buffer of the last response again, if nobody holds a part of that any more.
    fn make_room(&mut self) {
        if self.inbound.buffer.is_empty() && !self.inbound.buffer.try_reclaim(ROOM) {
            self.inbound.buffer = BytesMut::new();
        }
    }

    fn into_upgraded(self) -> Upgraded<S> {
        Upgraded::new(self.stream, self.inbound.buffer.freeze())
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("unread", &self.inbound.buffer.len()).finish_non_exhaustive()
    }
}
