//! What every answer of the API has in common.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use domain::RequestId;
use tower_http::catch_panic::CatchPanicLayer;

use super::error::ApiError;
use crate::ingress::Client;

/// Names a request in the log and to its client.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// From the request's head to the answer's. Password hashing under load is the slowest thing here.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// Puts what every answer has in common around `routes`. From the outside in: [`finish`], the deadline, panics.
pub(crate) fn wrap<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(finish))
}

/// Writes errors as JSON, names the request, and keeps answers, which may hold secrets, out of every cache.
async fn finish(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<Client>().map(|client| client.request_id);
    let mut response = next.run(request).await;
    if let Some(request_id) = request_id {
        let error = response.extensions_mut().remove::<ApiError>();
        if let Some(error) = error {
            error.write(request_id, &mut response);
        }
        set_request_id(&mut response, request_id);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Sets `X-Request-Id`.
pub(crate) fn set_request_id(response: &mut Response, request_id: RequestId) {
    if let Ok(value) = HeaderValue::try_from(request_id.to_string()) {
        response.headers_mut().insert(X_REQUEST_ID.clone(), value);
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout",
            "this took longer than 30 seconds and was given up; try again",
        )
        .retry_after(Duration::from_secs(5))
        .into_response(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that tower-http asks for")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    tracing::error!(panic = panic_text(panic.as_ref()), "a request handler panicked");
    ApiError::internal().into_response()
}

/// What `panic!` was called with, where that is text.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("(not a text)")
}
