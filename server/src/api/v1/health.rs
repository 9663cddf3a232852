//! `/health`: whether the API can do its work; needs no sign-in.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use server_core::Services;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(health))
}

/// How the API is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
}

/// Why the API cannot do its work.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthReason)]
struct Reason {
    /// For machines.
    code: &'static str,
    /// For people.
    message: &'static str,
}

/// Tells whether the API can do its work.
#[utoipa::path(
    get, path = "/health", security(()),
    responses(
        (status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot; the reasons say why.", body = Health),
    )
)]
async fn health(State(services): State<Services>) -> Response {
    match services.ready().await {
        Ok(()) => Json(Health { status: "ready", reasons: Vec::new() }).into_response(),
        Err(_) => {
            let reason = Reason { code: "database", message: "the database does not answer" };
            let health = Health { status: "not_ready", reasons: vec![reason] };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response()
        }
    }
}
