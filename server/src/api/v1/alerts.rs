//! `/alerts`: what somebody wants to be told of, and what was told. The secret of a webhook is in the answer that makes it,
//! and nowhere else.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Alert, AlertEvent, AlertId, AlertPatch, AlertSpec, Timestamp};
use serde::{Deserialize, Serialize};
use server_core::{AlertEventQuery, Services, SigningSecret};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, PageQuery, page};
use crate::api::{
    bearer::{Allowed, Read, Write},
    conditional::{IfMatch, Tagged, Versioned},
    error::ApiResult,
    extract::{Id, Json, Query},
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(events))
        .routes(routes!(one, update, remove))
        .routes(routes!(test))
        .routes(routes!(rotate))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those of this one.
    #[param(value_type = Option<String>)]
    alert: Option<AlertId>,
}

/// An alert, with its secret where that is new.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertWithSecret)]
struct WithSecret {
    #[serde(flatten)]
    alert: Alert,
    /// What notices to the webhook are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WithSecret {
    fn new((alert, secret): (Alert, Option<SigningSecret>)) -> Self {
        Self { alert, secret: secret.map(|secret| secret.expose().to_owned()) }
    }
}

impl Versioned for WithSecret {
    fn updated_at(&self) -> Timestamp {
        self.alert.updated_at
    }
}

/// Lists one's own alerts.
#[utoipa::path(
    get, path = "/alerts", params(PageQuery),
    responses(
        (status = 200, description = "Done.", body = List<Alert>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<List<Alert>>> {
    Ok(axum::Json(services.alerts().list(&viewer, query.page()?).await?.into()))
}

/// Makes an alert. The secret of a webhook is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/alerts", request_body = AlertSpec,
    responses(
        (status = 201, description = "Made; Location has its address.", body = WithSecret),
        (status = 409, description = "`alert_limit`, `no_mail`"),
    )
)]
async fn create(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Json(spec): Json<AlertSpec>,
) -> ApiResult<Response> {
    let created = WithSecret::new(services.create_alert(&viewer, spec).await?);
    let location = HeaderValue::try_from(format!("/api/v1/alerts/{}", created.alert.id)).ok();
    let mut response = (StatusCode::CREATED, Tagged::from(created)).into_response();
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// One alert.
#[utoipa::path(get, path = "/alerts/{id}", responses((status = 200, description = "Done.", body = Alert)))]
async fn one(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<Tagged<Alert>> {
    Ok(services.alerts().get(&viewer, id).await?.into())
}

/// Changes what is named of an alert, but for its kind.
///
/// The secret is in the answer when a webhook replaces an address for mail.
#[utoipa::path(
    method(put, patch), path = "/alerts/{id}", request_body = AlertPatch,
    responses(
        (status = 200, description = "Done.", body = WithSecret),
        (status = 409, description = "`no_mail`"),
    )
)]
async fn update(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<AlertId>,
    Json(patch): Json<AlertPatch>,
) -> ApiResult<Tagged<WithSecret>> {
    Ok(WithSecret::new(services.update_alert(&viewer, id, patch, &expected).await?).into())
}

/// Deletes an alert.
#[utoipa::path(delete, path = "/alerts/{id}", responses((status = 204, description = "Done.")))]
async fn remove(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    IfMatch(expected): IfMatch,
    Id(id): Id<AlertId>,
) -> ApiResult<StatusCode> {
    services.alerts().delete(&viewer, id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a notice that says it is a test; how it went is among the events.
#[utoipa::path(
    post, path = "/alerts/{id}/test",
    responses(
        (status = 202, description = "It is on its way.", body = AlertEvent),
        (status = 409, description = "`no_mail`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn test(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<(StatusCode, axum::Json<AlertEvent>)> {
    Ok((StatusCode::ACCEPTED, axum::Json(services.alerts().test(&viewer, id).await?)))
}

/// Gives a webhook another secret.
#[utoipa::path(
    post, path = "/alerts/{id}/rotate",
    responses(
        (status = 200, description = "Done.", body = WithSecret),
        (status = 409, description = "`no_webhook`"),
    )
)]
async fn rotate(
    Allowed { viewer, .. }: Allowed<Write>,
    State(services): State<Services>,
    Id(id): Id<AlertId>,
) -> ApiResult<axum::Json<WithSecret>> {
    let (alert, secret) = services.alerts().rotate(&viewer, id).await?;
    Ok(axum::Json(WithSecret::new((alert, Some(secret)))))
}

/// What was told in the last 30 days, and whether it arrived.
#[utoipa::path(
    get, path = "/alerts/events", params(EventsQuery),
    responses(
        (status = 200, description = "Done.", body = List<AlertEvent>),
    )
)]
async fn events(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<EventsQuery>,
) -> ApiResult<axum::Json<List<AlertEvent>>> {
    let page = page(query.limit, query.cursor)?;
    let query = AlertEventQuery { alert: query.alert };
    Ok(axum::Json(services.alerts().events(&viewer, query, page).await?.into()))
}
