//! The tokens that telephones sign in with.

use super::visit::{Visit, signed_in};
use crate::{
    actions::EXPIRY_DAYS,
    components::{
        command::{command, copyable},
        confirm::confirm,
        field::Field,
        form::FormState,
        layout::{Section, layout},
    },
    islands::TimeAgo,
    ssr,
};
use domain::{Token, TokenId, TokenScope};
use leptos::prelude::*;
use server_core::{CoreError, Page, TokenSecret};

/// The list, the form that adds to it, and, once, the secret of a new token.
#[component]
pub fn Tokens() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let created = visit.query.get_str("created").and_then(|id| id.parse::<TokenId>().ok());
    let secret = created.and_then(|id| visit.services.tokens().reveal(&visit.viewer, id));
    let page = Page { cursor: visit.query.get("cursor"), ..Page::default() };
    let is_first_page = page.cursor.is_none();
    let tokens = visit.services.tokens().list(&visit.viewer, page).await?;
    let form = FormState::of(&visit.query, Some("create"));
    let is_open = form.is_refused() || (tokens.items.is_empty() && is_first_page);
    let more = tokens.next_cursor.map(|cursor| {
        let href = crate::destination::Destination::page("/web/tokens").with("cursor", &cursor);
        view! { <p><a class="button" href=href.as_str().to_owned()>"Show more"</a></p> }
    });
    let revealed = match (secret, created) {
        (Some(secret), _) => Some(reveal(&secret, &visit.request.server_url).into_any()),
        (None, Some(_)) => Some(gone().into_any()),
        (None, None) => None,
    };
    let content = view! {
        <h1>"Tokens"</h1>
        <p class="lead">"A telephone signs in with a token. Give each machine its own, so that you can end one alone."</p>
        {revealed}
        {create_form(&form, is_open)}
        {list(&tokens.items)}
        {more}
    };
    Ok(layout(&visit, Section::Tokens, "Tokens", content))
}

fn reveal(secret: &TokenSecret, server_url: &str) -> AnyView {
    let run = format!("telephone http 3000 --server {server_url} --token {}", secret.expose());
    view! {
        <section class="card card-accent" aria-labelledby="secret-title">
            <h2 id="secret-title">"Your token, shown this once"</h2>
            {copyable(secret.expose().to_owned(), "token")}
            <p>
                "Run this beside your web server; " <code>"3000"</code> " is the port it listens on."
            </p>
            {command(run)}
            <p>"To keep server and token on that machine, so that " <code>"telephone http 3000"</code> " is enough:"</p>
            {command(format!("telephone login --server {server_url}"))}
            <p class="muted">
                "The server keeps only a fingerprint of the token. When it is lost, give the token a new secret with “Rotate”."
            </p>
        </section>
    }
    .into_any()
}

fn gone() -> AnyView {
    view! {
        <p class="notice notice-warning">
            "The secret was shown once and is not kept. If you did not copy it, give the token a new one with “Rotate”."
        </p>
    }
    .into_any()
}

