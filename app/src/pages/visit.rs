//! What a page knows of its visitor, and who may see which page.

use crate::{
    components::layout,
    destination::Destination,
    query::Query,
    ssr::{self, RequestContext},
};
use domain::Window;
use http::{StatusCode, request::Parts};
use leptos::prelude::*;
use leptos_router::{hooks::use_params_map, params::ParamsMap};
use server_core::{CoreError, Services, Viewer};

/// A page asked for by somebody who is signed in.
#[derive(Clone)]
pub struct Visit {
    /// The services.
    pub services: Services,
    /// The request.
    pub request: RequestContext,
    /// Who asks.
    pub viewer: Viewer,
    /// What the address asks for.
    pub query: Query,
    /// What the route took from the path.
    pub params: ParamsMap,
    /// The address itself.
    pub here: Destination,
}

impl Visit {
    /// What stretch of time the charts show, and, when that is not the one the address asks for but the live one, why.
    pub fn window(&self) -> (Window, Option<String>) {
        let [range, from, until] = ["range", "from", "until"].map(|name| self.query.get_str(name));
        match Window::parse(range, from, until, chrono::Utc::now().timestamp()) {
            Ok(window) => (window, None),
            Err(error) => (Window::default(), Some(format!("{}: {error}.", error.field))),
        }
    }
}

/// A page asked for by somebody who is not signed in.
#[derive(Clone)]
pub struct Arrival {
    /// The services.
    pub services: Services,
    /// The request.
    pub request: RequestContext,
    /// What the address asks for.
    pub query: Query,
}

/// A page for signed-in users. Others are sent to the sign-in page, and from there back; before there is any account,
/// to the set-up page.
pub fn signed_in<F, Fut>(render: F) -> impl IntoView
where
    F: FnOnce(Visit) -> Fut + Send + 'static,
    Fut: Future<Output = Result<AnyView, CoreError>> + Send + 'static,
{
    let context = ssr::services().zip(ssr::request());
    let (query, params, here) = address();
    Suspend::new(async move {
        let Some((services, request)) = context else { return ().into_any() };
        let Some(viewer) = request.viewer.clone() else {
            return match services.accounts().any_exist().await {
                Ok(true) => leave(&Destination::page("/web/login").with("next", here.as_str())),
                Ok(false) => leave(&Destination::page("/web/setup")),
                Err(error) => failed(&error),
            };
        };
        let query = match query.with_draft(&services, &viewer).await {
            Ok(query) => query,
            Err(error) => return failed(&error),
        };
        let visit = Visit { services, request, viewer, query, params, here };
        render(visit).await.unwrap_or_else(|error| failed(&error))
    })
}

/// A page for those who are not signed in. Others are sent to where they were going, or to the overview.
pub fn signed_out<F, Fut>(render: F) -> impl IntoView
where
    F: FnOnce(Arrival) -> Fut + Send + 'static,
    Fut: Future<Output = Result<AnyView, CoreError>> + Send + 'static,
{
    let context = ssr::services().zip(ssr::request());
    let (query, ..) = address();
    Suspend::new(async move {
        let Some((services, request)) = context else { return ().into_any() };
        if request.viewer.is_some() {
            let next = query.get_str("next").and_then(Destination::named);
            return leave(&next.unwrap_or_else(|| Destination::page("/web")));
        }
        render(Arrival { services, request, query }).await.unwrap_or_else(|error| failed(&error))
    })
}

/// Sends the browser to another page instead of showing this one.
pub fn leave(to: &Destination) -> AnyView {
    ssr::see_other(to);
    ().into_any()
}

fn address() -> (Query, ParamsMap, Destination) {
    let uri = use_context::<Parts>().map(|parts| parts.uri).unwrap_or_default();
    let here = uri.path_and_query().and_then(|address| Destination::named(address.as_str()));
    let query = Query::parse(uri.query().unwrap_or_default());
    (query, use_params_map().get_untracked(), here.unwrap_or_else(|| Destination::page("/web")))
}

/// The page in place of one that could not be made.
fn failed(error: &CoreError) -> AnyView {
    let status = match error {
        CoreError::NotFound(_) => return super::NotFound().into_any(),
        // The account went away while the page was made.
        CoreError::Unauthorized(_) => return leave(&Destination::page("/web/login")),
        // A cursor of another list, and the like.
        CoreError::Invalid { .. } => StatusCode::BAD_REQUEST,
        CoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        CoreError::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code(), cause, "a page could not be made");
    }
    ssr::set_status(status);
    let text = error.to_string();
    layout::lone(
        "Out of order",
        view! {
            <h1>"This page cannot be shown now"</h1>
            <p>{text} "."</p>
            <p>
                <a class="button" href="">
                    "Try again"
                </a>
            </p>
        },
    )
}
