//! The user's signed-in browsers.

use super::{finish, invalid, signed_in};
use crate::destination::Destination;
use domain::WebSessionId;
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
