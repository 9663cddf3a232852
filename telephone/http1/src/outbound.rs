use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// Pieces up to this size are copied together, larger ones go out from where they are.
const COPIED: usize = 4 * 1024;
/// How many pieces go out with one system call.
const SLICES: usize = 16;
/// How much is gathered before it is written: two of the pieces of nearly 64 KiB in which TCP hands it down, and not a few
/// bytes more.
const GATHERED: usize = 126 * 1024;
/// How much while the peer takes nothing: of many who have stopped reading each costs memory, and one piece keeps a slow one
/// busy.
const GATHERED_STUCK: usize = GATHERED / 2;

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    /// Goes out first, in this order.
    pieces: VecDeque<Bytes>,
    /// Goes out last.
    tail: BytesMut,
    length: usize,
    /// When something was written last, not all was taken.
    stuck: bool,
}

impl Outbound {
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether more is to be gathered before this is written.
    pub(crate) fn wants_more(&self) -> bool {
        self.length < if self.stuck { GATHERED_STUCK } else { GATHERED }
    }

    /// Has a few bytes written into place.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let before = self.tail.len();
        write(&mut self.tail);
        self.length += self.tail.len() - before;
    }

    pub(crate) fn push(&mut self, data: Bytes) {
        if data.len() <= COPIED {
            return self.write(|tail| tail.extend_from_slice(&data));
        }
        self.length += data.len();
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.pieces.push_back(data);
    }

    /// Writes until all is written.
    pub(crate) fn poll_write(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = self.poll_once(io, cx);
            self.stuck = written.is_pending();
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_once(&self, io: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.pieces.is_empty() {
            return Pin::new(io).poll_write(cx, &self.tail);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let pieces = self.pieces.iter().map(|piece| &piece[..]).chain([&self.tail[..]]);
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        Pin::new(io).poll_write_vectored(cx, &slices[..count])
    }

    fn advance(&mut self, mut written: usize) {
        self.length -= written;
        while let Some(piece) = self.pieces.front_mut() {
            let taken = written.min(piece.len());
            piece.advance(taken);
            written -= taken;
            if !piece.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.tail.advance(written);
        if self.tail.is_empty() {
            // The room before what was written can be used again.
            self.tail.clear();
        }
    }
}
