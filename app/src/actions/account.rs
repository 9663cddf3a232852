//! The signed-in user's own account.

use super::{refuse, sign_in::renew_session, signed_in};
use crate::{destination::Destination, ssr};
use leptos::prelude::*;
use server_core::CoreError;

fn settings() -> Destination {
    Destination::page("/web/settings")
}

/// The same error with the form's name for the password: the service calls both `password`.
fn named(error: CoreError, password: &'static str) -> CoreError {
    match error {
        CoreError::Invalid { field: "password", message } => CoreError::Invalid { field: password, message },
        error => error,
    }
}

/// Changes the address that the user signs in with.
#[server(name = ChangeEmail, prefix = "/web/action", endpoint = "change_email")]
pub async fn change_email(
    #[server(default)] email: String,
    #[server(default)] current_password: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&settings()) else { return Ok(()) };
    match services.accounts().change_email(&viewer, &current_password, &email).await {
        Ok(_) => ssr::see_other(&settings().with("done", "email_changed")),
        Err(error) => {
            refuse(settings().with("form", "email").with_some("email", Some(&email)), &named(error, "current_password"))
        }
    }
    Ok(())
}

/// Changes the password and signs the user out everywhere else.
#[server(name = ChangePassword, prefix = "/web/action", endpoint = "change_password")]
pub async fn change_password(
    #[server(default)] current_password: String,
    #[server(default)] new_password: String,
    #[server(default)] repeated_password: String,
) -> Result<(), ServerFnError> {
    let Some((services, request, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let form = settings().with("form", "password");
    if new_password != repeated_password {
        ssr::see_other(&form.with("error", "passwords_differ").with("field", "repeated_password"));
        return Ok(());
    }
    let result = async {
        let keep = match request.session_key {
            Some(key) => services.web_sessions().id_of(key).await?,
            None => None,
        };
        services.accounts().change_password(&viewer, &current_password, &new_password, keep).await
    };
    match result.await {
        Ok(()) => {
            renew_session(&request).await;
            ssr::see_other(&settings().with("done", "password_changed"));
        }
        Err(error) => refuse(form, &named(error, "new_password")),
    }
    Ok(())
}
