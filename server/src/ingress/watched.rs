//! A client's socket with deadlines on what the client owes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Whether a request is being answered on a connection: set by who serves it, read by its socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicBool>);

impl Phase {
    /// A request's head is complete.
    pub(super) fn request_begins(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The response is complete: what comes next is another head.
    pub(super) fn request_ends(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn in_request(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A socket that fails with [`io::ErrorKind::TimedOut`] when, between two requests, no head begins within `idle` or a
/// begun head is not complete within `head`, and whenever the peer takes nothing of what is written for `idle`.
///
/// How long a request or a response may take as a whole is not limited here.
#[derive(Debug)]
pub(super) struct Watched<S> {
    socket: S,
    phase: Phase,
    head: Duration,
    idle: Duration,
    read: Option<Pin<Box<Sleep>>>,
    /// Some bytes of a head have come.
    begun: bool,
    write: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    /// `first` is how long the first head may still take.
    pub(super) fn new(socket: S, phase: Phase, first: Duration, head: Duration, idle: Duration) -> Self {
        Self { socket, phase, head, idle, read: Some(Box::pin(sleep(first))), begun: true, write: None }
    }

    /// Arms the deadline for the next head, or lets it go during a request; fails when it has passed.
    fn check_read(&mut self, cx: &mut Context<'_>, received: bool) -> Result<(), io::Error> {
        if self.phase.in_request() {
            self.read = None;
            self.begun = false;
            return Ok(());
        }
        let wanted = match (&self.read, received && !self.begun) {
            (_, true) => {
                self.begun = true;
                Some(self.head)
            }
            (None, false) => Some(self.idle),
            (Some(_), false) => None,
        };
        if let Some(duration) = wanted {
            match &mut self.read {
                Some(sleep) => sleep.as_mut().reset(Instant::now() + duration),
                None => self.read = Some(Box::pin(sleep(duration))),
            }
        }
        match self.read.as_mut().map(|sleep| sleep.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    fn check_write<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write = None;
            return result;
        }
        let idle = self.idle;
        match self.write.get_or_insert_with(|| Box::pin(sleep(idle))).as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        let received = buf.filled().len() > before;
        match self.check_read(cx, received) {
            // What has arrived in time is not thrown away.
            Err(error) if result.is_pending() => Poll::Ready(Err(error)),
            _ => result,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.check_write(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.check_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_flush(cx);
        self.check_write(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.check_write(cx, result)
    }
}
