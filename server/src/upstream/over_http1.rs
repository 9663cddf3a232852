//! A request and its response over HTTP/1.1.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use http1::Response;
use http1::client::{Exchange, ExchangeError, ResponseBodyError};
use wire::head::{RequestHead, ResponseHead};

use super::MAX_INFORMATIONAL;
use super::answer::{Answer, Upgraded, UpstreamBody};
use super::error::{Failed, UpstreamBodyError, UpstreamError};
use super::outgoing::Outgoing;
use super::places::Place;
use super::slot::{Pooled, Slot};
use super::socket::Socket;

/// How much earlier than the backend says it would a connection is given up: the word of it takes time, too.
const MARGIN: Duration = Duration::from_millis(100);

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// A request on its way and the body of its response. What is dropped before its end is aborted, so that the backend is
/// told at once.
pub(super) struct Running<B> {
    /// `None` once it is over.
    under_way: Option<(Exchange<Socket, Outgoing<B>>, Place)>,
    slot: Arc<Slot>,
    /// For how long the connection is kept afterwards.
    idle: Duration,
}

/// Sends a request and waits for the head of the response; those before it are given to `informed`.
pub(super) async fn run<B>(
    slot: &Arc<Slot>,
    pooled: Pooled,
    idle: Duration,
    head: &mut RequestHead,
    body: Outgoing<B>,
    authority: &HeaderValue,
    informed: &mut impl FnMut(StatusCode, HeaderMap),
) -> Result<Answer<B>, Failed<B>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let exchange = begin(pooled.connection, head, body, authority);
    let mut running = Running { under_way: Some((exchange, pooled.place)), slot: slot.clone(), idle };
    let mut before = 0;
    loop {
        let Some((exchange, _)) = &mut running.under_way else {
            return Err(Outgoing::nothing().failed(UpstreamError::Silent));
        };
        match exchange.response().await {
            Ok(response) if response.is_informational() => {
                before += 1;
                if before > MAX_INFORMATIONAL {
                    let reason = format!("more than {MAX_INFORMATIONAL} informational heads came before it");
                    return Err(running.failed(UpstreamError::Invalid(reason)));
                }
                // "Continue" was between us and the client.
                if response.status != StatusCode::CONTINUE {
                    informed(response.status, response.headers);
                }
            }
            Ok(response) => return running.answer(response, head.upgrade.as_ref()),
            Err(error) => {
                let error = of_exchange(error, before > 0);
                return Err(running.failed(error));
            }
        }
    }
}

/// Writes the head of the request, with the fields that this connection needs.
fn begin<B>(
    connection: http1::client::Connection<Socket>,
    head: &mut RequestHead,
    body: Outgoing<B>,
    authority: &HeaderValue,
) -> Exchange<Socket, Outgoing<B>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let headers = &mut head.headers;
    // The client was already told to continue; the body is sent at once.
    headers.remove(header::EXPECT);
    let no_host = !headers.contains_key(header::HOST);
    if no_host {
        headers.insert(header::HOST, authority.clone());
    }
    let connection_field = match &head.upgrade {
        Some(protocol) => {
            headers.insert(header::UPGRADE, protocol.clone());
            Some(HeaderValue::from_static("upgrade"))
        }
        // RFC 9110 section 10.1.4: who sends TE names it in Connection.
        None => headers.contains_key(header::TE).then(|| HeaderValue::from_static("te")),
    };
    let special = no_host || connection_field.is_some();
    if let Some(value) = connection_field {
        headers.insert(header::CONNECTION, value);
    }
    let exchange = Exchange::new(connection, head.method.clone(), head.target.as_str(), headers, body);
    // Another attempt may go to another backend.
    if special {
        headers.remove(header::CONNECTION);
        headers.remove(header::UPGRADE);
        if no_host {
            headers.remove(header::HOST);
        }
    }
    exchange
}

