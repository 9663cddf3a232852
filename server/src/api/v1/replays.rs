//! `…/requests/{rid}/replay`: sends a recorded request again.

use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use domain::{ReplayRequest, Replayed, RouteId, RuleId, TunnelId};
use server_core::{DomainRef, Inspected, Services};

use crate::api::{
    bearer::Authenticated,
    error::{ApiError, ApiResult},
    extract::LargeJson,
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/tunnels/{id}/requests/{rid}/replay", post(of_tunnel))
        .route("/domains/{domain}/requests/{rid}/replay", post(of_domain))
        .route("/routes/{id}/requests/{rid}/replay", post(of_route))
}

/// The two ids of a path; what is none is the id of nothing.
type Ids = Path<(String, String)>;

fn parsed<T: std::str::FromStr>(text: &str) -> ApiResult<T> {
    text.parse().map_err(|_| ApiError::not_found("id"))
}

async fn of_tunnel(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Path((tunnel, request)): Ids,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let of = Inspected::Tunnel(parsed::<TunnelId>(&tunnel)?);
    Ok(axum::Json(services.replay(&viewer, of, parsed(&request)?, &wish).await?))
}

async fn of_domain(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Path((domain, request)): Ids,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let domain = services.hosts().get(&viewer, &parsed::<DomainRef>(&domain)?).await?;
    let of = Inspected::Rule(RuleId::Domain(domain.id));
    Ok(axum::Json(services.replay(&viewer, of, parsed(&request)?, &wish).await?))
}

async fn of_route(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Path((route, request)): Ids,
    LargeJson(wish): LargeJson<ReplayRequest>,
) -> ApiResult<axum::Json<Replayed>> {
    let of = Inspected::Rule(RuleId::Route(parsed::<RouteId>(&route)?));
    Ok(axum::Json(services.replay(&viewer, of, parsed(&request)?, &wish).await?))
}
