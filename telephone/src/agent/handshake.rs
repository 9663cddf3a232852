//! The WebSocket handshake of a client (RFC 6455 §4.1), up to our own framing.

use http::header::{
    CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wire::websocket::{Limits, Role};

use crate::line::Socket;
use crate::net;

/// The longest answer that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Why a server's answer opens no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The connection failed, or what came was not HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The request could not be made.
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
    /// It is HTTP, but no WebSocket.
    #[error("answered with status {}", .0.as_u16())]
    Status(StatusCode),
    /// It says 101 without what makes that the answer to a WebSocket handshake.
    #[error("the answer to the WebSocket handshake is wrong: {0}")]
    Answer(&'static str),
}

/// Opens `path` of the server at `authority` as a WebSocket.
pub(super) async fn open(
    connection: net::Socket,
    authority: &str,
    path: &str,
) -> Result<Socket<net::Socket>, HandshakeError> {
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(MAX_ANSWER)
        .handshake(TokioIo::new(connection))
        .await?;
    let key = generate_key();
    let request = Request::get(path)
        .header(HOST, authority)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .body(Empty::<Bytes>::new())?;
    let exchange = async { check(&sender.send_request(request).await?, &key) };
    // Gives the connection back after a 101, with what has been read behind it.
    let connection = async { Ok(connection.without_shutdown().await?) };
    let ((), parts) = tokio::try_join!(exchange, connection)?;
    Ok(Socket::new(parts.io.into_inner(), Role::Client, Limits::default(), &parts.read_buf))
}

/// What RFC 6455 section 4.1 asks of the answer.
fn check(response: &Response<Incoming>, key: &str) -> Result<(), HandshakeError> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(HandshakeError::Status(response.status()));
    }
    let headers = response.headers();
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
