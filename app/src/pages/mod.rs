//! The screens, each in a file, and which address shows which.

mod not_found;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};
use not_found::NotFound;

/// All pages. Each is rendered whole before it is sent, so that its status, its redirect and its data are right.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=NotFound>
                <Route path=path!("/web/*any") view=NotFound ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