fn create_form(form: &FormState, is_open: bool) -> AnyView {
    let chosen = form.value("expires_in_days").unwrap_or_default();
    let days = EXPIRY_DAYS.map(|days| {
        let is_chosen = chosen == days.to_string();
        view! {
            <option value=days selected=is_chosen>
                {days}
                " days"
            </option>
        }
    });
    view! {
        <details class="card disclosure" open=is_open>
            <summary>
                <h2>"Create a token"</h2>
            </summary>
            <form method="post" action="/web/action/create_token" class="form">
                {form.summary(&["name", "subdomains", "hosts", "paths", "tags"])}
                {Field::text("create", "name", "Name")
                    .required()
                    .at_most(64)
                    .placeholder("laptop")
                    .hint("The machine that will use it. At most 64 characters.")
                    .state(form)
                    .view()}
                {Field::text("create", "subdomains", "Only for these subdomains")
                    .lines(2)
                    .hint("One a line, at most 50. Empty: any tunnel of yours, and new ones.")
                    .state(form)
                    .view()}
                {Field::text("create", "hosts", "Announces only these hosts")
                    .lines(2)
                    .hint(
                        "What telephones may join with --host, such as *.example.com; one a line. Empty: any host, or none when there are subdomains above.",
                    )
                    .state(form)
                    .view()}
                {Field::text("create", "paths", "Only under these paths")
                    .lines(2)
                    .hint("Such as /api; one a line. Empty: any path.")
                    .state(form)
                    .view()}
                {Field::text("create", "tags", "Only with these tags")
                    .lines(2)
                    .hint("Such as green; one a line. Empty: any tag.")
                    .state(form)
                    .view()}
                <div class="field">
                    <label for="create-expires">"Ends by itself after"</label>
                    <select id="create-expires" name="expires_in_days">
                        <option value="">"never"</option>
                        {days.into_iter().collect_view()}
                    </select>
                </div>
                <button class="button button-primary">"Create the token"</button>
            </form>
        </details>
    }
    .into_any()
}

fn list(tokens: &[Token]) -> AnyView {
    if tokens.is_empty() {
        return view! {
            <p class="empty">"There are no tokens yet. Create one above, and this page shows the line to run."</p>
        }
        .into_any();
    }
    let rows = tokens.iter().map(row).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Your tokens, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Begins with"</th>
                        <th scope="col">"Allows"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Created"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Actions"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// What a token allows, in a few words.
fn allows(scope: &TokenScope) -> String {
    fn listed<T: ToString>(what: &str, list: Option<&[T]>) -> Option<String> {
        match list? {
            [] => Some(format!("no {what}")),
            list => Some(format!("{what} {}", list.iter().map(T::to_string).collect::<Vec<_>>().join(", "))),
        }
    }
    let tunnels = match scope.subdomains.as_deref() {
        None => "all tunnels".to_owned(),
        Some(subdomains) => subdomains.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let (hosts, paths, tags) = (scope.hosts.as_deref(), scope.paths.as_deref(), scope.tags.as_deref());
    let limits = [listed("hosts", hosts), listed("paths", paths), listed("tags", tags)];
    [tunnels].into_iter().chain(limits.into_iter().flatten()).collect::<Vec<_>>().join("; ")
}

fn row(token: &Token) -> AnyView {
    let scope = allows(&token.scope);
    let ends = match token.expires_at {
        None => view! { "never" }.into_any(),
        Some(at) if at <= ssr::now() => view! { <span class="badge badge-deleted">"Ended"</span> }.into_any(),
        Some(at) => view! { <TimeAgo at /> }.into_any(),
    };
    let used = match token.last_used_at {
        None => view! { "never" }.into_any(),
        Some(at) => view! { <TimeAgo at /> }.into_any(),
    };
    let (id, name) = (token.id.to_string(), token.name.to_string());
    view! {
        <tr>
            <td data-label="Name">
                <strong>{name.clone()}</strong>
            </td>
            <td data-label="Begins with" class="mono">
                {token.prefix.clone()}
                "…"
            </td>
            <td data-label="Allows">{scope}</td>
            <td data-label="Ends">{ends}</td>
            <td data-label="Last used">{used}</td>
            <td data-label="Created">
                <TimeAgo at=token.created_at />
            </td>
            <td class="actions">
                {confirm(
                    "rotate_token",
                    id.clone(),
                    "Rotate",
                    name.clone(),
                    "It gets a new secret, shown once. The old one stops working at once: telephones that use it have to be started with the new one.",
                )}
                {confirm(
                    "revoke_token",
                    id,
                    "Revoke",
                    name,
                    "Telephones that use it are disconnected at once. This cannot be undone; their tunnels stay, and another token can serve them.",
                )}
            </td>
        </tr>
    }
    .into_any()
}
