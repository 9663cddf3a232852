//! A connection to a server: one request and its response, then the next.

mod exchange;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use crate::Upgraded;
pub use exchange::{Exchange, ExchangeError, ResponseBodyError};

/// How much room a read has at first.
const FIRST_READ: usize = 8 * 1024;
/// How much it has at most.
const LARGEST_READ: usize = 256 * 1024;

/// A connection on which no request is under way.
pub struct Connection<S> {
    stream: S,
    input: BytesMut,
    read_size: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Makes one of a fresh stream.
    pub fn new(stream: S) -> Self {
        Self { stream, input: BytesMut::new(), read_size: FIRST_READ }
    }

    /// Whether, as far as is known, the server would take another request. A server that has something to say without
    /// having been asked is not listened to.
    pub fn is_open(&mut self) -> bool {
        self.input.is_empty() && self.poll_read(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        if self.input.capacity() == self.input.len() {
            self.input.reserve(self.read_size);
        }
        let room = self.input.capacity() - self.input.len();
        let read = std::task::ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input))?;
        // Whoever fills what there is has more to say.
        if read == room {
            self.read_size = (self.read_size * 4).min(LARGEST_READ);
        }
        Poll::Ready(Ok(read))
    }

    /// Lets go of the memory: an idle connection is to cost no more than its socket.
    fn rest(mut self) -> Self {
        self.input = BytesMut::new();
        self.read_size = FIRST_READ;
        self
    }

    fn into_upgraded(self) -> Upgraded<S> {
        Upgraded::new(self.stream, self.input.freeze())
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("unread", &self.input.len()).finish_non_exhaustive()
    }
}
