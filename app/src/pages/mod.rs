//! The screens, each in a file, and which address shows which.

mod alert;
mod alerts;
mod backend;
mod cluster;
mod domain;
mod domains;
mod explain;
mod inspector;
mod login;
mod not_found;
mod overview;
mod pool;
mod revisions;
mod route;
mod routes;
mod service;
mod service_settings;
mod services;
mod settings;
mod setup;
mod signup;
mod switch;
mod tokens;
mod tunnel;
mod tunnel_sessions;
mod tunnels;
mod visit;

pub use inspector::{Place, REPLAY_FORM, page_of, replay_target};
pub use visit::Visit;

use alert::AlertDetail;
use alerts::Alerts;
use backend::BackendDetail;
use cluster::Cluster;
use domain::DomainDetail;
use domains::Domains;
use inspector::{DomainInspector, RouteInspector, TunnelInspector};
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
use revisions::Revisions;
use route::RouteDetail;
use routes::RouteList;
use service::ServiceDetail;
use services::ServiceList;
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
                <Route path=path!("/web/tunnels/:id/inspector") view=TunnelInspector ssr=SsrMode::Async />
                <Route path=path!("/web/domains") view=Domains ssr=SsrMode::Async />
                <Route path=path!("/web/domains/:id") view=DomainDetail ssr=SsrMode::Async />
                <Route path=path!("/web/domains/:id/inspector") view=DomainInspector ssr=SsrMode::Async />
                <Route path=path!("/web/routes") view=RouteList ssr=SsrMode::Async />
                <Route path=path!("/web/routes/:id") view=RouteDetail ssr=SsrMode::Async />
                <Route path=path!("/web/routes/:id/inspector") view=RouteInspector ssr=SsrMode::Async />
                <Route path=path!("/web/services") view=ServiceList ssr=SsrMode::Async />
                <Route path=path!("/web/services/:id") view=ServiceDetail ssr=SsrMode::Async />
                <Route path=path!("/web/services/:id/backends/:backend") view=BackendDetail ssr=SsrMode::Async />
                <Route path=path!("/web/cluster") view=Cluster ssr=SsrMode::Async />
                <Route path=path!("/web/revisions") view=Revisions ssr=SsrMode::Async />
                <Route path=path!("/web/tokens") view=Tokens ssr=SsrMode::Async />
                <Route path=path!("/web/alerts") view=Alerts ssr=SsrMode::Async />
                <Route path=path!("/web/alerts/:id") view=AlertDetail ssr=SsrMode::Async />
                <Route path=path!("/web/settings") view=Settings ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
