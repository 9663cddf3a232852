//! What must be right before a connection becomes a WebSocket.

use std::time::Duration;

use axum::{
    Router,
    extract::{FromRef, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{DomainId, RouteId, RuleId, ServiceId, TunnelId};
use serde::Deserialize;
use server_core::{Inspected, ServiceRef, Services, Subject};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;

use super::{
    feed::{Feed, Topic},
    quota::Quota,
    upgrade::{NoHandshake, Upgrade},
    who::Who,
};
use crate::api::{
    error::{ApiError, ApiResult},
    extract::{Id, Query},
};

/// Nothing that a client sends has a meaning, so little is read.
const MAX_MESSAGE: usize = 4 * 1024;
/// A snapshot is larger than this and goes out in several writes.
const WRITE_BUFFER: usize = 16 * 1024;
/// What may wait for a reader, bytes; one that takes nothing is given up after a while.
const MAX_UNSENT: usize = 1024 * 1024;

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
        .route("/ws/domains/{id}", get(domain))
        .route("/ws/routes/{id}", get(route))
}

async fn user(who: Who, State(live): State<Live>, upgrade: Result<Upgrade, NoHandshake>) -> ApiResult<Response> {
    open(who, live, upgrade, Topic { subject: Some(Subject::All), requests: None })
}

async fn tunnel(
    who: Who,
    State(live): State<Live>,
    Id(id): Id<TunnelId>,
    Query(wishes): Query<Wishes>,
    upgrade: Result<Upgrade, NoHandshake>,
) -> ApiResult<Response> {
    live.services.tunnels().get(&who.viewer, id).await?;
    let requests = wishes.requests.then_some(Inspected::Tunnel(id));
    open(who, live, upgrade, Topic { subject: Some(Subject::Tunnel(id)), requests })
}

/// What a client may do without.
#[derive(Deserialize)]
struct Wishes {
    /// Whether exchanges are told as they are recorded; they are unless it says `false`.
    #[serde(default = "yes")]
    requests: bool,
}

fn yes() -> bool {
    true
}

async fn domain(
    who: Who,
    State(live): State<Live>,
    Id(id): Id<DomainId>,
    upgrade: Result<Upgrade, NoHandshake>,
) -> ApiResult<Response> {
    rule(who, live, RuleId::Domain(id), upgrade).await
}

async fn route(
    who: Who,
    State(live): State<Live>,
    Id(id): Id<RouteId>,
    upgrade: Result<Upgrade, NoHandshake>,
) -> ApiResult<Response> {
    rule(who, live, RuleId::Route(id), upgrade).await
}

/// A domain's or a route's recorded exchanges.
async fn rule(who: Who, live: Live, rule: RuleId, upgrade: Result<Upgrade, NoHandshake>) -> ApiResult<Response> {
    let of = Inspected::Rule(rule);
    live.services.inspector().settings(&who.viewer, of).await?;
    open(who, live, upgrade, Topic { subject: None, requests: Some(of) })
}

async fn service(
    who: Who,
    State(live): State<Live>,
    Id(id): Id<ServiceId>,
    upgrade: Result<Upgrade, NoHandshake>,
) -> ApiResult<Response> {
    live.services.pools().service(&who.viewer, &ServiceRef::Id(id)).await?;
    open(who, live, upgrade, Topic { subject: Some(Subject::Service(id)), requests: None })
}

fn open(who: Who, live: Live, upgrade: Result<Upgrade, NoHandshake>, topic: Topic) -> ApiResult<Response> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let place = live.quota.take(who.viewer.id()).ok_or_else(|| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets", "too many live connections; close some pages")
            .retry_after(Duration::from_secs(5))
    })?;
    let feed = Feed::new(live.services, who, topic, live.stop);
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
