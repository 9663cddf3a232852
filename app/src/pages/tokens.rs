//! The tokens that telephones sign in with.

use super::visit::{Visit, signed_in};
use crate::{
    actions::{EXPIRY_DAYS, OVERLAPS, SHORT_LIVES},
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
    if !secret.expose().starts_with("sbt_") {
        return reveal_short(secret, run);
    }
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

fn reveal_short(secret: &TokenSecret, run: String) -> AnyView {
    view! {
        <section class="card card-accent" aria-labelledby="secret-title">
            <h2 id="secret-title">"Your short-lived token, shown this once"</h2>
            {copyable(secret.expose().to_owned(), "token")}
            <p>
                "Run this beside your web server; " <code>"3000"</code> " is the port it listens on."
            </p>
            {command(run)}
            <p class="muted">
                "It ends by itself, when the token is revoked, and with the secret that the token has now. A telephone that is to go on reads the next one from the file named with "
                <code>"--token-file"</code> "."
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
                {form.summary(&["name", "subdomains", "hosts", "paths", "tags", "networks", "max_sessions", "rate_limit"])}
                {Field::text("create", "name", "Name")
                    .required()
                    .at_most(64)
                    .placeholder("laptop")
                    .hint("The machine that will use it. At most 64 characters.")
                    .state(form)
                    .view()}
                <details open=form.is_refused()>
                    <summary>"Limit what it is good for"</summary>
                    <div class="fields">
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
                        {Field::text("create", "networks", "Only from these networks")
                            .lines(2)
                            .hint("Such as 203.0.113.0/24; one a line, at most 50. Empty: from anywhere.")
                            .state(form)
                            .view()}
                        {Field::text("create", "max_sessions", "Telephones at once")
                            .hint("How many may be connected to a node with this token. Empty: as many as like.")
                            .state(form)
                            .view()}
                        {Field::rate("create")
                            .hint(
                                "Requests/seconds that its telephones are given together, on each node; more get 429. Empty: as many as come.",
                            )
                            .state(form)
                            .view()}
                    </div>
                </details>
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
    let networks = scope.networks.as_deref().and_then(|networks| listed("from", Some(networks)));
    let sessions = scope.max_sessions.map(|most| match most {
        1 => "1 telephone at once".to_owned(),
        most => format!("{most} telephones at once"),
    });
    let rate = scope.rate_limit.map(|limit| format!("requests {limit}"));
    let limits = [listed("hosts", hosts), listed("paths", paths), listed("tags", tags), networks, sessions, rate];
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
            <td data-label="Begins with">
                <div>
                    <span class="mono">{token.prefix.clone()} "…"</span>
                    {token.previous_until.map(|at| view! { <p class="field-hint">"old secret ends " <TimeAgo at /></p> })}
                </div>
            </td>
            <td data-label="Allows">{scope}</td>
            <td data-label="Ends">{ends}</td>
            <td data-label="Last used">{used}</td>
            <td data-label="Created">
                <TimeAgo at=token.created_at />
            </td>
            <td class="actions">
                {choose(
                    "rotate_token",
                    &id,
                    ("Rotate", &name),
                    format!("Rotate {name}?"),
                    "It gets a new secret, shown once. Telephones that still use the old one are disconnected when that ends.",
                    ("overlap_seconds", "The old secret", &OVERLAPS),
                )}
                {choose(
                    "exchange_token",
                    &id,
                    ("Short-lived", &name),
                    format!("A short-lived token for {name}?"),
                    "It allows the same and ends by itself, for machines where no long-lived secret should lie about. Shown once.",
                    ("expires_in", "Good for", &SHORT_LIVES),
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

/// A button that opens a question with a choice.
fn choose(
    action: &'static str,
    id: &str,
    (verb, subject): (&'static str, &str),
    question: String,
    consequence: &'static str,
    (name, label, choices): (&'static str, &'static str, &[(u32, &'static str)]),
) -> AnyView {
    let field = format!("{name}-{id}");
    let options = choices.iter().map(|(value, words)| view! { <option value=value.to_string()>{*words}</option> });
    view! {
        <details class="confirm" name="confirm">
            <summary class="button button-quiet button-small">
                {verb} <span class="visually-hidden">" " {subject.to_owned()}</span>
            </summary>
            <form method="post" action=format!("/web/action/{action}") class="confirm-body">
                <p>
                    <strong>{question}</strong>
                    " "
                    {consequence}
                </p>
                <input type="hidden" name="id" value=id.to_owned() />
                <div class="field">
                    <label for=field.clone()>{label}</label>
                    <select id=field name=name>
                        {options.collect_view()}
                    </select>
                </div>
                <button class="button button-primary button-small">{verb}</button>
            </form>
        </details>
    }
    .into_any()
}
