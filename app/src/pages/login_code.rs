//! The second step of signing in.

use super::visit::{Arrival, leave, signed_out};
use crate::{
    components::{form::FormState, layout, second_factor},
    destination::Destination,
    ssr,
};
use leptos::prelude::*;
use server_core::CoreError;

/// The form for the code.
#[component]
pub fn LoginCode() -> impl IntoView {
    signed_out(code_page)
}

/// Setting up the second factor that everybody needs.
#[component]
pub fn LoginEnrol() -> impl IntoView {
    signed_out(enrol_page)
}

fn again() -> AnyView {
    leave(&Destination::page("/web/login").with("error", "sign_in_ended"))
}

async fn code_page(arrival: Arrival) -> Result<AnyView, CoreError> {
    let Arrival { request, query, .. } = arrival;
    if ssr::challenge(&request).await.is_none() {
        return Ok(again());
    }
    let form = FormState::of(&query, None);
    let next = query.get_str("next").and_then(Destination::named);
    let next = next.map(|next| view! { <input type="hidden" name="next" value=next.as_str().to_owned() /> });
    Ok(layout::lone(
        "Sign in",
        view! {
            <h1>"One more step"</h1>
            <p>"Enter the code that your app shows for this server, or one of your recovery codes."</p>
            <form method="post" action="/web/action/sign_in_with_code" class="form">
                {form.summary(&[])}
                {next}
                {second_factor::code("login", "Code", &form).view()}
                <button class="button button-primary">"Sign in"</button>
            </form>
            <p class="muted">
                "Neither at hand? Ask an administrator of this server. " <a href="/web/login">"Begin again"</a> "."
            </p>
        },
    ))
}

async fn enrol_page(arrival: Arrival) -> Result<AnyView, CoreError> {
    let Arrival { services, request, query } = arrival;
    let Some(challenge) = ssr::challenge(&request).await else { return Ok(again()) };
    let enrolment = match services.accounts().begin_with_challenge(&challenge, query.get_str("enrolment")).await {
        Err(CoreError::Unauthorized(_) | CoreError::Conflict { .. }) => return Ok(again()),
        enrolment => enrolment?,
    };
    let form = FormState::of(&query, None);
    Ok(layout::lone(
        "Second factor",
        view! {
            <h1>"Set up a second factor"</h1>
            <p>"On this server everybody signs in with a code beside the password."</p>
            {second_factor::seed(&enrolment)}
            <form method="post" action="/web/action/sign_in_by_enrolling" class="form">
                {form.summary(&["code"])}
                <input type="hidden" name="enrolment" value=enrolment.ticket />
                {second_factor::code("enrol", "Code that the app shows now", &form).view()}
                <button class="button button-primary">"Turn it on and sign in"</button>
            </form>
        },
    ))
}
