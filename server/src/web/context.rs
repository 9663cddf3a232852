//! What pages and actions are told about the request they answer.

use app::{
    ssr::{AssetLinks, RequestContext},
    theme::{THEME_COOKIE, Theme},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use leptos::prelude::{provide_context, use_context};
use server_core::Services;
use tower_sessions::Session;
use url::Url;

use super::{Assets, guard::Secured, plain, session::Visitor};
use crate::ingress::Client;

/// What is the same for every request.
#[derive(Clone)]
pub(super) struct PageContext {
    assets: AssetLinks,
    server_url: String,
}

impl PageContext {
    pub(super) fn new(assets: &Assets, public_url: &Url) -> Self {
        // Without the front end, of which the log tells at start, pages name files that are not there.
        let link = |name: &str| assets.href(name).unwrap_or_else(|| format!("/pkg/{name}"));
        Self {
            assets: AssetLinks {
                stylesheet: link("main.css"),
                echarts: link("echarts.min.js"),
                favicon: link("favicon.svg"),
            },
            server_url: public_url.as_str().trim_end_matches('/').to_owned(),
        }
    }
}

/// Puts the [`RequestContext`] together, into the request's extensions.
pub(super) async fn provide(
    State(context): State<PageContext>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let extensions = request.extensions();
    let (Some(visitor), Some(client)) = (extensions.get::<Visitor>().cloned(), extensions.get::<Client>().copied())
    else {
        tracing::error!("a page was asked for without session or client: the layers are in the wrong order");
        return plain::failed();
    };
    let context = RequestContext {
        viewer: visitor.viewer,
        client: client.address,
        session,
        session_key: visitor.session_key,
        assets: context.assets,
        theme: theme(request.headers()),
        server_url: context.server_url,
    };
    request.extensions_mut().insert(context);
    next.run(request).await
}

/// Hands on to Leptos what the layers left in the request's extensions. Runs for each request, and without one while
/// the routes are listed.
pub(super) fn provide_to_leptos(services: &Services) {
    let Some(parts) = use_context::<Parts>() else { return };
    if let Some(Secured { nonce }) = parts.extensions.get() {
        // Replaces the one that Leptos made: this one is in the header.
        provide_context(nonce.clone());
    }
    if let Some(request) = parts.extensions.get::<RequestContext>() {
        provide_context(request.clone());
    }
    provide_context(services.clone());
}

fn theme(headers: &HeaderMap) -> Theme {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let chosen = pairs.find(|(name, _)| name.trim() == THEME_COOKIE);
    chosen.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or_default()
}
