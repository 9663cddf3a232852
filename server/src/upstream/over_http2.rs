//! A request and its response over HTTP/2.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use http2::{Exchange, ExchangeError, ResponseBodyError, Stream};
use wire::head::{RequestHead, ResponseHead};

use super::MAX_INFORMATIONAL;
use super::answer::{Answer, UpstreamBody};
use super::error::{Failed, UpstreamBodyError, UpstreamError};
use super::outgoing::Outgoing;

/// A request on its way and the body of its response. What is dropped before its end is reset.
pub(super) struct Running<B> {
    /// `None` once it is over.
    exchange: Option<Exchange<Outgoing<B>>>,
}

/// Sends a request and waits for the head of the response; those before it are given to `informed`.
pub(super) async fn run<B>(
    stream: Stream,
    secure: bool,
    head: &RequestHead,
    body: Outgoing<B>,
    authority: &HeaderValue,
    informed: &mut impl FnMut(StatusCode, HeaderMap),
) -> Result<Answer<B>, Failed<B>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let request = match http2::request(&head.method, &head.target, &head.headers, secure, authority) {
        Ok(request) => request,
        Err(error) => return Err(body.failed(UpstreamError::Request(error.to_string()))),
    };
    let mut exchange = Exchange::new(stream, request, body);
    for _ in 0..=MAX_INFORMATIONAL {
        match exchange.response().await {
            Ok(response) if response.status().is_informational() => {
                let (head, ()) = response.into_parts();
                // "Continue" was between us and the client.
                if head.status != StatusCode::CONTINUE {
                    informed(head.status, head.headers);
                }
            }
            Ok(response) => {
                let (parts, ()) = response.into_parts();
                let head = ResponseHead { status: parts.status, headers: parts.headers };
                if exchange.is_end_stream() {
                    return Ok(Answer::Response(head, UpstreamBody::ended(Version::HTTP_2)));
                }
                return Ok(Answer::Response(head, UpstreamBody::http2(Running { exchange: Some(exchange) })));
            }
            Err(error) => return Err(exchange.into_request_body().failed(of_exchange(error))),
        }
    }
    let reason = format!("more than {MAX_INFORMATIONAL} informational heads came before it");
    Err(exchange.into_request_body().failed(UpstreamError::Invalid(reason)))
}

impl<B> Running<B>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *exchange).poll_frame(cx));
        if exchange.is_end_stream() {
            self.exchange = None;
        }
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| match error {
                ResponseBodyError::Response(reason) => UpstreamBodyError::Response(reason),
                ResponseBodyError::Request(error) => UpstreamBodyError::Request(error.to_string()),
            })
        }))
    }
}

impl<B> Running<B> {
    pub(super) fn is_over(&self) -> bool {
        self.exchange.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        if self.is_over() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

fn of_exchange<E>(error: ExchangeError<E>) -> UpstreamError<E> {
    match error {
        ExchangeError::Refused => UpstreamError::Refused,
        ExchangeError::Silent => UpstreamError::Silent,
        ExchangeError::Incomplete => UpstreamError::Broken("it was closed within the head".to_owned()),
        ExchangeError::Broken(reason) => UpstreamError::Broken(reason),
        ExchangeError::Invalid(reason) => UpstreamError::Invalid(reason),
        ExchangeError::Request(reason) => UpstreamError::Request(reason),
        ExchangeError::Body(error) => UpstreamError::Body(error),
    }
}
