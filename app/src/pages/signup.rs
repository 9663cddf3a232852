//! Creating an account of one's own.

use super::visit::{Arrival, leave, signed_out};
use crate::{
    components::{field::Field, form::FormState, layout},
    destination::Destination,
};
use leptos::prelude::*;
use server_core::CoreError;

/// The form, or that sign-up is closed.
#[component]
pub fn Signup() -> impl IntoView {
    signed_out(page)
}

async fn page(arrival: Arrival) -> Result<AnyView, CoreError> {
    let Arrival { services, query, .. } = arrival;
    if !services.accounts().any_exist().await? {
        return Ok(leave(&Destination::page("/web/setup")));
    }
    if !services.accounts().signup_open().await? {
        return Ok(closed());
    }
    let form = FormState::of(&query, None);
    Ok(layout::lone(
        "Sign up",
        view! {
            <h1>"Sign up"</h1>
            <form method="post" action="/web/action/sign_up" class="form">
                {form.summary(&["email", "password"])}
                {Field::email("signup").state(&form).view()}
                {Field::new_password("signup", "password", "Password")
                    .hint("8 to 128 characters; not one that is easily guessed, and not your e-mail address.")
                    .state(&form)
                    .view()}
                <button class="button button-primary">"Create the account"</button>
            </form>
            <p class="muted">"You have an account? " <a href="/web/login">"Sign in"</a> "."</p>
        },
    ))
}

fn closed() -> AnyView {
    layout::lone(
        "Sign up",
        view! {
            <h1>"Sign-up is closed"</h1>
            <p>
                "Ask the administrator of this server for an invitation. On the server itself an account is added with "
                <code>"switchboard user add"</code> "."
            </p>
            <p>
                <a class="button" href="/web/login">
                    "Sign in"
                </a>
            </p>
        },
    )
}
