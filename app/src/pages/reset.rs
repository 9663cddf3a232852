//! Choosing a new password by a link.

use super::{
    invitation::ended,
    visit::{Arrival, signed_out},
};
use crate::components::{field::Field, form::FormState, layout};
use leptos::prelude::*;
use server_core::CoreError;

/// The form for the password, or that the link has ended.
#[component]
pub fn Reset() -> impl IntoView {
    signed_out(page)
}

async fn page(arrival: Arrival) -> Result<AnyView, CoreError> {
    let Arrival { services, query, .. } = arrival;
    let token = query.get("token").unwrap_or_default();
    let user = match services.accounts().reset_of(&token).await {
        Err(CoreError::Unusable { .. }) => return Ok(ended()),
        user => user?,
    };
    let form = FormState::of(&query, None);
    let email = user.email.to_string();
    Ok(layout::lone(
        "New password",
        view! {
            <h1>"New password"</h1>
            <p>"For " <strong>{email.clone()}</strong> ". It signs you out wherever you are signed in."</p>
            <form method="post" action="/web/action/reset_password" class="form">
                {form.summary(&["password"])}
                <input type="hidden" name="token" value=token />
                <input type="text" value=email autocomplete="username" readonly hidden />
                {Field::new_password("reset", "password", "New password")
                    .hint("8 to 128 characters; not one that is easily guessed, and not your e-mail address.")
                    .state(&form)
                    .view()}
                <button class="button button-primary">"Set the password"</button>
            </form>
        },
    ))
}
