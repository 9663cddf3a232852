//! What the whole switchboard carries, which administrators say.

use super::{entered::Entered, finish, signed_in};
use crate::destination::Destination;
use leptos::prelude::*;
use server_core::{CoreError, Services, Viewer};

/// Says how many requests each node carries.
#[server(name = SetServerLimit, prefix = "/web/action", endpoint = "set_server_limit")]
pub async fn set_server_limit(#[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let page = Destination::page("/web/cluster");
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let result = set(&services, &viewer, &form).await;
    let back = form.back(page.clone(), "limit", &result).await;
    finish(result, |()| page.with("done", "limit_set"), back);
    Ok(())
}

async fn set(services: &Services, viewer: &Viewer, form: &Entered) -> Result<(), CoreError> {
    let admin = viewer.as_admin()?;
    services.server_limits().set_rate(&admin, form.optional("rate_limit")?, &form.expected()).await
}
