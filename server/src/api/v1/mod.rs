//! Version 1, under `/api/v1`. One file a resource; handlers take apart, call one service method, put together.

mod alerts;
mod auth;
mod backends;
mod domains;
pub(crate) mod exchanges;
pub(crate) mod figures;
mod health;
mod list;
mod me;
mod nodes;
mod regions;
mod replays;
mod revisions;
mod routes;
mod services;
mod switching;
mod tokens;
mod tunnels;

use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    middleware,
};
use server_core::Services;

use super::{error::ApiError, respond, trace::trace};

/// All of version 1, to be mounted at `/api/v1`. Needs a [`Client`](crate::ingress::Client) in each request's
/// extensions.
pub fn router(services: Services) -> Router {
    let routes = Router::new()
        .merge(alerts::routes())
        .merge(auth::routes())
        .merge(backends::routes())
        .merge(domains::routes())
        .merge(exchanges::routes())
        .merge(figures::routes())
        .merge(health::routes())
        .merge(me::routes())
        .merge(nodes::routes())
        .merge(regions::routes())
        .merge(replays::routes())
        .merge(revisions::routes())
        .merge(routes::routes())
        .merge(services::routes())
        .merge(tokens::routes())
        .merge(tunnels::routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(services);
    respond::wrap(routes).layer(middleware::from_fn(trace))
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
