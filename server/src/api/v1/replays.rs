//! `…/requests/{rid}/replay`: sends a recorded request again.

use axum::extract::{Path, State};
use domain::{ReplayRequest, Replayed, RouteId, RuleId, TunnelId};
use server_core::{DomainRef, Inspected, Services};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{
    bearer::{Allowed, Write},
    error::{ApiError, ApiResult},
    extract::LargeJson,
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(of_tunnel)).routes(routes!(of_domain)).routes(routes!(of_route))
}

/// The two ids of a path; what is none is the id of nothing.
type Ids = Path<(String, String)>;

fn parsed<T: std::str::FromStr>(text: &str) -> ApiResult<T> {
    text.parse().map_err(|_| ApiError::not_found("id"))
}

/// Sends a recorded request of a tunnel again.
#[utoipa::path(
    post, path = "/tunnels/{id}/requests/{rid}/replay", request_body = ReplayRequest,
    responses(
        (status = 200, description = "Done.", body = Replayed),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`body_not_whole`, `head_not_kept`, `path_masked`, `replay_nowhere`, \
            `not_replayable`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn of_tunnel(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Path((tunnel, request)): Ids,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let of = Inspected::Tunnel(parsed::<TunnelId>(&tunnel)?);
    Ok(axum::Json(services.replay(&viewer, of, parsed(&request)?, &wish).await?))
}

/// Sends a recorded request of a domain again.
#[utoipa::path(
    post, path = "/domains/{domain}/requests/{rid}/replay", request_body = ReplayRequest,
    responses(
        (status = 200, description = "Done.", body = Replayed),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`body_not_whole`, `head_not_kept`, `path_masked`, `replay_nowhere`, \
            `not_replayable`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn of_domain(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Path((domain, request)): Ids,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let domain = services.hosts().get(&viewer, &parsed::<DomainRef>(&domain)?).await?;
    let of = Inspected::Rule(RuleId::Domain(domain.id));
    Ok(axum::Json(services.replay(&viewer, of, parsed(&request)?, &wish).await?))
}

/// Sends a recorded request of a route again.
#[utoipa::path(
    post, path = "/routes/{id}/requests/{rid}/replay", request_body = ReplayRequest,
    responses(
        (status = 200, description = "Done.", body = Replayed),
        (status = 400, description = "`unknown_tag`"),
        (status = 409, description = "`body_not_whole`, `head_not_kept`, `path_masked`, `replay_nowhere`, \
            `not_replayable`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn of_route(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Path((route, request)): Ids,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let of = Inspected::Rule(RuleId::Route(parsed::<RouteId>(&route)?));
    Ok(axum::Json(services.replay(&viewer, of, parsed(&request)?, &wish).await?))
}
