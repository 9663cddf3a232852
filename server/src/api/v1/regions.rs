//! `/regions`: where backends and nodes live. Everybody may read them; administrators change them.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    routing::{get, post},
};
use domain::{Region, RegionId, RegionPatch, RegionSpec};
use server_core::Services;

use super::list::{List, PageQuery};
use crate::api::{
    bearer::Authenticated,
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/regions", get(list).post(create))
        .route("/regions/{id}", get(read).put(update).patch(update).delete(delete))
        .route("/regions/{id}/restore", post(restore))
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Region>>> {
    Ok(axum::Json(services.regions().list(&viewer, query.page()?).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(spec): Json<RegionSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], axum::Json<Region>)> {
    let region = services.regions().create(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/regions/{}", region.id))];
    Ok((StatusCode::CREATED, location, axum::Json(region)))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RegionId>,
) -> ApiResult<axum::Json<Region>> {
    Ok(axum::Json(services.regions().get(&viewer, id).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RegionId>,
    Json(patch): Json<RegionPatch>,
) -> ApiResult<axum::Json<Region>> {
    Ok(axum::Json(services.regions().update(&viewer, id, patch).await?))
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RegionId>,
) -> ApiResult<StatusCode> {
    services.regions().delete(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<RegionId>,
) -> ApiResult<axum::Json<Region>> {
    Ok(axum::Json(services.regions().restore(&viewer, id).await?))
}
