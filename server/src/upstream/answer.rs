//! What comes back from a backend.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire::head::ResponseHead;

use super::error::UpstreamBodyError;
use super::places::Place;
use super::socket::Socket;
use super::{over_http1, over_http2};

/// The answer to a request whose body is a `B`.
#[derive(Debug)]
pub enum Answer<B> {
    /// A response: its final head, as it came, and its body.
    Response(ResponseHead, UpstreamBody<B>),
    /// The backend speaks another protocol from here on, as it was asked to: the head with status 101, and what is left
    /// of the connection.
    Upgraded(ResponseHead, Upgraded),
}

/// The body of a response. As long as it is polled, the rest of the request goes on being sent; a backend may answer
/// before it has all of it. It ends cleanly only if the backend ended it. Dropped before its end, it cancels the request.
pub struct UpstreamBody<B> {
    way: Way<B>,
    version: Version,
    head: Bytes,
}

enum Way<B> {
    Ended,
    /// In a box, since it is moved about a lot.
    Http1(Box<over_http1::Running<B>>),
    Http2(Box<over_http2::Running<B>>),
}

impl<B> UpstreamBody<B> {
    pub(super) fn ended(version: Version) -> Self {
        Self { way: Way::Ended, version, head: Bytes::new() }
    }

    pub(super) fn http1(running: over_http1::Running<B>, version: Version) -> Self {
        Self { way: Way::Http1(Box::new(running)), version, head: Bytes::new() }
    }

    pub(super) fn http2(running: over_http2::Running<B>) -> Self {
        Self { way: Way::Http2(Box::new(running)), version: Version::HTTP_2, head: Bytes::new() }
    }

    pub(super) fn with_head(self, head: Bytes) -> Self {
        Self { head, ..self }
    }

    /// The head before it byte by byte, its empty line included; empty of HTTP/2, and when this was called before. As long as
    /// it is there, so is the memory that it was read into.
    pub fn take_head(&mut self) -> Bytes {
        std::mem::take(&mut self.head)
    }

    /// The version of HTTP in which the response came.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl<B> Body for UpstreamBody<B>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    type Data = Bytes;
    type Error = UpstreamBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        match &mut self.way {
            Way::Ended => Poll::Ready(None),
            Way::Http1(running) => running.poll_frame(cx),
            Way::Http2(running) => running.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.way {
            Way::Ended => true,
            Way::Http1(running) => running.is_over(),
            Way::Http2(running) => running.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.way {
            Way::Ended => SizeHint::with_exact(0),
            Way::Http1(running) => running.size_hint(),
            Way::Http2(running) => running.size_hint(),
        }
    }
}

impl<B> fmt::Debug for UpstreamBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamBody").field("ended", &matches!(self.way, Way::Ended)).finish_non_exhaustive()
    }
}

/// A connection to a backend that has switched to another protocol: reading it begins with what came behind the head.
/// It counts as one of the backend's connections until it is dropped.
#[derive(Debug)]
pub struct Upgraded {
    io: http1::Upgraded<Socket>,
    head: Bytes,
    _place: Place,
}

impl Upgraded {
    pub(super) fn new(io: http1::Upgraded<Socket>, head: Bytes, place: Place) -> Self {
        Self { io, head, _place: place }
    }

    /// The head before it byte by byte; empty when this was called before.
    pub fn take_head(&mut self) -> Bytes {
        std::mem::take(&mut self.head)
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
