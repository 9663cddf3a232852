//! What the log says about a request to dashboard or API.

use std::time::Instant;

use axum::{
    extract::{OriginalUri, Request},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use crate::ingress::Client;

/// Names the request in every line that is logged on its behalf, and logs how it went. Queries are left out: they may
/// hold what a person searched for.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let Some(client) = request.extensions().get::<Client>().copied() else { return next.run(request).await };
    // Where routers are nested, the request's own path has lost its beginning.
    let path =
        request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().path(), |uri| uri.path()).to_owned();
    let span = tracing::info_span!(
        "request",
        id = %client.request_id,
        method = %request.method(),
        path,
    );
    async move {
        let began = Instant::now();
        let response = next.run(request).await;
        let (status, elapsed) = (response.status().as_u16(), began.elapsed());
        tracing::debug!(status, ?elapsed, client = %client.address, "answered");
        response
    }
    .instrument(span)
    .await
}
