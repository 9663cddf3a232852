//! What comes of a client behind the head of its request, whichever HTTP it speaks.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http1::BodyError;
use tokio::net::TcpStream;

use super::http2;

/// The body of a client's request. Dropping it before its end says that the rest is not wanted.
#[derive(Debug)]
pub enum ClientBody {
    /// Of a connection that carries one request at a time.
    Http1(http1::server::Body<TcpStream>),
    /// Of one stream among others.
    Http2(http2::Body),
    /// Of a request that no connection has brought: it is sent again.
    Whole(Option<Bytes>),
}

/// A client's connection that becomes another protocol's.
pub type OnUpgrade = http1::server::OnUpgrade<TcpStream>;

/// Tells a client something before its response is there (RFC 9110 section 15.2).
#[derive(Debug)]
pub enum Informing {
    /// A client of HTTP/1.1.
    Http1(http1::server::Informing<TcpStream>),
    /// One of HTTP/2.
    Http2(http2::Informing),
}

impl ClientBody {
    /// The head of the request byte by byte, its empty line included; empty of HTTP/2, whose heads are compressed, and when
    /// this was called before. As long as it is there, so is the memory that it was read into.
    pub fn take_head(&mut self) -> Bytes {
        match self {
            Self::Http1(body) => body.take_head(),
            Self::Http2(_) | Self::Whole(_) => Bytes::new(),
        }
    }

    /// Takes the connection over once a response with status 101 was written; `None` when the client has not asked
    /// for another protocol, cannot with HTTP/2, or this was called before.
    pub fn on_upgrade(&mut self) -> Option<OnUpgrade> {
        match self {
            Self::Http1(body) => body.on_upgrade(),
            Self::Http2(_) | Self::Whole(_) => None,
        }
    }

    /// A way to tell the client something before its response; `None` when it would not understand it.
    pub fn informing(&self) -> Option<Informing> {
        match self {
            Self::Http1(body) => body.informing().map(Informing::Http1),
            Self::Http2(body) => Some(Informing::Http2(body.informing())),
            Self::Whole(_) => None,
        }
    }
}

impl Informing {
    /// Sends an informational head, unless the client does not read them.
    pub fn send(&self, status: StatusCode, headers: HeaderMap) {
        match self {
            Self::Http1(informing) => informing.send(status, headers),
            Self::Http2(informing) => informing.send(status, headers),
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx),
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Whole(body) => body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
        }
    }
}
