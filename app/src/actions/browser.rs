//! The user's signed-in browsers and programs, and those of others whom an administrator signs out.

use super::{finish, invalid, signed_in};
use crate::destination::Destination;
use domain::{ProgramSessionId, UserId, WebSessionId};
use leptos::prelude::*;
use server_core::CoreError;
use std::{fmt::Display, str::FromStr};

fn settings() -> Destination {
    Destination::page("/web/settings")
}

/// Whose session a form is about: `None`: the viewer's own.
fn whose(user: &str) -> Result<Option<UserId>, CoreError> {
    if user.is_empty() { Ok(None) } else { parsed("user", user).map(Some) }
}

fn parsed<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, CoreError> {
    text.parse().map_err(|error| invalid(field, error))
}

/// The page with the form.
fn page_of(user: &str) -> Destination {
    match whose(user) {
        Ok(Some(id)) => Destination::page(format!("/web/users/{id}")),
        _ => settings(),
    }
}

/// Signs one browser out, the viewer's own or, for administrators, somebody's.
#[server(name = EndSession, prefix = "/web/action", endpoint = "end_session")]
pub async fn end_session(#[server(default)] id: String, #[server(default)] user: String) -> Result<(), ServerFnError> {
    let page = page_of(&user);
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let result = async {
        let id = parsed::<WebSessionId>("id", &id)?;
        match whose(&user)? {
            Some(user) => services.web_sessions().end_of(&viewer.as_admin()?, user, id).await,
            None => services.web_sessions().end(&viewer, id).await,
        }
    };
    finish(result.await, |()| page.clone().with("done", "session_ended"), page.clone());
    Ok(())
}

/// Signs all browsers out but this one.
#[server(name = EndOtherSessions, prefix = "/web/action", endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> Result<(), ServerFnError> {
    let Some((services, request, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let result = services.web_sessions().end_others(&viewer, request.session_key).await;
    finish(result, |_| settings().with("done", "other_sessions_ended"), settings());
    Ok(())
}

/// Signs one program out, the viewer's own or, for administrators, somebody's.
#[server(name = EndProgram, prefix = "/web/action", endpoint = "end_program")]
pub async fn end_program(#[server(default)] id: String, #[server(default)] user: String) -> Result<(), ServerFnError> {
    let page = page_of(&user);
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let result = async {
        let id = parsed::<ProgramSessionId>("id", &id)?;
        match whose(&user)? {
            Some(user) => services.api_sessions().end_of(&viewer.as_admin()?, user, id).await,
            None => services.api_sessions().end(&viewer, id).await,
        }
    };
    finish(result.await, |()| page.clone().with("done", "program_ended"), page.clone());
    Ok(())
}

/// Signs all programs out.
#[server(name = EndPrograms, prefix = "/web/action", endpoint = "end_programs")]
pub async fn end_programs() -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let result = services.api_sessions().end_others(&viewer).await;
    finish(result, |_| settings().with("done", "programs_ended"), settings());
    Ok(())
}
