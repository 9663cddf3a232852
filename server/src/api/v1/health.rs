//! `/health`: whether the API can do its work; needs no sign-in.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use server_core::Services;

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/health", get(health))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    code: &'static str,
    message: &'static str,
}

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
