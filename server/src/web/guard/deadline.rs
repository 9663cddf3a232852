//! A page that does not come in time is given up, and one that panics ends alone.

use std::{any::Any, time::Duration};

use axum::{extract::Request, http::StatusCode, middleware::Next, response::Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{api::respond::panic_text, web::plain};

const DEADLINE: Duration = Duration::from_secs(30);

/// From the request's head to the answer's.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => plain::page(
            StatusCode::SERVICE_UNAVAILABLE,
            "This page took longer than 30 seconds and was given up. Try again in a moment.",
        ),
    }
}

/// Turns a panic into a page.
pub(crate) fn catch_panic() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(panicked)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that tower-http asks for")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    tracing::error!(panic = panic_text(panic.as_ref()), "a page panicked");
    plain::failed()
}
