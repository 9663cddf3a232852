use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// How much room a read has at first.
const FIRST: usize = 4 * 1024;
/// Less room than this is not worth a system call.
const LEAST: usize = 512;
/// How much it has at most: beyond it a system call costs little compared with what it brings, and all of it is kept as
/// long as somebody has not taken the last byte of it. When it is passed on at once, with a head or the header of a frame
/// before it, it fits into two of the pieces of nearly 64 KiB in which TCP hands it down: a third one with the last few
/// bytes would cost as much as the others.
const LARGEST: usize = 126 * 1024;

/// What was read and not used yet.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) buffer: BytesMut,
    room: usize,
}

impl Inbound {
    pub(crate) fn new(buffer: BytesMut) -> Self {
        Self { buffer, room: FIRST }
    }

    /// Reads something; 0 at the end. `expected` is how much is known to come, `wanted` for how much whoever reads has a use.
    pub(crate) fn poll_read(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        expected: Option<u64>,
        wanted: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < LEAST {
            let expected = expected.map(|expected| usize::try_from(expected).unwrap_or(LARGEST));
            self.buffer.reserve(expected.unwrap_or(self.room).min(wanted).clamp(FIRST, LARGEST));
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let Poll::Ready(read) = poll_read_buf(Pin::new(io), cx, &mut self.buffer) else {
            // While nothing comes no more is held than the little that most of what comes needs.
            if self.buffer.is_empty() && self.buffer.capacity() > FIRST {
                self.buffer = BytesMut::new();
            }
            return Poll::Pending;
        };
        let read = read?;
        // Whoever fills what there is has more to say, and most likely the next time, too.
        if read == room {
            self.room = (self.room * 4).min(LARGEST);
        } else if read <= FIRST && expected.is_none() {
            self.room = FIRST;
        }
        Poll::Ready(Ok(read))
    }

    /// Lets go of the memory: a connection on which nothing happens is to cost no more than its socket.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}
