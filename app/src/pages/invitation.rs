//! Making the account that an invitation offers.

use super::visit::{Arrival, signed_out};
use crate::{
    components::{field::Field, form::FormState, layout, provider},
    ssr,
};
use http::StatusCode;
use leptos::prelude::*;
use server_core::CoreError;

/// The form for the password, or that the link has ended.
#[component]
pub fn InvitationPage() -> impl IntoView {
    signed_out(page)
}

async fn page(arrival: Arrival) -> Result<AnyView, CoreError> {
    let Arrival { services, query, .. } = arrival;
    let token = query.get("token").unwrap_or_default();
    let invitation = match services.accounts().invitation(&token).await {
        Err(CoreError::Unusable { .. }) => return Ok(ended()),
        invitation => invitation?,
    };
    let form = FormState::of(&query, None);
    let provider = provider::continue_with(&services, "invitation", Some(&token));
    let email = invitation.email.to_string();
    Ok(layout::lone(
        "Invitation",
        view! {
            <h1>"Welcome"</h1>
            <p>"You are invited to this Switchboard as " <strong>{email.clone()}</strong> ". Choose a password."</p>
            <form method="post" action="/web/action/accept_invitation" class="form">
                {form.summary(&["password"])}
                <input type="hidden" name="token" value=token />
                <input type="text" value=email autocomplete="username" readonly hidden />
                {Field::new_password("invitation", "password", "Password")
                    .hint("8 to 128 characters; not one that is easily guessed, and not your e-mail address.")
                    .state(&form)
                    .view()}
                <button class="button button-primary">"Create the account"</button>
            </form>
            {provider}
        },
    ))
}

/// Instead of the form, when the link cannot be used.
pub(super) fn ended() -> AnyView {
    ssr::set_status(StatusCode::GONE);
    layout::lone(
        "Link ended",
        view! {
            <h1>"This link no longer works"</h1>
            <p>"It was used, has ended, or was withdrawn. Ask an administrator of this server for another one."</p>
            <p>
                <a class="button" href="/web/login">
                    "Sign in"
                </a>
            </p>
        },
    )
}
