//! The screens, each in a file, and which address shows which.

mod login;
mod not_found;
mod overview;
mod settings;
mod setup;
mod signup;
mod tokens;
mod tunnel;
mod tunnels;
mod visit;

pub use visit::Visit;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};
use login::Login;
use not_found::NotFound;
use overview::Overview;
use settings::Settings;
use setup::Setup;
use signup::Signup;
use tokens::Tokens;
use tunnel::TunnelDetail;
use tunnels::Tunnels;

/// All pages. Each is rendered whole before it is sent, so that its status, its redirect and its data are right.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=NotFound>
                <Route path=path!("/web") view=Overview ssr=SsrMode::Async />
                <Route path=path!("/web/setup") view=Setup ssr=SsrMode::Async />
                <Route path=path!("/web/login") view=Login ssr=SsrMode::Async />
                <Route path=path!("/web/signup") view=Signup ssr=SsrMode::Async />
                <Route path=path!("/web/tunnels") view=Tunnels ssr=SsrMode::Async />
                <Route path=path!("/web/tunnels/:id") view=TunnelDetail ssr=SsrMode::Async />
                <Route path=path!("/web/tokens") view=Tokens ssr=SsrMode::Async />
                <Route path=path!("/web/settings") view=Settings ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
