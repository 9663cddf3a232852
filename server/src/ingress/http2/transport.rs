//! What carries the connection, watched.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Activity;

/// How much is read at a time of what nobody wants any more.
const DISCARDED: usize = 4 * 1024;
/// How long a client that goes on sending is listened to after the end.
const LINGER: Duration = Duration::from_secs(2);

/// What goes on on a connection, for whoever serves it. Both are one task, so that the lock is never contended.
#[derive(Clone, Debug)]
pub(super) struct Watch(Arc<Mutex<Activity>>);

impl Watch {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Activity::new(Instant::now()))))
    }

    pub(super) fn activity(&self) -> MutexGuard<'_, Activity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream of which some bytes were read already.
#[derive(Debug)]
pub(super) struct Transport<T> {
    io: T,
    received: Bytes,
    watch: Watch,
    /// Runs once our direction has ended.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<T> Transport<T> {
    pub(super) fn new(io: T, received: Bytes, watch: Watch) -> Self {
        Self { io, received, watch, linger: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.watch.activity().excess().is_some() {
            // Nothing more of it is looked at. Whoever serves the connection does something about it, and is awake.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if this.received.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        } else {
            let some = this.received.len().min(buffer.remaining());
            buffer.put_slice(&this.received[..some]);
            this.received.advance(some);
        }
        let read = &buffer.filled()[before..];
        if !read.is_empty() {
            this.watch.activity().received(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_inner(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_inner(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Ends the sending direction, and listens until the client ends the other: closing with something unread would
    /// reset the connection, and the client might not see why it was ended (RFC 9112 section 9.6 says it of HTTP/1.1).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut space = [0; DISCARDED];
        while linger.as_mut().poll(cx).is_pending() {
            let mut unwanted = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut this.io).poll_read(cx, &mut unwanted)) {
                Ok(()) if !unwanted.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Transport<T> {
    fn poll_write_vectored_inner(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = Pin::new(&mut self.io).poll_write_vectored(cx, slices) else {
            self.watch.activity().stuck();
            return Poll::Pending;
        };
        let mut left = written.as_ref().copied().unwrap_or(0);
        let mut activity = self.watch.activity();
        for slice in slices {
            let some = left.min(slice.len());
            left -= some;
            activity.sent(&slice[..some]);
            if left == 0 {
                break;
            }
        }
        Poll::Ready(written)
    }
}
