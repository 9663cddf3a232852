//! A dashboard's request that becomes a WebSocket (RFC 6455 section 4.2).

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use http1::Upgraded;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::api::error::ApiError;
use crate::ingress::OnUpgrade;

/// A WebSocket of the dashboard.
pub(super) type Socket = WebSocketStream<Upgraded<TcpStream>>;

/// A handshake that may be accepted.
pub(super) struct Upgrade {
    key: HeaderValue,
    connection: OnUpgrade,
}

/// A request that is no WebSocket handshake.
pub(super) struct NoHandshake;

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NoHandshake;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoHandshake> {
        let is = |name, value: &str| {
            parts
                .headers
                .get(name)
                .is_some_and(|said: &HeaderValue| said.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        };
        let proper =
            parts.method == Method::GET && is(header::UPGRADE, "websocket") && is(header::SEC_WEBSOCKET_VERSION, "13");
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| proper && key.len() == 24).cloned();
        // That the client's `Connection` names the upgrade, has been looked at where the request was read.
        let place = parts.extensions.remove::<Arc<Mutex<Option<OnUpgrade>>>>();
        let connection = place.and_then(|place| place.lock().unwrap_or_else(PoisonError::into_inner).take());
        match (key, connection) {
            (Some(key), Some(connection)) => Ok(Self { key, connection }),
            _ => Err(NoHandshake),
        }
    }
}

impl Upgrade {
    /// Accepts, and has `serve` use the socket.
    pub(super) fn accept<F>(self, config: WebSocketConfig, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let accept = derive_accept_key(self.key.as_bytes());
        tokio::spawn(async move {
            if let Some((upgraded, place)) = self.connection.await {
                serve(Socket::from_raw_socket(upgraded, Role::Server, Some(config)).await).await;
                drop(place);
            }
        });
        let headers =
            [(header::CONNECTION, "Upgrade"), (header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_ACCEPT, &*accept)];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

impl IntoResponse for NoHandshake {
    /// RFC 9110 section 15.5.22.
    fn into_response(self) -> Response {
        let error = ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "this address speaks WebSocket (RFC 6455, version 13) only",
        );
        let headers = [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade")];
        (headers, error).into_response()
    }
}
