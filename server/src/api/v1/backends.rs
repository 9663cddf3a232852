//! `/backends`: origins in services, with how each of them is doing on the node that answers.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use domain::{
    Backend, BackendId, BackendLive, BackendName, BackendPatch, BackendSpec, BackendState, HealthReport, HealthStatus,
    Tag, Timestamp,
};
use serde::{Deserialize, Serialize};
use server_core::{BackendQuery, ServiceRef, Services, Viewer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    list::{List, page},
    services,
};
use crate::api::{
    bearer::{Allowed, Read, Write},
    conditional::{IfMatch, Tagged, Versioned},
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
    /// A service's name or id.
    service: Option<String>,
    /// Only those that carry it.
    #[param(value_type = Option<String>)]
    tag: Option<Tag>,
    /// Part of an id or address.
    search: Option<String>,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

/// A backend and how it is doing.
#[derive(Serialize, ToSchema)]
#[schema(as = BackendShown)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) backend: Backend,
    /// What is known of its health.
    health: Health,
    /// Left out for a while, since it failed again and again.
    ejected: bool,
    /// Requests under way.
    in_flight: u32,
    /// Requests that it answered.
    answered: u64,
    /// Requests that it failed.
    failed: u64,
}

/// What is known of a backend's health, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = BackendHealth)]
struct Health {
    /// Whether it may serve.
    status: HealthStatus,
    /// Since when.
    since: Option<Timestamp>,
    /// What the last check found.
    detail: Option<String>,
}

/// A backend and all that its health checks have found.
#[derive(Serialize, ToSchema)]
#[schema(as = BackendHealthReport)]
pub(super) struct Watched {
    /// What its owner calls it.
    id: BackendName,
    /// What the server calls it.
    key: BackendId,
    /// What its owner wants of it.
    state: BackendState,
    /// `null`: it was never checked.
    health: Option<HealthReport>,
}

impl Shown {
    pub(super) fn of(services: &Services, backend: Backend) -> Self {
        let BackendLive { health: status, since, detail, ejected, in_flight, answered, failed } =
            services.backend_live(&backend);
        Self { backend, health: Health { status, since, detail }, ejected, in_flight, answered, failed }
    }

    pub(super) fn is_unhealthy(&self) -> bool {
        self.health.status == HealthStatus::Unhealthy
    }
}

impl Versioned for Shown {
    fn updated_at(&self) -> Timestamp {
        self.backend.updated_at
    }
}

impl Watched {
    pub(super) fn of(services: &Services, backend: Backend) -> Self {
        let health = services.engine().and_then(|engine| engine.health(backend.key));
        Self { id: backend.id, key: backend.key, state: backend.state, health }
    }
}

/// The backend that is meant: by its key also a deleted one, by its id only what has that id now.
async fn find(services: &Services, viewer: &Viewer, which: &BackendName) -> ApiResult<Backend> {
    let backend = services.pools().backend(viewer, which).await?;
    let by_key = which.as_str().parse() == Ok(backend.key);
    if backend.deleted_at.is_some() && !by_key { Err(ApiError::not_found("backend")) } else { Ok(backend) }
}

/// Lists backends, each with how it is doing on the node that answers.
#[utoipa::path(
    get, path = "/backends", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<Shown>),
        (status = 404, description = "`not_found`"),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<Shown>>> {
    let page = page(query.limit, query.cursor)?;
    let service = match query.service {
        Some(which) => Some(named_service(&services, &viewer, &which).await?),
        None => None,
    };
    let query = BackendQuery { service, tag: query.tag, search: query.search, deleted: query.deleted };
    let backends = services.pools().backends(&viewer, query, page).await?;
    Ok(axum::Json(List::map(backends, |backend| Shown::of(&services, backend))))
}

/// The service that a query string names.
pub(super) async fn named_service(services: &Services, viewer: &Viewer, which: &str) -> ApiResult<domain::ServiceId> {
    let which: ServiceRef = which.parse().map_err(|_| ApiError::not_found("service"))?;
    Ok(services::find(services, viewer, &which).await?.id)
}

/// Makes a backend.
#[utoipa::path(
    post, path = "/backends", request_body = BackendSpec,
    responses(
        (status = 201, description = "Made; Location has its address.", body = Shown),
        (status = 409, description = "`backend_exists`, `backend_limit`, `service_limit`, `service_deleted`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Json(spec): Json<BackendSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Tagged<Shown>)> {
    let backend = services.pools().create_backend(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/backends/{}", backend.id))];
    Ok((StatusCode::CREATED, location, Shown::of(&services, backend).into()))
}

/// One backend.
#[utoipa::path(get, path = "/backends/{id}", responses((status = 200, description = "Done.", body = Shown)))]
async fn read(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<Tagged<Shown>> {
    let backend = find(&services, &viewer, &which).await?;
    Ok(Shown::of(&services, backend).into())
}

/// Changes what is named of a backend.
#[utoipa::path(
    method(put, patch), path = "/backends/{id}", request_body = BackendPatch,
    responses(
        (status = 200, description = "Done.", body = Shown),
        (status = 409, description = "`backend_exists`, `backend_deleted`, `service_deleted`, `ambiguous_name`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(which): Id<BackendName>,
    Json(patch): Json<BackendPatch>,
) -> ApiResult<Tagged<Shown>> {
    let key = find(&services, &viewer, &which).await?.key;
    let backend = services.pools().if_unchanged(expected).update_backend(&viewer, &key.into(), patch).await?;
    Ok(Shown::of(&services, backend).into())
}

/// Deletes a backend.
#[utoipa::path(delete, path = "/backends/{id}", responses((status = 204, description = "Done.")))]
async fn delete(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(which): Id<BackendName>,
) -> ApiResult<StatusCode> {
    let key = find(&services, &viewer, &which).await?.key;
    services.pools().if_unchanged(expected).delete_backend(&viewer, &key.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted backend back.
#[utoipa::path(
    post, path = "/backends/{id}/restore",
    responses(
        (status = 200, description = "Done.", body = Shown),
        (status = 409, description = "`backend_exists`, `service_deleted`, `backend_limit`"),
    )
)]
async fn restore(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<axum::Json<Shown>> {
    let backend = services.pools().restore_backend(&viewer, &which).await?;
    Ok(axum::Json(Shown::of(&services, backend)))
}

/// All that the health checks of a backend have found, on the node that answers.
#[utoipa::path(get, path = "/backends/{id}/health", responses((status = 200, description = "Done.", body = Watched)))]
async fn health(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<axum::Json<Watched>> {
    let backend = find(&services, &viewer, &which).await?;
    Ok(axum::Json(Watched::of(&services, backend)))
}
