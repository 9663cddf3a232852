//! Where visitors of a tunnel, domain or route come to sign in, and go back from.
//!
//! It is a page with a link, and no redirect: whoever makes up an address of it must not learn who somebody is, so people
//! are asked before a host is told. Only where the host is one's own there is nothing to ask. A form would not do, since
//! what it leads to has to be of this host (`form-action`).

use super::visit::{Visit, signed_in};
use crate::{components::layout, ssr};
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use server_core::{CoreError, Entrance};

/// After so many seconds the page is made anew: what its link has is good for a minute.
const ANEW: u32 = 45;

/// The question, or why there is none.
#[component]
pub fn Enter() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let [to, browser] = ["to", "browser"].map(|name| visit.query.get_str(name).unwrap_or_default());
    let entrance = match visit.services.entrance(to, browser) {
        Ok(entrance) => entrance,
        Err(_) => return Ok(nowhere()),
    };
    match visit.services.enter(&visit.viewer, visit.request.session_key, &entrance).await {
        Ok(address) => Ok(question(&visit, &entrance, address.as_str())),
        Err(CoreError::Forbidden { .. }) => Ok(refused(&visit, &entrance)),
        Err(error) => Err(error),
    }
}

fn question(visit: &Visit, entrance: &Entrance, address: &str) -> AnyView {
    let (host, email) = (entrance.host(), visit.viewer.user().email.to_string());
    // No redirect: who comes from the form of the sign-in page would be kept from following it to another host.
    let again = if entrance.is_of(&visit.viewer) { format!("0;url={address}") } else { ANEW.to_string() };
    match HeaderValue::try_from(again) {
        Ok(again) => ssr::append_header(header::REFRESH, again),
        Err(error) => tracing::error!(%error, "the address to go on to cannot be said in a header; the link has it"),
    }
    layout::lone(
        "Go on",
        view! {
            <h1>"Go on to " {host.clone()} "?"</h1>
            <p>
                "It asks who you are, and is told that you are " <strong>{email}</strong>
                ". Go on only if you meant to go there."
            </p>
            <p>
                <a class="button button-primary" href=address.to_owned()>
                    "Go on to "
                    {host}
                </a>
            </p>
            {other_account()}
        },
    )
}

fn refused(visit: &Visit, entrance: &Entrance) -> AnyView {
    ssr::set_status(StatusCode::FORBIDDEN);
    let (host, email) = (entrance.host(), visit.viewer.user().email.to_string());
    layout::lone(
        "Not let in",
        view! {
            <h1>{host} " does not let you in"</h1>
            <p>"You are signed in as " <strong>{email}</strong> ". Ask its owner to let this account in."</p>
            {other_account()}
        },
    )
}

fn nowhere() -> AnyView {
    ssr::set_status(StatusCode::NOT_FOUND);
    layout::lone(
        "Nothing to enter",
        view! {
            <h1>"Nobody asks for an account there"</h1>
            <p>"Open the address again that you wanted to go to."</p>
            <p>
                <a class="button" href="/web">
                    "To the dashboard"
                </a>
            </p>
        },
    )
}

fn other_account() -> AnyView {
    view! {
        <form method="post" action="/web/action/sign_out">
            <button class="button button-quiet">"Use another account"</button>
        </form>
    }
    .into_any()
}
