//! Setting up, signing up, in and out.

use super::{finish, refuse};
use crate::{
    destination::Destination,
    ssr::{self, RequestContext, SESSION_CHALLENGE, SESSION_USER},
};
use leptos::prelude::*;
use server_core::{CoreError, Services, SignIn as Outcome, Viewer};

/// Gives the browser's session a new id, so that a copy of the old one is worth nothing from now on. What it is done for has
/// been done, and stays done.
pub(super) async fn renew_session(request: &RequestContext) {
    if let Err(error) = request.session.cycle_id().await {
        tracing::warn!(%error, "a session keeps its id: the database could not be asked for another");
    }
}

fn failed(error: tower_sessions::session::Error) -> CoreError {
    CoreError::Unavailable(error.to_string())
}

/// Makes the browser's session the viewer's. It gets a new id, so that one planted before is worth nothing.
async fn start_session(request: &RequestContext, viewer: &Viewer) -> Result<(), CoreError> {
    request.session.cycle_id().await.map_err(failed)?;
    request.session.remove::<String>(SESSION_CHALLENGE).await.map_err(failed)?;
    request.session.insert(SESSION_USER, viewer.id().to_string()).await.map_err(failed)
}

/// Signs in to an account that was just made; where everybody needs a second factor, by way of the sign-in page, which sets
/// one up.
pub(super) async fn enter_new(
    services: &Services,
    request: &RequestContext,
    viewer: Result<Viewer, CoreError>,
    form: Destination,
) {
    let made = match viewer {
        Ok(viewer) => services.accounts().requires_second_factor().await.map(|required| (viewer, required)),
        Err(error) => Err(error),
    };
    match made {
        Ok((_, true)) => ssr::see_other(&Destination::page("/web/login").with("done", "account_made")),
        made => enter(request, made.map(|(viewer, _)| viewer), overview(), form).await,
    }
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
    let viewer = services.accounts().set_up(code, &email, &password, request.client).await;
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
    let next = Destination::named(&next);
    let form = Destination::page("/web/login")
        .with_some("email", Some(&email))
        .with_some("next", next.as_ref().map(Destination::as_str));
    let result = async {
        let outcome = services.accounts().sign_in(&email, &password, request.client).await?;
        let_in(&request, outcome, next).await
    };
    finish(result.await, |page| page, form);
    Ok(())
}

/// Signs in whom the service has let in, or keeps that it has; the page to go to.
///
/// # Errors
/// When the session cannot be stored.
pub async fn let_in(
    request: &RequestContext,
    outcome: Outcome,
    next: Option<Destination>,
) -> Result<Destination, CoreError> {
    let (page, challenge) = match outcome {
        Outcome::Done(viewer) => {
            start_session(request, &viewer).await?;
            return Ok(next.unwrap_or_else(overview));
        }
        Outcome::Code(challenge) => ("/web/login/code", challenge),
        Outcome::Enrol(challenge) => ("/web/login/second-factor", challenge),
    };
    keep_challenge(request, challenge.expose()).await?;
    Ok(Destination::page(page).with_some("next", next.as_ref().map(Destination::as_str)))
}

/// Keeps in the browser's session, which is still nobody's, that the password was right.
async fn keep_challenge(request: &RequestContext, challenge: &str) -> Result<(), CoreError> {
    request.session.cycle_id().await.map_err(failed)?;
    request.session.remove::<String>(SESSION_USER).await.map_err(failed)?;
    request.session.insert(SESSION_CHALLENGE, challenge).await.map_err(failed)
}

/// Ends a sign-in with a code, and goes to `next`.
#[server(name = SignInWithCode, prefix = "/web/action", endpoint = "sign_in_with_code")]
pub async fn sign_in_with_code(
    #[server(default)] code: String,
    #[server(default)] next: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let next = Destination::named(&next);
    let form = Destination::page("/web/login/code").with_some("next", next.as_ref().map(Destination::as_str));
    let challenge = ssr::challenge(&request).await.unwrap_or_default();
    match services.accounts().sign_in_with_code(&challenge, &code, request.client).await {
        Err(CoreError::Unauthorized(_)) => ssr::see_other(&form.with("error", "wrong_code")),
        viewer => enter(&request, viewer, next.unwrap_or_else(overview), form).await,
    }
    Ok(())
}

/// Sets up the second factor that a sign-in needs, and ends that sign-in; the page it leads to shows recovery codes once.
#[server(name = SignInByEnrolling, prefix = "/web/action", endpoint = "sign_in_by_enrolling")]
pub async fn sign_in_by_enrolling(
    #[server(default)] enrolment: String,
    #[server(default)] code: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let form = Destination::page("/web/login/second-factor").with_some("enrolment", Some(&enrolment));
    let challenge = ssr::challenge(&request).await.unwrap_or_default();
    let accounts = services.accounts();
    match accounts.sign_in_by_enrolling(&challenge, &enrolment, &code, request.client).await {
        Ok((viewer, codes)) => {
            let id = accounts.keep_codes_for_reveal(&viewer, codes);
            let page = Destination::page("/web/settings/second-factor").with("codes", &id.to_string());
            enter(&request, Ok(viewer), page, form).await;
        }
        Err(CoreError::Unauthorized(_)) => {
            ssr::see_other(&Destination::page("/web/login").with("error", "sign_in_ended"));
        }
        Err(error) => refuse(form, &error),
    }
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
    enter_new(&services, &request, viewer, form).await;
    Ok(())
}

/// Ends the browser's session.
#[server(name = SignOut, prefix = "/web/action", endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    if let Some(viewer) = &request.viewer
        && let Err(error) = services.accounts().signed_out(viewer).await
    {
        // Whoever wants out gets out.
        tracing::warn!(cause = error.cause(), "a sign-out was not written down: {error}");
    }
    match request.session.flush().await {
        Ok(()) => ssr::see_other(&Destination::page("/web/login").with("done", "signed_out")),
        Err(error) => refuse(Destination::page("/web"), &CoreError::Unavailable(error.to_string())),
    }
    Ok(())
}