impl<B: Body<Data = Bytes> + Unpin> Running<B> {
    /// `asked`: which protocols the backend was asked to switch to, if it was.
    fn answer(mut self, response: Response, asked: Option<&HeaderValue>) -> Result<Answer<B>, Failed<B>> {
        let head = ResponseHead { status: response.status, headers: response.headers };
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let as_asked = asked.is_some_and(|asked| http1::switches_as_asked(asked, &head.headers));
            return match self.under_way.take() {
                Some((exchange, place)) if as_asked => {
                    Ok(Answer::Upgraded(head, Upgraded::new(exchange.into_upgraded(), response.raw, place)))
                }
                other => {
                    self.under_way = other;
                    let reason = "it switched protocols without being asked to".to_owned();
                    Err(self.failed(UpstreamError::Invalid(reason)))
                }
            };
        }
        if let Some(said) = head.headers.get(KEEP_ALIVE) {
            self.idle = self.idle.min(kept(said));
        }
        self.finish_if_ended();
        let body = match self.under_way {
            Some(_) => UpstreamBody::http1(self, response.version),
            None => UpstreamBody::ended(response.version),
        };
        Ok(Answer::Response(head, body.with_head(response.raw)))
    }

    fn failed(mut self, error: UpstreamError<B::Error>) -> Failed<B> {
        let Some((exchange, _place)) = self.under_way.take() else { return Outgoing::nothing().failed(error) };
        exchange.stream().abort();
        exchange.into_request_body().unwrap_or_else(Outgoing::nothing).failed(error)
    }

    /// Gives the connection back as soon as the response is over. If the request is not, the connection ends with it.
    fn finish_if_ended(&mut self) {
        if let Some((exchange, place)) = self.under_way.take_if(|(exchange, _)| exchange.is_end_stream())
            && let Some(connection) = exchange.finish()
        {
            self.slot.put(Pooled { connection, place }, self.idle);
        }
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>>
    where
        B::Error: std::fmt::Display,
    {
        let Some((exchange, _)) = &mut self.under_way else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(exchange).poll_frame(cx));
        self.finish_if_ended();
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| match error {
                ResponseBodyError::Response(error) => UpstreamBodyError::Response(error.to_string()),
                ResponseBodyError::Request(error) => UpstreamBodyError::Request(of_exchange(error, true).to_string()),
            })
        }))
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.under_way.as_ref().map_or(SizeHint::with_exact(0), |(exchange, _)| exchange.size_hint())
    }
}

impl<B> Running<B> {
    pub(super) fn is_over(&self) -> bool {
        self.under_way.is_none()
    }
}

impl<B> Drop for Running<B> {
    fn drop(&mut self) {
        if let Some((exchange, _)) = &self.under_way {
            exchange.stream().abort();
        }
    }
}

/// `answering` when something had come already.
fn of_exchange<E>(error: ExchangeError<E>, answering: bool) -> UpstreamError<E> {
    match error {
        ExchangeError::Silent if !answering => UpstreamError::Silent,
        ExchangeError::Silent | ExchangeError::Incomplete => {
            UpstreamError::Broken("it was closed within the head".to_owned())
        }
        ExchangeError::Io(error) => UpstreamError::Broken(error.to_string()),
        ExchangeError::Response(error) => error.into(),
        ExchangeError::Body(error) => UpstreamError::Body(error),
        ExchangeError::Length => UpstreamError::Length,
    }
}

/// How long a connection may be idle of which a backend says when it closes it (`timeout=5`): a little less.
fn kept(value: &HeaderValue) -> Duration {
    let said = value.to_str().ok().and_then(|value| {
        value.split(',').find_map(|parameter| {
            let (name, seconds) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("timeout").then(|| seconds.trim().trim_matches('"').parse::<u32>().ok())?
        })
    });
    said.map_or(Duration::MAX, |seconds| Duration::from_secs(seconds.into()).mul_f32(0.9).saturating_sub(MARGIN))
}
