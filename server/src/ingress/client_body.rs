//! What comes of a client behind the head of its request, whichever HTTP it speaks.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http1::BodyError;
use tokio::net::TcpStream;

use super::{Place, http2};

/// The body of a client's request. Dropping it before its end says that the rest is not wanted.
#[derive(Debug)]
pub enum ClientBody {
    /// Of a connection that carries one request at a time, and its place among all connections.
    Http1(http1::server::Body<TcpStream>, Arc<Place>),
    /// Of one stream among others.
    Http2(http2::Body),
    /// Of a request that no connection has brought: it is sent again.
    Whole(Option<Bytes>),
}

/// A client's connection that becomes another protocol's: ready when the response with status 101 has been written, with the
/// place of the connection, which is to be kept as long as it is open; `None` when that never happens.
#[derive(Debug)]
pub struct OnUpgrade {
    connection: http1::server::OnUpgrade<TcpStream>,
    place: Arc<Place>,
}

impl Future for OnUpgrade {
    type Output = Option<(http1::Upgraded<TcpStream>, Arc<Place>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let place = self.place.clone();
        Pin::new(&mut self.connection).poll(cx).map(|upgraded| upgraded.map(|upgraded| (upgraded, place)))
    }
}

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
            Self::Http1(body, _) => body.take_head(),
            Self::Http2(_) | Self::Whole(_) => Bytes::new(),
        }
    }

    /// Takes the connection over once a response with status 101 was written; `None` when the client has not asked
    /// for another protocol, cannot with HTTP/2, or this was called before.
    pub fn on_upgrade(&mut self) -> Option<OnUpgrade> {
        match self {
            Self::Http1(body, place) => {
                body.on_upgrade().map(|connection| OnUpgrade { connection, place: place.clone() })
            }
            Self::Http2(_) | Self::Whole(_) => None,
        }
    }

    /// A way to tell the client something before its response; `None` when it would not understand it.
    pub fn informing(&self) -> Option<Informing> {
        match self {
            Self::Http1(body, _) => body.informing().map(Informing::Http1),
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
            Self::Http1(body, _) => Pin::new(body).poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx),
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body, _) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Whole(body) => body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body, _) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
        }
    }
}
