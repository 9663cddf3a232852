//! The signed-in user's sign-ins with a provider.

use super::{finish, invalid, refuse, signed_in};
use crate::destination::Destination;
use domain::IdentityId;
use leptos::prelude::*;

fn form() -> Destination {
    Destination::page("/web/settings").with("form", "identity")
}

/// Makes sure that it is the account's owner; the page it leads to has the link to the provider. A form cannot lead there
/// itself, since the pages' policy lets forms lead to this host alone.
#[server(name = LinkIdentity, prefix = "/web/action", endpoint = "link_identity")]
pub async fn link_identity(#[server(default)] current_password: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&Destination::page("/web/settings")) else { return Ok(()) };
    let result = services.accounts().offer_link(&viewer, &current_password).await;
    finish(result, |ticket| form().with("linking", &ticket), form());
    Ok(())
}

/// Takes one away.
#[server(name = UnlinkIdentity, prefix = "/web/action", endpoint = "unlink_identity")]
pub async fn unlink_identity(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&Destination::page("/web/settings")) else { return Ok(()) };
    match id.parse::<IdentityId>() {
        Ok(id) => {
            let result = services.accounts().unlink(&viewer, id).await;
            finish(result, |()| Destination::page("/web/settings").with("done", "identity_unlinked"), form());
        }
        Err(error) => refuse(form(), &invalid("id", error)),
    }
    Ok(())
}
