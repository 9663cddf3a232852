//! `…/requests/{rid}/replay`: sends a recorded request again.

use axum::extract::State;
use domain::{ReplayRequest, Replayed, RequestId, RouteId, RuleId, TunnelId};
use server_core::{DomainRef, Inspected, Services};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::{
    bearer::{Allowed, Write},
    error::ApiResult,
    extract::{Ids, LargeJson},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(of_tunnel)).routes(routes!(of_domain)).routes(routes!(of_route))
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
    Ids(tunnel, request): Ids<TunnelId, RequestId>,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let of = Inspected::Tunnel(tunnel);
    Ok(axum::Json(services.replay(&viewer, of, request, &wish).await?))
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
    Ids(domain, request): Ids<DomainRef, RequestId>,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let domain = services.hosts().get(&viewer, &domain).await?;
    let of = Inspected::Rule(RuleId::Domain(domain.id));
    Ok(axum::Json(services.replay(&viewer, of, request, &wish).await?))
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
    Ids(route, request): Ids<RouteId, RequestId>,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let of = Inspected::Rule(RuleId::Route(route));
    Ok(axum::Json(services.replay(&viewer, of, request, &wish).await?))
}
