//! `/alerts`: what somebody wants to be told of, and what was told. The secret of a webhook is in the answer that makes it,
//! and nowhere else.

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{Alert, AlertEvent, AlertId, AlertPatch, AlertSpec};
use serde::{Deserialize, Serialize};
use server_core::{AlertEventQuery, Services, SigningSecret};

use super::list::{List, PageQuery, page};
use crate::api::{
    bearer::Authenticated,
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/alerts", get(list).post(create))
        .route("/alerts/events", get(events))
        .route("/alerts/{id}", get(one).put(update).patch(update).delete(remove))
        .route("/alerts/{id}/test", post(test))
        .route("/alerts/{id}/rotate", post(rotate))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    alert: Option<AlertId>,
}

/// An alert with its secret, where that is new. No `Debug`.
#[derive(Serialize)]
struct WithSecret {
    #[serde(flatten)]
    alert: Alert,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WithSecret {
    fn new((alert, secret): (Alert, Option<SigningSecret>)) -> Self {
        Self { alert, secret: secret.map(|secret| secret.expose().to_owned()) }
    }
}

async fn list(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Alert>>> {
    Ok(axum::Json(services.alerts().list(&viewer, query.page()?).await?.into()))
}

async fn create(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Json(spec): Json<AlertSpec>,
) -> ApiResult<Response> {
    let created = WithSecret::new(services.create_alert(&viewer, spec).await?);
    let location = HeaderValue::try_from(format!("/api/v1/alerts/{}", created.alert.id)).ok();
    let mut response = (StatusCode::CREATED, axum::Json(created)).into_response();
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn one(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<axum::Json<Alert>> {
    Ok(axum::Json(services.alerts().get(&viewer, id).await?))
}

async fn update(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
    Json(patch): Json<AlertPatch>,
) -> ApiResult<axum::Json<WithSecret>> {
    Ok(axum::Json(WithSecret::new(services.update_alert(&viewer, id, patch).await?)))
}

async fn remove(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<StatusCode> {
    services.alerts().delete(&viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a notice that says it is a test; how it went is among the events.
async fn test(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<(StatusCode, axum::Json<AlertEvent>)> {
    Ok((StatusCode::ACCEPTED, axum::Json(services.alerts().test(&viewer, id).await?)))
}

async fn rotate(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<axum::Json<WithSecret>> {
    let (alert, secret) = services.alerts().rotate(&viewer, id).await?;
    Ok(axum::Json(WithSecret::new((alert, Some(secret)))))
}

async fn events(
    Authenticated(viewer): Authenticated,
    State(services): State<Services>,
    Query(query): Query<EventsQuery>,
) -> ApiResult<axum::Json<List<AlertEvent>>> {
    let page = page(query.limit, query.cursor)?;
    let query = AlertEventQuery { alert: query.alert };
    Ok(axum::Json(services.alerts().events(&viewer, query, page).await?.into()))
}
