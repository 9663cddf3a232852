//! A part of the page Settings: the tokens with which the user's programs use the API.

use super::visit::Visit;
use crate::{
    actions::EXPIRY_DAYS,
    components::{choice::tick_box, command::copyable, confirm::confirm, field::Field, form::FormState},
    islands::TimeAgo,
    ssr,
};
use domain::{ApiScope, PersonalToken, PersonalTokenId};
use leptos::prelude::*;
use server_core::{CoreError, Page, TokenSecret};

/// As many as a user may have.
const ALL: Page = Page { limit: 50, cursor: None };

/// Once, the secret of a token that was just made.
pub(super) fn revealed(visit: &Visit) -> Option<AnyView> {
    let created = visit.query.get_str("created")?.parse::<PersonalTokenId>().ok()?;
    let secret = visit.services.personal_tokens().reveal(&visit.viewer, created);
    Some(secret.map_or_else(gone, |secret| reveal(&secret)))
}

/// The list, and the form that adds to it.
pub(super) async fn section(visit: &Visit) -> Result<AnyView, CoreError> {
    let tokens = visit.services.personal_tokens().list(&visit.viewer, ALL).await?.items;
    let form = FormState::of(&visit.query, Some("personal_token"));
    let view = view! {
        <section class="card" aria-labelledby="personal-tokens-title" id="personal-tokens">
            <h2 id="personal-tokens-title">"Personal tokens"</h2>
            <p>
                "A program that uses the " <a href="/api/v1/docs">"REST API"</a>
                " for you sends one instead of signing in. Give each program its own, for no more than it needs."
            </p>
            {list(&tokens)}
            {create_form(&form, visit.viewer.is_admin())}
        </section>
    };
    Ok(view.into_any())
}

fn reveal(secret: &TokenSecret) -> AnyView {
    view! {
        <section class="card card-accent" aria-labelledby="secret-title">
            <h2 id="secret-title">"Your personal token, shown this once"</h2>
            {copyable(secret.expose().to_owned(), "personal token")}
            <p>"A program sends it with each request, as " <code>"Authorization: Bearer"</code> "."</p>
        </section>
    }
    .into_any()
}

fn gone() -> AnyView {
    view! {
        <p class="notice notice-warning">
            "The secret was shown once and is not kept. If you did not copy it, revoke the token and create another."
        </p>
    }
    .into_any()
}

fn create_form(form: &FormState, is_admin: bool) -> AnyView {
    let chosen = form.value("expires_in_days").unwrap_or_else(|| "90".to_owned());
    let days = EXPIRY_DAYS.map(|days| {
        let is_chosen = chosen == days.to_string();
        view! {
            <option value=days selected=is_chosen>
                {days}
                " days"
            </option>
        }
    });
    let offered = ApiScope::ALL.into_iter().filter(|scope| is_admin || *scope != ApiScope::Admin);
    let boxes = offered.map(|scope| {
        let (label, hint) = words(scope);
        tick_box(("personal", form), scope.as_str(), label, Some(hint), scope == ApiScope::Read)
    });
    view! {
        <details class="disclosure" open=form.is_refused()>
            <summary>
                <h3>"Create a personal token"</h3>
            </summary>
            <form method="post" action="/web/action/create_personal_token" class="form">
                {form.summary(&["name"])}
                {Field::text("personal", "name", "Name")
                    .required()
                    .at_most(64)
                    .placeholder("nightly export")
                    .hint("The program that will use it. At most 64 characters.")
                    .state(form)
                    .view()}
                <fieldset class="fields">
                    <legend>"Good for"</legend>
                    {boxes.collect_view()}
                </fieldset>
                <div class="field">
                    <label for="personal-expires">"Ends by itself after"</label>
                    <select id="personal-expires" name="expires_in_days">
                        {days.into_iter().collect_view()}
                        <option value="" selected=chosen.is_empty()>
                            "never"
                        </option>
                    </select>
                </div>
                <button class="button">"Create the personal token"</button>
            </form>
        </details>
    }
    .into_any()
}

/// A scope's name for people, and what it means.
fn words(scope: ApiScope) -> (&'static str, &'static str) {
    match scope {
        ApiScope::Read => ("Look at everything", "All that you have, and what was recorded of it."),
        ApiScope::Write => ("Change everything", "All that you have; looking is included."),
        ApiScope::Tunnels => {
            ("Tunnels", "Look at tunnels and the tokens of telephones, and change them; nothing else.")
        }
        ApiScope::Admin => {
            ("As an administrator", "What the others allow, for what everybody has. Otherwise only for yours.")
        }
    }
}

fn list(tokens: &[PersonalToken]) -> Option<AnyView> {
    if tokens.is_empty() {
        return None;
    }
    let rows = tokens.iter().map(row).collect_view();
    let table = view! {
        <table class="table">
            <caption class="visually-hidden">"Your personal tokens, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Begins with"</th>
                    <th scope="col">"Good for"</th>
                    <th scope="col">"Ends"</th>
                    <th scope="col">"Last used"</th>
                    <th scope="col">
                        <span class="visually-hidden">"Actions"</span>
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    Some(table.into_any())
}

fn row(token: &PersonalToken) -> AnyView {
    let ends = match token.expires_at {
        None => view! { "never" }.into_any(),
        Some(at) if at <= ssr::now() => view! { <span class="badge badge-deleted">"Ended"</span> }.into_any(),
        Some(at) => view! { <TimeAgo at /> }.into_any(),
    };
    let used = match token.last_used_at {
        None => view! { "never" }.into_any(),
        Some(at) => view! { <TimeAgo at /> }.into_any(),
    };
    let scopes = token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    view! {
        <tr>
            <td data-label="Name">
                <strong>{token.name.to_string()}</strong>
            </td>
            <td data-label="Begins with" class="mono">
                {token.prefix.clone()}
                "…"
            </td>
            <td data-label="Good for">{scopes}</td>
            <td data-label="Ends">{ends}</td>
            <td data-label="Last used">{used}</td>
            <td class="actions">
                {confirm(
                    "revoke_personal_token",
                    token.id.to_string(),
                    "Revoke",
                    token.name.to_string(),
                    "Programs that use it are refused at once. This cannot be undone.",
                )}
            </td>
        </tr>
    }
    .into_any()
}
