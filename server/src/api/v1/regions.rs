//! `/regions`: where backends and nodes live. Everybody may read them; administrators change them.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use domain::{Region, RegionId, RegionPatch, RegionSpec};
use server_core::Services;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery};
use crate::api::{
    bearer::{Administrates, Allowed, Read, Write},
    conditional::{IfMatch, Tagged},
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, update, delete)).routes(routes!(restore))
}

/// Lists regions.
#[utoipa::path(
    get, path = "/regions", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Region>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Region>>> {
    Ok(axum::Json(services.regions().list(&viewer, query.page()?).await?.into()))
}

/// Makes a region. Administrators only.
#[utoipa::path(
    post, path = "/regions", request_body = RegionSpec,
    responses(
        (status = 201, description = "Made; Location has its address.", body = Region),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`region_exists`"),
    )
)]
async fn create(
    Administrates { admin, .. }: Administrates<Write>,
    State(services): State<Services>,
    Json(spec): Json<RegionSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Tagged<Region>)> {
    let region = services.regions().create(&admin, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/regions/{}", region.id))];
    Ok((StatusCode::CREATED, location, region.into()))
}

/// One region.
#[utoipa::path(get, path = "/regions/{id}", responses((status = 200, description = "Done.", body = Region)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<RegionId>,
) -> ApiResult<Tagged<Region>> {
    Ok(services.regions().get(&viewer, id).await?.into())
}

/// Changes what is named of a region. Administrators only.
#[utoipa::path(
    method(put, patch), path = "/regions/{id}", request_body = RegionPatch,
    responses(
        (status = 200, description = "Done.", body = Region),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`region_exists`, `region_deleted`"),
    )
)]
async fn update(
    Administrates { admin, .. }: Administrates<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<RegionId>,
    Json(patch): Json<RegionPatch>,
) -> ApiResult<Tagged<Region>> {
    Ok(services.regions().if_unchanged(expected).update(&admin, id, patch).await?.into())
}

/// Deletes a region. Administrators only.
#[utoipa::path(
    delete, path = "/regions/{id}",
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`admin_only`"),
    )
)]
async fn delete(
    Administrates { admin, .. }: Administrates<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<RegionId>,
) -> ApiResult<StatusCode> {
    services.regions().if_unchanged(expected).delete(&admin, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted region back. Administrators only.
#[utoipa::path(
    post, path = "/regions/{id}/restore",
    responses(
        (status = 200, description = "Done.", body = Region),
        (status = 403, description = "`admin_only`"),
        (status = 409, description = "`region_exists`"),
    )
)]
async fn restore(
    Administrates { admin, .. }: Administrates<Write>,
    State(services): State<Services>,
    Id(id): Id<RegionId>,
) -> ApiResult<axum::Json<Region>> {
    Ok(axum::Json(services.regions().restore(&admin, id).await?))
}
