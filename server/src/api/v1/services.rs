//! `/services`: named pools of backends.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    routing::{get, post},
};
use domain::{Service, ServicePatch, ServiceSpec};
use serde::Deserialize;
use server_core::{BackendQuery, Reference, ServiceQuery, ServiceRef, Services, Viewer};

use super::{
    backends::Watched,
    list::{List, PageQuery, page},
};
use crate::api::{
    bearer::Authenticated,
    error::{ApiError, ApiResult},
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/services", get(list).post(create))
        .route("/services/{id}", get(read).put(update).patch(update).delete(delete))
        .route("/services/{id}/restore", post(restore))
        .route("/services/{id}/health", get(health))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// Part of a name.
    search: Option<String>,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

/// The service that is meant: by its id also a deleted one, by its name only what has that name now.
pub(super) async fn find(services: &Services, viewer: &Viewer, which: &ServiceRef) -> ApiResult<Service> {
    let service = services.pools().service(viewer, which).await?;
    match which {
        Reference::Name(_) if service.deleted_at.is_some() => Err(ApiError::not_found("service")),
        _ => Ok(service),
    }
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Service>>> {
    let page = page(query.limit, query.cursor)?;
    let query = ServiceQuery { search: query.search, deleted: query.deleted };
    Ok(axum::Json(services.pools().services(&viewer, query, page).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(spec): Json<ServiceSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], axum::Json<Service>)> {
    let service = services.pools().create_service(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/services/{}", service.id))];
    Ok((StatusCode::CREATED, location, axum::Json(service)))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
) -> ApiResult<axum::Json<Service>> {
    Ok(axum::Json(find(&services, &viewer, &which).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Json(patch): Json<ServicePatch>,
) -> ApiResult<axum::Json<Service>> {
    let id = find(&services, &viewer, &which).await?.id;
    Ok(axum::Json(services.pools().update_service(&viewer, &id.into(), patch).await?))
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
) -> ApiResult<StatusCode> {
    let id = find(&services, &viewer, &which).await?.id;
    services.pools().delete_service(&viewer, &id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
) -> ApiResult<axum::Json<Service>> {
    Ok(axum::Json(services.pools().restore_service(&viewer, &which).await?))
}

async fn health(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Watched>>> {
    let page = query.page()?;
    let id = find(&services, &viewer, &which).await?.id;
    let query = BackendQuery { service: Some(id), ..BackendQuery::default() };
    let backends = services.pools().backends(&viewer, query, page).await?;
    Ok(axum::Json(List::map(backends, |backend| Watched::of(&services, backend))))
}
