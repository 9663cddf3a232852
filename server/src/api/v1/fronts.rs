//! `/…/front`: what stands in front of a tunnel, a domain or a route.

use axum::{Json as Answer, extract::State, http::StatusCode};
use domain::{BasicName, Front, NewShareLink, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use server_core::{Inspected, Services, Viewer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::exchanges::Place;
use crate::api::{
    bearer::{Allowed, Read, Write},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::{Json, LargeJson, Query, from_value},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    let below = || OpenApiRouter::new().routes(routes!(read, update, open)).routes(routes!(share, end_share));
    OpenApiRouter::new().nest("/tunnels/{id}", below()).nest("/domains/{domain}", below()).nest("/routes/{id}", below())
}

/// What stands in front.
#[utoipa::path(get, path = "/front", responses((status = 200, description = "Done.", body = Front)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    place: Place,
) -> ApiResult<Tagged<Front>> {
    let of = place.of(&services, &viewer).await?;
    shown(&services, &viewer, of).await
}

/// Changes what stands in front.
///
/// What is named is changed, null takes it away.
#[utoipa::path(method(put, patch), path = "/front", request_body = Front, responses(
    (status = 200, description = "Done.", body = Front), (status = 409, description = "`tunnel_deleted`, `domain_deleted`, `route_deleted`")))]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    place: Place,
    LargeJson(change): LargeJson<Map<String, Value>>,
) -> ApiResult<Tagged<Front>> {
    let of = place.of(&services, &viewer).await?;
    let front = merged(&services.front(&viewer, of).await?, change)?;
    services.set_front(&viewer, of, front, expected).await?;
    shown(&services, &viewer, of).await
}

/// Everything passes again.
#[utoipa::path(delete, path = "/front", responses(
    (status = 204, description = "Done."), (status = 409, description = "`tunnel_deleted`, `domain_deleted`, `route_deleted`")))]
async fn open(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    place: Place,
) -> ApiResult<StatusCode> {
    let of = place.of(&services, &viewer).await?;
    services.set_front(&viewer, of, Front::default(), expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn shown(services: &Services, viewer: &Viewer, of: Inspected) -> ApiResult<Tagged<Front>> {
    // Asked for first: when it is changed in between, the tag is too old, and never too new.
    let updated_at = services.front_updated_at(viewer, of).await?;
    Ok(Tagged::new(updated_at, services.front(viewer, of).await?))
}

/// A link with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = ShareLinkWithSecret)]
struct Shared {
    /// What its owner calls it.
    name: BasicName,
    /// When it ends by itself.
    expires_at: Timestamp,
    /// What makes an address a link: to be added to its query, as it is.
    query: String,
}

/// Makes a link that lets whoever has it in where otherwise a password is asked for.
///
/// Its secret is in this answer and nowhere else. Links that have ended make room.
#[utoipa::path(post, path = "/front/links", request_body = NewShareLink, responses(
    (status = 201, description = "Made.", body = Shared),
    (status = 409, description = "`share_link_exists`, `share_link_limit`, `tunnel_deleted`, `domain_deleted`, `route_deleted`"),
    (status = 412, description = "`changed_meanwhile`: by somebody else at the same moment; send it again.")))]
async fn share(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    place: Place,
    Json(new): Json<NewShareLink>,
) -> ApiResult<(StatusCode, Answer<Shared>)> {
    let of = place.of(&services, &viewer).await?;
    let (link, secret) = services.share(&viewer, of, new).await?;
    let query = format!("switchboard-share={}", secret.expose());
    Ok((StatusCode::CREATED, Answer(Shared { name: link.name, expires_at: link.expires_at, query })))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LinkQuery {
    /// What the link is called.
    name: BasicName,
}

/// Ends a link.
#[utoipa::path(delete, path = "/front/links", params(LinkQuery), responses(
    (status = 204, description = "Done."), (status = 409, description = "`tunnel_deleted`, `domain_deleted`, `route_deleted`"),
    (status = 412, description = "`changed_meanwhile`: by somebody else at the same moment; send it again.")))]
async fn end_share(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    place: Place,
    Query(query): Query<LinkQuery>,
) -> ApiResult<StatusCode> {
    let of = place.of(&services, &viewer).await?;
    services.end_share(&viewer, of, &query.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn merged(front: &Front, change: Map<String, Value>) -> ApiResult<Front> {
    let mut all = match serde_json::to_value(front) {
        Ok(Value::Object(all)) => all,
        _ => Map::new(),
    };
    for (name, value) in change {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    from_value(&Value::Object(all))
}
