//! Signing in.

use super::visit::{Arrival, leave, signed_out};
use crate::{
    components::{field::Field, form::FormState, layout, notice, provider},
    destination::Destination,
};
use leptos::prelude::*;
use server_core::CoreError;

/// E-mail address and password.
#[component]
pub fn Login() -> impl IntoView {
    signed_out(page)
}

async fn page(arrival: Arrival) -> Result<AnyView, CoreError> {
    let Arrival { services, query, .. } = arrival;
    if !services.accounts().any_exist().await? {
        return Ok(leave(&Destination::page("/web/setup")));
    }
    let form = FormState::of(&query, None);
    let next = query.get_str("next").and_then(Destination::named);
    let provider = provider::continue_with(&services, "next", next.as_ref().map(Destination::as_str));
    let next = next.map(|next| view! { <input type="hidden" name="next" value=next.as_str().to_owned() /> });
    let email = form.value("email");
    let sign_up = services.accounts().signup_open().await?.then(|| {
        view! {
            <p class="muted">"No account yet? " <a href="/web/signup">"Sign up"</a> "."</p>
        }
    });
    Ok(layout::lone(
        "Sign in",
        view! {
            <h1>"Sign in"</h1>
            {notice::done(&query)}
            <form method="post" action="/web/action/sign_in" class="form">
                {form.summary(&["email"])}
                {next}
                {Field::email("login").value(email.unwrap_or_default()).state(&form).view()}
                {Field::current_password("login", "password", "Password").view()}
                <button class="button button-primary">"Sign in"</button>
            </form>
            {provider}
            {sign_up}
        },
    ))
}
