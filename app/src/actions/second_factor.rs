//! The signed-in user's own second factor, and everybody's, for administrators.

use super::{finish, invalid, refuse, sign_in::renew_session, signed_in};
use crate::destination::Destination;
use domain::UserId;
use leptos::prelude::*;
use server_core::{CoreError, Expected, RecoveryCodes, Services, Viewer};

fn page() -> Destination {
    Destination::page("/web/settings/second-factor")
}

/// To the page that shows new recovery codes once.
fn shown(services: &Services, viewer: &Viewer, codes: RecoveryCodes, done: &str) -> Destination {
    let id = services.accounts().keep_codes_for_reveal(viewer, codes);
    page().with("done", done).with("codes", &id.to_string())
}

/// Turns the second factor on.
#[server(name = ConfirmSecondFactor, prefix = "/web/action", endpoint = "confirm_second_factor")]
pub async fn confirm_second_factor(
    #[server(default)] enrolment: String,
    #[server(default)] code: String,
    #[server(default)] current_password: String,
) -> Result<(), ServerFnError> {
    let Some((services, request, viewer)) = signed_in(&page()) else { return Ok(()) };
    let form = page().with("form", "confirm").with_some("enrolment", Some(&enrolment));
    let result = services.accounts().finish_second_factor(&viewer, &current_password, &enrolment, &code).await;
    if result.is_ok() {
        renew_session(&request).await;
    }
    finish(result, |codes| shown(&services, &viewer, codes, "second_factor_on"), form);
    Ok(())
}

/// Gives new recovery codes.
#[server(name = RenewRecoveryCodes, prefix = "/web/action", endpoint = "renew_recovery_codes")]
pub async fn renew_recovery_codes(#[server(default)] current_password: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&page()) else { return Ok(()) };
    let result = services.accounts().renew_recovery_codes(&viewer, &current_password).await;
    finish(result, |codes| shown(&services, &viewer, codes, "codes_renewed"), page().with("form", "renew"));
    Ok(())
}

/// Turns the second factor off.
#[server(name = EndSecondFactor, prefix = "/web/action", endpoint = "end_second_factor")]
pub async fn end_second_factor(#[server(default)] current_password: String) -> Result<(), ServerFnError> {
    let Some((services, request, viewer)) = signed_in(&page()) else { return Ok(()) };
    let result = services.accounts().end_second_factor(&viewer, &current_password).await;
    if result.is_ok() {
        renew_session(&request).await;
    }
    finish(result, |()| page().with("done", "second_factor_off"), page().with("form", "end"));
    Ok(())
}

/// Turns somebody's second factor off, who has lost it.
#[server(name = ResetSecondFactor, prefix = "/web/action", endpoint = "reset_second_factor")]
pub async fn reset_second_factor(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let users = Destination::page("/web/users");
    let Some((services, _, viewer)) = signed_in(&users) else { return Ok(()) };
    match id.parse::<UserId>() {
        Ok(id) => {
            let user = Destination::page(format!("/web/users/{id}"));
            let result: Result<(), CoreError> = services.accounts().reset_second_factor(&viewer, id).await;
            finish(result, |()| user.clone().with("done", "second_factor_reset"), user.clone());
        }
        Err(error) => refuse(users, &invalid("id", error)),
    }
    Ok(())
}

/// Says whether everybody needs a second factor.
#[server(name = RequireSecondFactor, prefix = "/web/action", endpoint = "require_second_factor")]
pub async fn require_second_factor(#[server(default)] required: String) -> Result<(), ServerFnError> {
    let users = Destination::page("/web/users");
    let Some((services, _, viewer)) = signed_in(&users) else { return Ok(()) };
    let required = required == "true";
    let result = services.accounts().require_second_factor(&viewer, required, &Expected::Anything).await;
    let done = if required { "second_factor_required" } else { "second_factor_optional" };
    finish(result, |()| users.clone().with("done", done), users.clone());
    Ok(())
}
