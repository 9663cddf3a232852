//! Requests to switch to another protocol, and after a 101: bytes both ways.

use std::time::Instant;

use http::StatusCode;
use http::header::{HeaderValue, UPGRADE};
use wire::head::{RequestHead, ResponseHead};

use super::done::Done;
use super::exchange::{self, answer, ended, explain, not_answered, not_opened, open, pass_on};
use super::local::{Exchange, NoResponse};
use super::page::Problem;
use super::{Forwarder, Outcome};
use crate::line::{PipeError, RecvBody, SendResponse, StreamError, pipe};
use crate::net::Socket;

/// An upgrade has a connection of its own, and the request's body, if any, is the start of the byte stream: the local
/// server sees it only after it has agreed (RFC 9110 §7.8). One that speaks only HTTP/2 cannot agree.
pub(super) async fn ask(
    forwarder: &Forwarder,
    request: &mut RequestHead,
    mut respond: SendResponse,
    body: RecvBody,
    tells: bool,
) -> Done {
    let none = RecvBody::empty();
    if forwarder.speaks_http2_only() {
        request.upgrade = None;
        let way = forwarder.open_already(Instant::now());
        return exchange::ask(forwarder, request, respond, none, way, tells).await;
    }
    let way = match open(forwarder, request, &mut respond).await {
        Ok(way) => way,
        Err(unopened) => return not_opened(forwarder, request, unopened, respond).await,
    };
    let mut exchange = match Exchange::new(way, request, none, forwarder.tls.is_some(), &forwarder.authority) {
        Ok(exchange) => exchange,
        Err(error) => return not_answered(forwarder, request, error, respond).await,
    };
    let response = match answer(&mut exchange, &mut respond, tells).await {
        Ok(response) => response,
        Err(NoResponse::Request(error)) => {
            exchange.abort();
            return Done::of_stream_error(None, 0, &error);
        }
        Err(error) => return not_answered(forwarder, request, error, respond).await,
    };
    let status = response.status;
    let switches = status == StatusCode::SWITCHING_PROTOCOLS
        && request.upgrade.as_ref().is_some_and(|asked| http1::switches_as_asked(asked, &response.headers));
    // A 101 to what was not asked for is explained there, as any other that nobody has asked for.
    if !switches {
        drop(body);
        let passed = pass_on(forwarder, request, response, &mut exchange, respond).await;
        return ended(forwarder, status, passed, exchange);
    }
    match exchange.into_upgraded() {
        Some(upgraded) => run(response, upgraded, respond, body).await,
        None => {
            let problem = Problem::Broken("it switched protocols over HTTP/2".to_owned());
            explain(forwarder, request, &problem, respond).await
        }
    }
}

/// Passes a 101 on and then the bytes of both sides, until both have ended.
async fn run(response: ResponseHead, upgraded: http1::Upgraded<Socket>, respond: SendResponse, recv: RecvBody) -> Done {
    let status = response.status;
    let protocol: Option<HeaderValue> = response.headers.get(UPGRADE).cloned();
    let mut fields = response.headers;
    http1::remove_hop_by_hop(&mut fields);
    if let Some(protocol) = protocol {
        fields.insert(UPGRADE, protocol);
    }
    let send = match respond.send(&ResponseHead { status, headers: fields }, false) {
        Ok(send) => send,
        Err(error) => return Done::of_stream_error(Some(status), 0, &error),
    };
    match pipe(send, recv, upgraded).await {
        Ok((out, _)) => Done::new(status, out, Outcome::Complete),
        // Either end may drop an upgraded connection without further ado; that is how most of them end.
        Err(PipeError::Stream(StreamError::Reset(_)) | PipeError::Io(_)) => Done::new(status, 0, Outcome::Complete),
        Err(PipeError::Stream(error)) => Done::of_stream_error(Some(status), 0, &error),
    }
}
