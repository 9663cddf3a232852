//! The user's signed-in browsers and programs.

use super::{finish, invalid, signed_in};
use crate::destination::Destination;
use domain::{ProgramSessionId, WebSessionId};
use leptos::prelude::*;

fn settings() -> Destination {
    Destination::page("/web/settings")
}

/// Signs one browser out.
#[server(name = EndSession, prefix = "/web/action", endpoint = "end_session")]
pub async fn end_session(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let result = match id.parse::<WebSessionId>() {
        Ok(id) => services.web_sessions().end(&viewer, id).await,
        Err(error) => Err(invalid("id", error)),
    };
    finish(result, |()| settings().with("done", "session_ended"), settings());
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

/// Signs one program out.
#[server(name = EndProgram, prefix = "/web/action", endpoint = "end_program")]
pub async fn end_program(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let result = match id.parse::<ProgramSessionId>() {
        Ok(id) => services.api_sessions().end(&viewer, id).await,
        Err(error) => Err(invalid("id", error)),
    };
    finish(result, |()| settings().with("done", "program_ended"), settings());
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
