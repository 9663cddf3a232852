//! Leptos: pages at `/web…`, the forms' actions at `/web/action/…`.

use app::{App, shell};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use leptos::prelude::{IntoView, LeptosOptions};
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};
use server_core::Services;

use super::{Assets, context::provide_to_leptos};

/// Pages and actions, without what must stand around them.
pub(super) fn routes(services: &Services, assets: &Assets) -> Router {
    let options = LeptosOptions::builder().output_name(assets.output_name()).site_pkg_dir("pkg").build();
    let services = services.clone();
    let context = move || provide_to_leptos(&services);
    let document = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let not_found = {
        let (context, document) = (context.clone(), document.clone());
        get(move |request: Request| not_found(request, context.clone(), document.clone()))
    };
    Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), context, document)
        .route("/web/{*path}", not_found)
        .with_state(options)
}

/// The app's own page for what is not there.
async fn not_found<IV: IntoView + 'static>(
    request: Request,
    context: impl Fn() + Clone + Send + Sync + 'static,
    document: impl Fn() -> IV + Clone + Send + Sync + 'static,
) -> Response {
    let mut response = render_app_async_with_context(context, document)(request).await.into_response();
    if response.status().is_success() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}
