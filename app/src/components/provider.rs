//! The way to the provider of sign-ins, where there is one.

use crate::destination::Destination;
use leptos::prelude::*;
use server_core::Services;

/// "Continue with …" below a form, for whoever has no password here. A link, which works without scripts.
pub fn continue_with(services: &Services, parameter: &str, value: Option<&str>) -> Option<AnyView> {
    let name = services.accounts().provider()?.name.clone();
    let to = Destination::page("/web/login/oidc").with_some(parameter, value).as_str().to_owned();
    Some(
        view! {
            <p class="muted">"or"</p>
            <p>
                <a class="button" href=to>
                    "Continue with "
                    {name}
                </a>
            </p>
        }
        .into_any(),
    )
}
