//! What the log says about a request to dashboard or API.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};
use tracing::Instrument;

use crate::ingress::Client;

/// Names the request in every line that is logged on its behalf, and logs how it went. Queries are left out: they may
/// hold what a person searched for.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let Some(client) = request.extensions().get::<Client>().copied() else { return next.run(request).await };
    let span = tracing::info_span!(
        "request",
        id = %client.request_id,
        method = %request.method(),
        path = request.uri().path(),
    );
    async move {
        let began = Instant::now();
        let response = next.run(request).await;
        let milliseconds = began.elapsed().as_secs_f64() * 1_000.0;
        tracing::debug!(status = response.status().as_u16(), milliseconds, client = %client.address, "answered");
        response
    }
    .instrument(span)
    .await
}
