//! The screens, each in a file, and which address shows which.

mod alert;
mod alerts;
mod audit;
mod backend;
mod browsers;
mod cluster;
mod domain;
mod domains;
mod enter;
mod explain;
mod front;
mod identities;
mod inspector;
mod invitation;
mod login;
mod login_code;
mod not_found;
mod overview;
mod personal_tokens;
mod pool;
mod programs;
mod reset;
mod revisions;
mod route;
mod routes;
mod second_factor;
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
mod user;
mod users;
mod visit;

pub use inspector::{Place, REPLAY_FORM, page_of, replay_target};
pub use visit::Visit;

use alert::AlertDetail;
use alerts::Alerts;
use audit::AuditLog;
use backend::BackendDetail;
use cluster::Cluster;
use domain::DomainDetail;
use domains::Domains;
use enter::Enter;
use front::{DomainFront, RouteFront, TunnelFront};
use inspector::{DomainInspector, RouteInspector, TunnelInspector};
use invitation::InvitationPage;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};
use login::Login;
use login_code::{LoginCode, LoginEnrol};
use not_found::NotFound;
use overview::Overview;
use reset::Reset;
use revisions::Revisions;
use route::RouteDetail;
use routes::RouteList;
use second_factor::SecondFactorPage;
use service::ServiceDetail;
use services::ServiceList;
use settings::Settings;
use setup::Setup;
use signup::Signup;
use tokens::Tokens;
use tunnel::TunnelDetail;
use tunnels::Tunnels;
use user::UserDetail;
use users::Users;

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
                <Route path=path!("/web/enter") view=Enter ssr=SsrMode::Async />
                <Route path=path!("/web/invitation") view=InvitationPage ssr=SsrMode::Async />
                <Route path=path!("/web/reset") view=Reset ssr=SsrMode::Async />
                <Route path=path!("/web/audit") view=AuditLog ssr=SsrMode::Async />
                <Route path=path!("/web/users") view=Users ssr=SsrMode::Async />
                <Route path=path!("/web/users/:id") view=UserDetail ssr=SsrMode::Async />
                <Route path=path!("/web/tunnels") view=Tunnels ssr=SsrMode::Async />
                <Route path=path!("/web/tunnels/:id") view=TunnelDetail ssr=SsrMode::Async />
                <Route path=path!("/web/tunnels/:id/inspector") view=TunnelInspector ssr=SsrMode::Async />
                <Route path=path!("/web/tunnels/:id/front") view=TunnelFront ssr=SsrMode::Async />
                <Route path=path!("/web/domains") view=Domains ssr=SsrMode::Async />
                <Route path=path!("/web/domains/:id") view=DomainDetail ssr=SsrMode::Async />
                <Route path=path!("/web/domains/:id/inspector") view=DomainInspector ssr=SsrMode::Async />
                <Route path=path!("/web/domains/:id/front") view=DomainFront ssr=SsrMode::Async />
                <Route path=path!("/web/routes") view=RouteList ssr=SsrMode::Async />
                <Route path=path!("/web/routes/:id") view=RouteDetail ssr=SsrMode::Async />
                <Route path=path!("/web/routes/:id/inspector") view=RouteInspector ssr=SsrMode::Async />
                <Route path=path!("/web/routes/:id/front") view=RouteFront ssr=SsrMode::Async />
                <Route path=path!("/web/services") view=ServiceList ssr=SsrMode::Async />
                <Route path=path!("/web/services/:id") view=ServiceDetail ssr=SsrMode::Async />
                <Route path=path!("/web/services/:id/backends/:backend") view=BackendDetail ssr=SsrMode::Async />
                <Route path=path!("/web/cluster") view=Cluster ssr=SsrMode::Async />
                <Route path=path!("/web/revisions") view=Revisions ssr=SsrMode::Async />
                <Route path=path!("/web/tokens") view=Tokens ssr=SsrMode::Async />
                <Route path=path!("/web/alerts") view=Alerts ssr=SsrMode::Async />
                <Route path=path!("/web/alerts/:id") view=AlertDetail ssr=SsrMode::Async />
                <Route path=path!("/web/login/code") view=LoginCode ssr=SsrMode::Async />
                <Route path=path!("/web/login/second-factor") view=LoginEnrol ssr=SsrMode::Async />
                <Route path=path!("/web/settings/second-factor") view=SecondFactorPage ssr=SsrMode::Async />
                <Route path=path!("/web/settings") view=Settings ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
