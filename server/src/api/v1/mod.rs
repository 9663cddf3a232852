//! Version 1, under `/api/v1`. One file a resource; handlers take apart, call one service method, put together.

mod alerts;
mod audit;
mod auth;
mod backends;
mod domains;
pub(crate) mod exchanges;
pub(crate) mod figures;
mod fronts;
mod health;
mod keys;
mod limits;
mod list;
mod me;
mod nodes;
mod regions;
mod replays;
mod revisions;
mod routes;
mod second_factor;
mod services;
mod switching;
mod tokens;
mod tunnels;
mod user_sessions;
mod users;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderName, Method, StatusCode, Uri, header},
    middleware,
};
use server_core::Services;
use tower::Layer;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    conditional::conditional,
    document::{DOCUMENT, makers},
    error::ApiError,
    idempotency::{self, Once},
    respond,
    trace::trace,
};

/// All of version 1, to be mounted at `/api/v1`. Needs a [`Client`](crate::ingress::Client) in each request's
/// extensions.
pub fn router(services: Services) -> Router {
    let (routes, described) = routes().split_for_parts();
    let once = Once { services: services.clone(), makers: Arc::new(makers(&described)) };
    let routes = routes
        .layer(middleware::from_fn_with_state(once, idempotency::once))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(services);
    // Around the router, not within: who may not change something is shown it, which is another of its calls.
    let routes = Router::new().fallback_service(middleware::from_fn(conditional).layer(routes));
    respond::wrap(routes).layer(middleware::from_fn(trace))
}

/// What there is, each with its description: nothing can be added without one.
pub(crate) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .merge(alerts::routes())
        .merge(audit::routes())
        .merge(auth::routes())
        .merge(backends::routes())
        .merge(domains::routes())
        .merge(exchanges::routes())
        .merge(figures::routes())
        .merge(fronts::routes())
        .merge(health::routes())
        .merge(keys::routes())
        .merge(limits::routes())
        .merge(me::routes())
        .merge(nodes::routes())
        .merge(regions::routes())
        .merge(replays::routes())
        .merge(revisions::routes())
        .merge(routes::routes())
        .merge(second_factor::routes())
        .merge(services::routes())
        .merge(tokens::routes())
        .merge(tunnels::routes())
        .merge(user_sessions::routes())
        .merge(users::routes())
        .routes(routes!(document))
}

/// This document: OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", security(()), responses(
    (status = 200, description = "The document.", body = serde_json::Value)))]
async fn document() -> ([(HeaderName, &'static str); 1], Bytes) {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}

async fn unknown_route(uri: Uri) -> ApiError {
    let path = uri.path();
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("the API has nothing at /api/v1{path}"))
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{method} is not possible here; the Allow header lists what is"),
    )
}
