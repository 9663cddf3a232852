//! Setting up, signing up, in and out.

use super::refuse;
use crate::{
    destination::Destination,
    ssr::{self, RequestContext, SESSION_USER},
};
use leptos::prelude::*;
use server_core::{CoreError, Viewer};

/// Makes the browser's session the viewer's. It gets a new id, so that one planted before is worth nothing.
async fn start_session(request: &RequestContext, viewer: &Viewer) -> Result<(), CoreError> {
    let failed = |error: tower_sessions::session::Error| CoreError::Unavailable(error.to_string());
    request.session.cycle_id().await.map_err(failed)?;
    request.session.insert(SESSION_USER, viewer.id().to_string()).await.map_err(failed)
}

/// Signs in whom the service has let in, or goes back to the form.
async fn enter(request: &RequestContext, viewer: Result<Viewer, CoreError>, next: Destination, form: Destination) {
    let started = match viewer {
        Ok(viewer) => start_session(request, &viewer).await,
        Err(error) => Err(error),
    };
    match started {
        Ok(()) => ssr::see_other(&next),
        Err(error) => refuse(form, &error),
    }
}

fn overview() -> Destination {
    Destination::page("/web")
}

/// Creates the first account, which becomes the administrator.
#[server(name = SetUp, prefix = "/web/action", endpoint = "set_up")]
pub async fn set_up(
    #[server(default)] code: String,
    #[server(default)] email: String,
    #[server(default)] password: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let code = Some(code.trim()).filter(|code| !code.is_empty());
    let viewer = services.accounts().set_up(code, &email, &password).await;
    let form = Destination::page("/web/setup").with_some("email", Some(&email));
    enter(&request, viewer, overview(), form).await;
    Ok(())
}

/// Signs in and goes to `next`.
#[server(name = SignIn, prefix = "/web/action", endpoint = "sign_in")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] next: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let viewer = services.accounts().sign_in(&email, &password, request.client).await;
    let next = Destination::named(&next);
    let form = Destination::page("/web/login")
        .with_some("email", Some(&email))
        .with_some("next", next.as_ref().map(Destination::as_str));
    enter(&request, viewer, next.unwrap_or_else(overview), form).await;
    Ok(())
}

/// Creates an account, where sign-up is open.
#[server(name = SignUp, prefix = "/web/action", endpoint = "sign_up")]
pub async fn sign_up(
    #[server(default)] email: String,
    #[server(default)] password: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let viewer = services.accounts().register(&email, &password, request.client).await;
    let form = Destination::page("/web/signup").with_some("email", Some(&email));
    enter(&request, viewer, overview(), form).await;
    Ok(())
}

/// Ends the browser's session.
#[server(name = SignOut, prefix = "/web/action", endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), ServerFnError> {
    let Some(request) = ssr::request() else { return Ok(()) };
    match request.session.flush().await {
        Ok(()) => ssr::see_other(&Destination::page("/web/login").with("done", "signed_out")),
        Err(error) => refuse(Destination::page("/web"), &CoreError::Unavailable(error.to_string())),
    }
    Ok(())
}
