//! A client's socket with deadlines on what the client owes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// What a connection is doing: set by who serves it and by its socket, read by both.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    in_request: AtomicBool,
    quiet: AtomicBool,
}

impl Phase {
    /// A request's head is complete.
    pub(super) fn request_begins(&self) {
        self.0.in_request.store(true, Ordering::Relaxed);
    }

    /// The response is complete: what comes next is another head.
    pub(super) fn request_ends(&self) {
        self.0.in_request.store(false, Ordering::Relaxed);
    }

    fn in_request(&self) -> bool {
        self.0.in_request.load(Ordering::Relaxed)
    }

    /// Whether nothing has come for [`QUIET`] since the last response, all of which has been sent.
    pub(super) fn is_quiet(&self) -> bool {
        self.0.quiet.load(Ordering::Relaxed)
    }
}

/// How long a connection has to be without a request to be called quiet.
pub(super) const QUIET: Duration = Duration::from_millis(200);

/// A socket that fails with [`io::ErrorKind::TimedOut`] when, between two requests, a begun head is not complete within
/// `head`, and whenever the peer takes nothing of what is written for `idle`. When no head begins, it says that the
/// connection [is quiet](Phase::is_quiet).
///
/// How long a request or a response may take as a whole is not limited here.
#[derive(Debug)]
pub(super) struct Watched<S> {
    socket: S,
    /// What has been read already.
    received: Bytes,
    phase: Phase,
    head: Duration,
    idle: Duration,
    waiting: Waiting,
    /// Set anew only when it has run out or a deadline comes before it, since nearly every request makes and keeps its
    /// deadlines.
    read: Option<Pin<Box<Sleep>>>,
    write: Option<Pin<Box<Sleep>>>,
}

/// What a socket waits for between two requests, and since when.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    /// For nothing: a request is being answered.
    No,
    /// For a head to begin.
    Idle(Instant),
    /// For the rest of a head.
    Head(Instant),
}

impl<S> Watched<S> {
    /// The first head has begun, and its time counts from `began`. `received` is what has been read of it.
    pub(super) fn new(
        socket: S,
        received: Bytes,
        phase: Phase,
        began: Instant,
        head: Duration,
        idle: Duration,
    ) -> Self {
        phase.0.quiet.store(false, Ordering::Relaxed);
        Self { socket, received, phase, head, idle, waiting: Waiting::Head(began), read: None, write: None }
    }

    /// The socket itself, and what of the bytes it was made with has not been read.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.socket, self.received)
    }

    /// Looks at the deadlines of what is waited for; fails when a begun head has taken too long.
    fn check_read(&mut self, cx: &mut Context<'_>, received: bool) -> Result<(), io::Error> {
        if self.phase.in_request() {
            self.waiting = Waiting::No;
            return Ok(());
        }
        let (since, limit) = match self.waiting {
            // Most heads are complete with their first bytes: there is nothing to be watched then.
            Waiting::No | Waiting::Idle(_) if received => {
                self.waiting = Waiting::Head(Instant::now());
                return Ok(());
            }
            Waiting::No => {
                let now = Instant::now();
                self.waiting = Waiting::Idle(now);
                (now, QUIET.min(self.idle))
            }
            Waiting::Idle(since) => (since, QUIET.min(self.idle)),
            Waiting::Head(since) => (since, self.head),
        };
        if !poll_deadline(&mut self.read, since + limit, cx) {
            return Ok(());
        }
        match self.waiting {
            Waiting::Head(_) => Err(io::ErrorKind::TimedOut.into()),
            Waiting::Idle(_) | Waiting::No => {
                self.phase.0.quiet.store(self.write.is_none(), Ordering::Relaxed);
                Ok(())
            }
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

/// Whether `deadline` has passed; if not, the task is woken when it has. An armed timer is left alone as long as it runs
/// out no later: then it is set again.
fn poll_deadline(timer: &mut Option<Pin<Box<Sleep>>>, deadline: Instant, cx: &mut Context<'_>) -> bool {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
    if timer.deadline() > deadline {
        timer.as_mut().reset(deadline);
    }
    while timer.as_mut().poll(cx).is_ready() {
        if Instant::now() >= deadline {
            return true;
        }
        timer.as_mut().reset(deadline);
    }
    false
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.received.is_empty() {
            let length = self.received.len().min(buf.remaining());
            buf.put_slice(&self.received.split_to(length));
            return Poll::Ready(Ok(()));
        }
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
