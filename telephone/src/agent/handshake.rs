//! The WebSocket handshake of a client (RFC 6455 §4.1), up to our own framing.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::Empty;
use http1::Response;
use http1::client::{Connection, Exchange, ExchangeError};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wire::websocket::{Limits, Role};

use crate::line::Socket;
use crate::net;

/// Why a server's answer opens no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The connection failed, or what came was not HTTP.
    #[error(transparent)]
    Http(#[from] ExchangeError<Infallible>),
    /// The request could not be made.
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::header::InvalidHeaderValue),
    /// It is HTTP, but no WebSocket.
    #[error("answered with status {}", .0.as_u16())]
    Status(StatusCode),
    /// It says 101 without what makes that the answer to a WebSocket handshake.
    #[error("the answer to the WebSocket handshake is wrong: {0}")]
    Answer(&'static str),
}

/// Opens `path` of the server at `authority` as a WebSocket.
pub(crate) async fn open(
    connection: net::Socket,
    authority: &str,
    path: &str,
) -> Result<Socket<net::Socket>, HandshakeError> {
    let key = generate_key();
    let mut headers = HeaderMap::from_iter([
        (HOST, HeaderValue::try_from(authority)?),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        (SEC_WEBSOCKET_KEY, HeaderValue::try_from(&key)?),
    ]);
    let body = Empty::<Bytes>::new();
    let mut exchange = Exchange::new(Connection::new(connection), Method::GET, path, &mut headers, body);
    let response = loop {
        let response = exchange.response().await?;
        if !response.is_informational() {
            break response;
        }
    };
    check(&response, &key)?;
    let (stream, received) = exchange.into_upgraded().into_parts();
    Ok(Socket::new(stream, Role::Client, Limits::default(), &received))
}

/// What RFC 6455 section 4.1 asks of the answer.
fn check(response: &Response, key: &str) -> Result<(), HandshakeError> {
    if response.status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(HandshakeError::Status(response.status));
    }
    let headers = &response.headers;
    if !has_token(headers, UPGRADE, "websocket") || !has_token(headers, CONNECTION, "upgrade") {
        return Err(HandshakeError::Answer("it does not upgrade to websocket"));
    }
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| accept != derive_accept_key(key.as_bytes()).as_str()) {
        return Err(HandshakeError::Answer("Sec-WebSocket-Accept does not fit the key"));
    }
    // Nothing was offered that an answer could agree to.
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) || headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Err(HandshakeError::Answer("it agrees to what was not offered"));
    }
    Ok(())
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}
