//! Whether the process is alive (`/healthz`) and whether it may be sent traffic (`/readyz`).

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use server_core::Services;
use tokio_util::sync::CancellationToken;

/// What readiness depends on.
#[derive(Debug, Clone)]
pub struct Health {
    services: Services,
    draining: CancellationToken,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
}

#[derive(Debug, Serialize)]
struct Reason {
    code: &'static str,
    message: &'static str,
}

const DRAINING: Reason = Reason { code: "draining", message: "the server is about to stop and takes nothing new" };
const DATABASE: Reason =
    Reason { code: "database", message: "the database does not answer; tunnels go on from what is in memory" };

impl Health {
    /// `draining` is cancelled when the process is told to stop.
    pub fn new(services: Services, draining: CancellationToken) -> Self {
        Self { services, draining }
    }

    /// `GET /healthz` and `GET /readyz`, for any listener.
    pub fn routes(&self) -> Router {
        Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(self.clone())
    }

    async fn reasons_against(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.draining.is_cancelled() {
            reasons.push(DRAINING);
        }
        if let Err(error) = self.services.ready().await {
            tracing::debug!(%error, "the database is not ready");
            reasons.push(DATABASE);
        }
        reasons
    }
}

async fn alive() -> Response {
    never_stored("ok\n")
}

async fn ready(State(health): State<Health>) -> Response {
    let reasons = health.reasons_against().await;
    if reasons.is_empty() {
        return never_stored(Json(Readiness { status: "ready", reasons }));
    }
    never_stored((StatusCode::SERVICE_UNAVAILABLE, Json(Readiness { status: "not_ready", reasons })))
}

/// A stored answer would be about another moment.
fn never_stored(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
