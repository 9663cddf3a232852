//! The first start: creating the first account.

use super::visit::{Arrival, leave, signed_out};
use crate::{
    components::{field::Field, form::FormState, layout},
    destination::Destination,
};
use leptos::prelude::*;
use server_core::CoreError;

/// Creates the account that becomes the administrator. Once there is one, the sign-in page takes this place.
#[component]
pub fn Setup() -> impl IntoView {
    signed_out(page)
}

async fn page(arrival: Arrival) -> Result<AnyView, CoreError> {
    if arrival.services.accounts().any_exist().await? {
        return Ok(leave(&Destination::page("/web/login").with_some("error", arrival.query.get_str("error"))));
    }
    let form = FormState::of(&arrival.query, None);
    let code = arrival.services.accounts().setup_code().is_some().then(|| {
        Field::text("setup", "code", "Set-up code")
            .required()
            .hint("This server can be reached by others. It printed the code when it started: look at its terminal or log.")
            .state(&form)
            .view()
    });
    Ok(layout::lone(
        "Set up",
        view! {
            <h1>"Welcome to Switchboard"</h1>
            <p>"Create the first account. It becomes the administrator of this server."</p>
            <form method="post" action="/web/action/set_up" class="form">
                {form.summary(&["email", "password", "code"])}
                {code}
                {Field::email("setup").state(&form).view()}
                {Field::new_password("setup", "password", "Password")
                    .hint("8 to 128 characters; not one that is easily guessed, and not your e-mail address.")
                    .state(&form)
                    .view()}
                <button class="button button-primary">"Create the account"</button>
            </form>
        },
    ))
}
