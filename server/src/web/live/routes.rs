//! What must be right before a connection becomes a WebSocket.

use std::time::Duration;

use axum::{
    Router,
    extract::{
        FromRef, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use domain::TunnelId;
use server_core::{Services, Subject};
use tokio_util::sync::CancellationToken;

use super::{feed::Feed, quota::Quota, who::Who};
use crate::api::{
    error::{ApiError, ApiResult},
    extract::Id,
};

/// Nothing that a client sends has a meaning, so little is read.
const MAX_MESSAGE: usize = 4 * 1024;
/// A snapshot is larger than this and goes out in several writes.
const WRITE_BUFFER: usize = 16 * 1024;

/// What the sockets need.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) services: Services,
    pub(crate) quota: Quota,
    /// Cancelled when the server shuts down.
    pub(crate) stop: CancellationToken,
}

impl FromRef<Live> for Services {
    fn from_ref(live: &Live) -> Self {
        live.services.clone()
    }
}

pub(crate) fn routes() -> Router<Live> {
    Router::new().route("/ws/user", get(user)).route("/ws/tunnels/{id}", get(tunnel))
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

async fn user(who: Who, State(live): State<Live>, upgrade: Upgrade) -> ApiResult<Response> {
    open(who, live, upgrade, Subject::All)
}

async fn tunnel(who: Who, State(live): State<Live>, Id(id): Id<TunnelId>, upgrade: Upgrade) -> ApiResult<Response> {
    live.services.tunnels().get(&who.viewer, id).await?;
    open(who, live, upgrade, Subject::Tunnel(id))
}

fn open(who: Who, live: Live, upgrade: Upgrade, subject: Subject) -> ApiResult<Response> {
    let Ok(upgrade) = upgrade else { return Ok(upgrade_required()) };
    let place = live.quota.take(who.viewer.id()).ok_or_else(|| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets", "too many live connections; close some pages")
            .retry_after(Duration::from_secs(5))
    })?;
    let feed = Feed::new(live.services, who, subject, live.stop);
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(MAX_MESSAGE)
        .write_buffer_size(WRITE_BUFFER);
    Ok(upgrade.on_upgrade(move |socket| async move {
        feed.run(socket).await;
        drop(place);
    }))
}

/// RFC 9110 section 15.5.22.
fn upgrade_required() -> Response {
    let error = ApiError::new(
        StatusCode::UPGRADE_REQUIRED,
        "upgrade_required",
        "this address speaks WebSocket (RFC 6455, version 13) only",
    );
    let mut response = error.into_response();
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}
