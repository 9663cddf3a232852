//! What must be right before a connection becomes a WebSocket.

use std::time::Duration;

use axum::{
    Router,
    extract::{FromRef, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{ServiceId, TunnelId};
use server_core::{ServiceRef, Services, Subject};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;

use super::{
    feed::Feed,
    quota::Quota,
    upgrade::{NoHandshake, Upgrade},
    who::Who,
};
use crate::api::{
    error::{ApiError, ApiResult},
    extract::Id,
};

/// Nothing that a client sends has a meaning, so little is read.
const MAX_MESSAGE: usize = 4 * 1024;
/// A snapshot is larger than this and goes out in several writes.
const WRITE_BUFFER: usize = 16 * 1024;
/// What may wait for a reader; one that takes nothing is given up after a while, whatever its size.
const MAX_UNSENT: usize = 4 * 1024 * 1024;

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
    Router::new()
        .route("/ws/user", get(user))
        .route("/ws/tunnels/{id}", get(tunnel))
        .route("/ws/services/{id}", get(service))
}

async fn user(who: Who, State(live): State<Live>, upgrade: Result<Upgrade, NoHandshake>) -> ApiResult<Response> {
    open(who, live, upgrade, Subject::All)
}

async fn tunnel(
    who: Who,
    State(live): State<Live>,
    Id(id): Id<TunnelId>,
    upgrade: Result<Upgrade, NoHandshake>,
) -> ApiResult<Response> {
    live.services.tunnels().get(&who.viewer, id).await?;
    open(who, live, upgrade, Subject::Tunnel(id))
}

async fn service(
    who: Who,
    State(live): State<Live>,
    Id(id): Id<ServiceId>,
    upgrade: Result<Upgrade, NoHandshake>,
) -> ApiResult<Response> {
    live.services.pools().service(&who.viewer, &ServiceRef::Id(id)).await?;
    open(who, live, upgrade, Subject::Service(id))
}

fn open(who: Who, live: Live, upgrade: Result<Upgrade, NoHandshake>, subject: Subject) -> ApiResult<Response> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let place = live.quota.take(who.viewer.id()).ok_or_else(|| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets", "too many live connections; close some pages")
            .retry_after(Duration::from_secs(5))
    })?;
    let feed = Feed::new(live.services, who, subject, live.stop);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(MAX_MESSAGE)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_UNSENT);
    Ok(upgrade.accept(config, move |socket| async move {
        feed.run(socket).await;
        drop(place);
    }))
}
