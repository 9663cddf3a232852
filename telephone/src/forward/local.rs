//! One request to the local server and its response, over whichever version of HTTP it speaks.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame};
use wire::head::{RequestHead, ResponseHead};

use super::connection::{Connection, Way};
use crate::line::{RecvBody, StreamError};
use crate::net::Socket;

/// A request under way, and once its head has come, the body of the response.
pub(super) enum Exchange {
    Http1(http1::client::Exchange<Socket, RecvBody>),
    Http2(http2::Exchange<RecvBody>),
}

/// Why there is no response.
#[derive(Debug)]
pub(super) enum NoResponse {
    /// The local server has not looked at the request.
    Refused,
    /// The connection ended without a word.
    Silent,
    /// The local server broke off, or what it said cannot be passed on.
    Broken(String),
    /// The body of the request broke.
    Request(StreamError),
}

/// Why a response has ended early.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The local server broke it off.
    Response(String),
    /// The request that was still being sent broke.
    Request(StreamError),
}

impl Exchange {
    /// Sends a request. `authority` and `secure` say where it goes, in HTTP/2.
    pub(super) fn new(
        way: Way,
        head: &mut RequestHead,
        body: RecvBody,
        secure: bool,
        authority: &HeaderValue,
    ) -> Result<Self, NoResponse> {
        match way {
            Way::Http1(connection) => {
                let target = head.target.as_str();
                let method = head.method.clone();
                Ok(Self::Http1(http1::client::Exchange::new(connection, method, target, &mut head.headers, body)))
            }
            Way::Http2(stream) => {
                let request = http2::request(&head.method, &head.target, &head.headers, secure, authority);
                let request = request.map_err(|error| NoResponse::Broken(error.to_string()))?;
                Ok(Self::Http2(http2::Exchange::new(*stream, request, body)))
            }
        }
    }

    /// Waits for the next head of a response: any number of informational ones, then the final one. In HTTP/1.1 also as it
    /// was received.
    pub(super) fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Bytes), NoResponse>> {
        match self {
            Self::Http1(exchange) => {
                let response = ready!(exchange.poll_response(cx))?;
                let head = ResponseHead { status: response.status, headers: response.headers };
                Poll::Ready(Ok((head, response.raw)))
            }
            Self::Http2(exchange) => {
                let (parts, ()) = ready!(exchange.poll_response(cx))?.into_parts();
                Poll::Ready(Ok((ResponseHead { status: parts.status, headers: parts.headers }, Bytes::new())))
            }
        }
    }

    /// Sends what can be sent of the request, while the response is not asked for.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Result<(), BodyError> {
        match self {
            Self::Http1(exchange) => exchange.send(cx).map_err(|error| of_http1(error).into()),
            Self::Http2(exchange) => exchange.send(cx).map_err(BodyError::Request),
        }
    }

    /// The next part of the body, of which no more than `wanted` bytes are read from the local server now.
    pub(super) fn poll_frame(
        &mut self,
        wanted: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        use http1::client::ResponseBodyError as Http1;
        use http2::ResponseBodyError as Http2;
        match self {
            Self::Http1(exchange) => exchange.poll_part(wanted, cx).map_err(|error| match error {
                Http1::Response(error) => BodyError::Response(error.to_string()),
                Http1::Request(error) => of_http1(error).into(),
            }),
            // Its windows bound what has come.
            Self::Http2(exchange) => Pin::new(exchange).poll_frame(cx).map_err(|error| match error {
                Http2::Response(reason) => BodyError::Response(reason),
                Http2::Request(error) => BodyError::Request(error),
            }),
        }
    }

    /// Whether all of the response has come.
    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.is_end_stream(),
            Self::Http2(exchange) => exchange.is_end_stream(),
        }
    }

    /// A connection that can be used again by the next request, if it is to be kept.
    pub(super) fn finish(self) -> Option<Connection> {
        match self {
            Self::Http1(exchange) => exchange.finish_with_room(),
            Self::Http2(_) => None,
        }
    }

    /// Ends a request that nobody waits for any more, whatever the local server is doing.
    pub(super) fn abort(self) {
        match self {
            Self::Http1(exchange) => {
                let (socket, _) = exchange.into_upgraded().into_parts();
                socket.abort();
            }
            // Its stream is reset.
            Self::Http2(_) => {}
        }
    }

    /// The connection, which has switched to another protocol.
    pub(super) fn into_upgraded(self) -> Option<http1::Upgraded<Socket>> {
        match self {
            Self::Http1(exchange) => Some(exchange.into_upgraded()),
            Self::Http2(_) => None,
        }
    }
}

fn of_http1(error: http1::client::ExchangeError<StreamError>) -> NoResponse {
    use http1::client::ExchangeError;
    match error {
        ExchangeError::Silent => NoResponse::Silent,
        ExchangeError::Body(error) => NoResponse::Request(error),
        other => NoResponse::Broken(other.to_string()),
    }
}

impl From<http1::client::ExchangeError<StreamError>> for NoResponse {
    fn from(error: http1::client::ExchangeError<StreamError>) -> Self {
        of_http1(error)
    }
}

impl From<http2::ExchangeError<StreamError>> for NoResponse {
    fn from(error: http2::ExchangeError<StreamError>) -> Self {
        use http2::ExchangeError;
        match error {
            ExchangeError::Refused => Self::Refused,
            ExchangeError::Silent => Self::Silent,
            ExchangeError::Body(error) => Self::Request(error),
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<NoResponse> for BodyError {
    fn from(error: NoResponse) -> Self {
        match error {
            NoResponse::Request(error) => Self::Request(error),
            other => Self::Response(other.to_string()),
        }
    }
}

impl std::fmt::Display for NoResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Refused => "it takes no more requests",
            Self::Silent => "it closed the connection without an answer",
            Self::Broken(reason) => reason,
            Self::Request(_) => "the request broke off",
        })
    }
}
