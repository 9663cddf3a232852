//! `/services`: named pools of backends.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use domain::{Service, ServicePatch, ServiceSpec};
use serde::Deserialize;
use server_core::{BackendQuery, Reference, ServiceQuery, ServiceRef, Services, Viewer};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    backends::Watched,
    list::{List, PageQuery, page},
};
use crate::api::{
    bearer::{Allowed, Read, Write},
    conditional::{IfMatch, Tagged},
    error::{ApiError, ApiResult},
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(restore))
        .routes(routes!(health))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
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

/// Lists services.
#[utoipa::path(
    get, path = "/services", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Service>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Service>>> {
    let page = page(query.limit, query.cursor)?;
    let query = ServiceQuery { search: query.search, deleted: query.deleted };
    Ok(axum::Json(services.pools().services(&viewer, query, page).await?.into()))
}

/// Makes a service.
#[utoipa::path(
    post, path = "/services", request_body = ServiceSpec,
    responses(
        (status = 201, description = "Made; Location has its address.", body = Service),
        (status = 409, description = "`service_exists`, `service_limit`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Json(spec): Json<ServiceSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Tagged<Service>)> {
    let service = services.pools().create_service(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/services/{}", service.id))];
    Ok((StatusCode::CREATED, location, service.into()))
}

/// One service.
#[utoipa::path(get, path = "/services/{id}", responses((status = 200, description = "Done.", body = Service)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
) -> ApiResult<Tagged<Service>> {
    Ok(find(&services, &viewer, &which).await?.into())
}

/// Changes what is named of a service.
#[utoipa::path(
    method(put, patch), path = "/services/{id}", request_body = ServicePatch,
    responses(
        (status = 200, description = "Done.", body = Service),
        (status = 409, description = "`service_exists`, `service_deleted`, `ambiguous_name`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(which): Id<ServiceRef>,
    Json(patch): Json<ServicePatch>,
) -> ApiResult<Tagged<Service>> {
    let id = find(&services, &viewer, &which).await?.id;
    Ok(services.pools().if_unchanged(expected).update_service(&viewer, &id.into(), patch).await?.into())
}

/// Deletes a service with its backends.
#[utoipa::path(
    delete, path = "/services/{id}",
    responses(
        (status = 204, description = "Done."),
        (status = 409, description = "`service_in_use`, `ambiguous_name`"),
    )
)]
async fn delete(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(which): Id<ServiceRef>,
) -> ApiResult<StatusCode> {
    let id = find(&services, &viewer, &which).await?.id;
    services.pools().if_unchanged(expected).delete_service(&viewer, &id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted service back with its backends.
#[utoipa::path(
    post, path = "/services/{id}/restore",
    responses(
        (status = 200, description = "Done.", body = Service),
        (status = 409, description = "`service_exists`, `backend_exists`, `service_limit`, `backend_limit`"),
    )
)]
async fn restore(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(which): Id<ServiceRef>,
) -> ApiResult<axum::Json<Service>> {
    Ok(axum::Json(services.pools().restore_service(&viewer, &which).await?))
}

/// Each backend with all that its health checks have found, on the node that answers.
#[utoipa::path(
    get, path = "/services/{id}/health", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Watched>),
    )
)]
async fn health(
    Allowed { viewer, .. }: Allowed<Read>,
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
