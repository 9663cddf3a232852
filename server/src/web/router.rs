//! What is served where, and in which order a request passes what.

use axum::{
    Router,
    http::StatusCode,
    middleware,
    response::{Redirect, Response},
    routing::get,
};
use server_core::Services;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Assets,
    context::{self, PageContext},
    data,
    guard::{self, OriginRule},
    live::{self, Live, Quota},
    oidc::{self, Door},
    pages, plain, reference, requests, session,
};
use crate::{
    api::{respond, trace::trace},
    oidc::Provider,
};

/// What the dashboard is told.
#[derive(Clone)]
pub struct WebSettings {
    /// Whether cookies are for https only: when people reach the dashboard by https.
    pub secure_cookies: bool,
    /// Where people reach the dashboard.
    pub public_url: Url,
    /// Scripts, styles and pictures.
    pub assets: Assets,
    /// The provider by which people sign in.
    pub provider: Option<Arc<Provider>>,
    /// Cancelled when the server shuts down: live sockets are closed then.
    pub stop: CancellationToken,
}

/// The dashboard with its files and live sockets. Needs a [`Client`](crate::ingress::Client) in each request's
/// extensions. Must be called within a Tokio runtime.
pub fn router(services: Services, settings: WebSettings) -> Router {
    Router::new()
        .merge(page_routes(&services, &settings))
        .merge(live_routes(services, &settings))
        .merge(settings.assets.routes())
        .merge(reference::routes(&settings.assets))
        .route("/", get(home))
        .route("/web/", get(home))
        .fallback(nothing_here)
        .layer(middleware::from_fn(guard::secure))
        .layer(middleware::from_fn(trace))
}

/// Pages and forms. A request passes, from the outside in (`layer` puts each around those before it): log and security
/// headers, in [`router`], the deadline, panics, Origin (before anything is read), the body's limits, the cookie, the
/// session with its viewer, what pages are told, and on the way out forms that could not be read.
fn page_routes(services: &Services, settings: &WebSettings) -> Router {
    let context = PageContext::new(&settings.assets, &settings.public_url);
    let door = settings.provider.clone().map(|provider| Door {
        services: services.clone(),
        provider,
        secure: settings.secure_cookies,
    });
    pages::routes(services, &settings.assets)
        .merge(oidc::routes(door))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(guard::refuse_misshapen))
        .layer(middleware::from_fn_with_state(context, context::provide))
        .layer(middleware::from_fn_with_state(services.clone(), session::load))
        .layer(session::layer(services.clone(), settings.secure_cookies))
        .layer(middleware::from_fn_with_state(settings.secure_cookies, session::read_strictly))
        .layer(middleware::from_fn(session::secure_removal))
        .layer(middleware::from_fn(guard::limit_body))
        .layer(middleware::from_fn_with_state(origin_rule(settings), guard::check_origin))
        .layer(guard::catch_panic())
        .layer(middleware::from_fn(guard::in_time))
}

/// What islands read: answers as the API's, for the session's cookie or a bearer token.
fn live_routes(services: Services, settings: &WebSettings) -> Router {
    let live = Live { services: services.clone(), quota: Quota::default(), stop: settings.stop.clone() };
    let routes = for_islands()
        .with_state(live)
        .layer(middleware::from_fn_with_state(services.clone(), session::load))
        .layer(session::layer(services, settings.secure_cookies))
        .layer(middleware::from_fn_with_state(settings.secure_cookies, session::read_strictly))
        .layer(middleware::from_fn(session::secure_removal))
        .layer(middleware::from_fn_with_state(origin_rule(settings), guard::check_origin));
    respond::wrap(routes)
}

fn for_islands() -> Router<Live> {
    live::routes().merge(data::routes()).merge(requests::routes())
}

fn origin_rule(settings: &WebSettings) -> OriginRule {
    OriginRule::new(&settings.public_url, settings.secure_cookies)
}

async fn home() -> Redirect {
    Redirect::to("/web")
}

async fn wrong_method() -> Response {
    plain::page(StatusCode::METHOD_NOT_ALLOWED, "This address cannot be used in this way.")
}

async fn nothing_here() -> Response {
    plain::page(StatusCode::NOT_FOUND, "There is nothing at this address.")
}
