//! `/backends`: origins in services, with how each of them is doing on the node that answers.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    routing::{get, post},
};
use domain::{
    Backend, BackendId, BackendLive, BackendName, BackendPatch, BackendSpec, BackendState, HealthReport, HealthStatus,
    Tag, Timestamp,
};
use serde::{Deserialize, Serialize};
use server_core::{BackendQuery, ServiceRef, Services, Viewer};

use super::{
    list::{List, page},
    services,
};
use crate::api::{
    bearer::Authenticated,
    error::{ApiError, ApiResult},
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/backends", get(list).post(create))
        .route("/backends/{id}", get(read).put(update).patch(update).delete(delete))
        .route("/backends/{id}/restore", post(restore))
        .route("/backends/{id}/health", get(health))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// A service's name or id.
    service: Option<String>,
    tag: Option<Tag>,
    /// Part of an id or address.
    search: Option<String>,
    /// Only deleted ones, which can be restored.
    #[serde(default)]
    deleted: bool,
}

/// A backend and how it is doing.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) backend: Backend,
    health: Health,
    /// Left out for a while, since it failed again and again.
    ejected: bool,
    in_flight: u32,
    answered: u64,
    failed: u64,
}

/// What is known of a backend's health, in short.
#[derive(Serialize)]
struct Health {
    status: HealthStatus,
    since: Option<Timestamp>,
    detail: Option<String>,
}

/// A backend and all that its health checks have found.
#[derive(Serialize)]
pub(super) struct Watched {
    id: BackendName,
    key: BackendId,
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

async fn list(
    Authenticated(viewer): Authenticated,
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

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(spec): Json<BackendSpec>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], axum::Json<Shown>)> {
    let backend = services.pools().create_backend(&viewer, spec).await?;
    let location = [(header::LOCATION, format!("/api/v1/backends/{}", backend.id))];
    Ok((StatusCode::CREATED, location, axum::Json(Shown::of(&services, backend))))
}

async fn read(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<axum::Json<Shown>> {
    let backend = find(&services, &viewer, &which).await?;
    Ok(axum::Json(Shown::of(&services, backend)))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
    Json(patch): Json<BackendPatch>,
) -> ApiResult<axum::Json<Shown>> {
    let key = find(&services, &viewer, &which).await?.key;
    let backend = services.pools().update_backend(&viewer, &key.into(), patch).await?;
    Ok(axum::Json(Shown::of(&services, backend)))
}

async fn delete(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<StatusCode> {
    let key = find(&services, &viewer, &which).await?.key;
    services.pools().delete_backend(&viewer, &key.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn restore(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<axum::Json<Shown>> {
    let backend = services.pools().restore_backend(&viewer, &which).await?;
    Ok(axum::Json(Shown::of(&services, backend)))
}

async fn health(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(which): Id<BackendName>,
) -> ApiResult<axum::Json<Watched>> {
    let backend = find(&services, &viewer, &which).await?;
    Ok(axum::Json(Watched::of(&services, backend)))
}
