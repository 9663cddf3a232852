//! What stands in front of a tunnel, a domain or a route: one form for all of it.

use super::{
    Place,
    visit::{Visit, signed_in},
};
use crate::{
    actions::{LINK_LIVES, page_field, page_of_field},
    components::{
        choice::{select, tick_box},
        command::copyable,
        confirm::act,
        field::Field,
        form::{FormState, version},
        layout::layout,
    },
    islands::TimeAgo,
    ssr,
};
use domain::{Front, LetIn, PageFor, Timestamp};
use leptos::prelude::*;
use server_core::CoreError;
use std::collections::BTreeSet;

/// The names of the form's fields beside which it is said what is wrong with them.
const FIELDS: [&str; 15] = [
    "allow",
    "deny",
    "maintenance_message",
    "retry_after_seconds",
    "max_headers",
    "max_body",
    "rate_limits",
    "bandwidth",
    "most_at_once",
    "sign_in",
    "accounts",
    "realm",
    "basic_users",
    "page_new_for",
    "page_new",
];

/// In front of a tunnel.
#[component]
pub fn TunnelFront() -> impl IntoView {
    signed_in(async |visit| page(&visit, Place::tunnel(&visit).await?).await)
}

/// In front of a domain.
#[component]
pub fn DomainFront() -> impl IntoView {
    signed_in(async |visit| page(&visit, Place::domain(&visit).await?).await)
}

/// In front of a route.
#[component]
pub fn RouteFront() -> impl IntoView {
    signed_in(async |visit| page(&visit, Place::route(&visit).await?).await)
}

async fn page(visit: &Visit, place: Place) -> Result<AnyView, CoreError> {
    // Asked for first: when it is changed in between, the form is refused, and nothing overwritten.
    let updated_at = visit.services.front_updated_at(&visit.viewer, place.of).await?;
    let front = visit.services.front(&visit.viewer, place.of).await?;
    let form = FormState::of(&visit.query, Some("front"));
    let title = format!("In front of {}", place.name);
    let content = view! {
        {head(&place)}
        {made(visit, &place)}
        {fields(&place, &front, &form, updated_at)}
        {links(visit, &place, &front)}
    };
    Ok(layout(visit, place.section(), &title, content))
}

fn head(place: &Place) -> AnyView {
    let href = format!("/web{}", place.path());
    let holds = match place.kind() {
        "domain" => "It holds for all requests to the domain, those that its routes serve among them.",
        "tunnel" => {
            "It holds for requests to the tunnel's own address, and for domains, routes and services that lead to it."
        }
        _ => "It holds for requests that this route serves, besides what stands in front of its domain.",
    };
    view! {
        <p class="crumbs">
            <a href=href>{place.name.clone()}</a>
        </p>
        <h1>"In front"</h1>
        <p class="muted">
            "Who may come in, and with how much. " {holds}
            " Who is turned away is in the inspector, with the reason as a code."
        </p>
    }
    .into_any()
}

fn lines<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join("\n")
}

fn fields(place: &Place, front: &Front, form: &FormState, updated_at: Timestamp) -> AnyView {
    let open = (!front.is_open()).then(|| act("open_front", vec![("of", place.key())], "Let everything pass", "again"));
    view! {
        <form method="post" action="/web/action/set_front" class="form form-wide" id="front-form">
            {form.summary(&FIELDS)}
            <input type="hidden" name="of" value=place.key() />
            {version(updated_at)}
            {networks(front, form)}
            {maintenance(front, form)}
            {amounts(front, form)}
            {sign_in(front, form)}
            {passwords(front, form)}
            {pages(front, form)}
            <button class="button button-primary">"Save"</button>
        </form>
        {open}
    }
    .into_any()
}

fn networks(front: &Front, form: &FormState) -> AnyView {
    view! {
        <section class="card" aria-labelledby="networks-title">
            <h2 id="networks-title">"Networks"</h2>
            {Field::text("front", "allow", "Only from")
                .lines(4)
                .at_most(60_000)
                .value(lines(front.allow.iter()))
                .placeholder("203.0.113.0/24\n2001:db8::/32")
                .hint("Addresses and networks, one a line, at most 1,000. Empty: from everywhere. Others get 403.")
                .state(form)
                .view()}
            {Field::text("front", "deny", "Never from")
                .lines(4)
                .at_most(60_000)
                .value(lines(front.deny.iter()))
                .hint("The same way. It wins over what is allowed.")
                .state(form)
                .view()}
        </section>
    }
    .into_any()
}

fn maintenance(front: &Front, form: &FormState) -> AnyView {
    let now = front.maintenance.clone().unwrap_or_default();
    let message = now.message.map(String::from).unwrap_or_default();
    let wait = now.retry_after_seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
    view! {
        <section class="card" aria-labelledby="maintenance-title">
            <h2 id="maintenance-title">"Maintenance"</h2>
            {tick_box(
                ("front", form),
                "maintenance",
                "Let nobody in",
                Some("Everybody gets 503 with the text below. Requests under way go on."),
                front.maintenance.is_some(),
            )}
            {Field::text("front", "maintenance_message", "What visitors read")
                .lines(3)
                .at_most(2_000)
                .value(message)
                .placeholder("We are back at noon.")
                .state(form)
                .view()}
            {Field::number("front", "retry_after_seconds", "Come back after, seconds", 0, 2_592_000)
                .value(wait)
                .hint("Told to programs as Retry-After.")
                .state(form)
                .view()}
        </section>
    }
    .into_any()
}

fn amounts(front: &Front, form: &FormState) -> AnyView {
    view! {
        <section class="card" aria-labelledby="amounts-title">
            <h2 id="amounts-title">"How much"</h2>
            {Field::number("front", "max_headers", "Header fields of a request at most, bytes", 256, 32_768)
                .value(front.header_limit.map(|bytes| bytes.to_string()).unwrap_or_default())
                .hint("All of them together; larger ones get 431. Empty: 32 KiB, which is as much as the server takes.")
                .state(form)
                .view()}
            {Field::text("front", "max_body", "Body of a request at most, bytes")
                .at_most(20)
                .value(front.body_limit.map(|bytes| bytes.to_string()).unwrap_or_default())
                .placeholder("10485760")
                .hint("Larger ones get 413, as soon as that is known. Empty: as the server is set.")
                .state(form)
                .view()}
            {Field::text("front", "rate_limits", "Requests in a time")
                .lines(3)
                .at_most(1_000)
                .value(lines(front.rate_limits.iter()))
                .placeholder("100/60 client\n1000/1 all burst 2000")
                .hint("Requests/seconds, one limit a line, at most 4: of each client, or of all; burst is how many may come at once. More get 429.")
                .state(form)
                .view()}
            {Field::text("front", "bandwidth", "Bytes a second")
                .lines(2)
                .at_most(1_000)
                .value(lines(front.bandwidth.iter()))
                .placeholder("1000000 down client\n10000000 down all")
                .hint("Bytes a second, up from clients or down to them, and whose, one limit a line, at most 4. Whoever is faster is slowed down.")
                .state(form)
                .view()}
            {Field::number("front", "most_at_once", "Requests at once", 1, 1_000_000)
                .value(front.max_in_flight.map(|most| most.to_string()).unwrap_or_default())
                .hint("More get 503.")
                .state(form)
                .view()}
        </section>
    }
    .into_any()
}

/// Who is let in with an account, as the form has it: the value, and in words.
const SIGN_IN: [(&str, &str); 3] = [
    ("", "nobody is asked for an account"),
    ("anybody", "anybody who has an account here"),
    ("listed", "only the accounts below, besides you and administrators"),
];

fn sign_in(front: &Front, form: &FormState) -> AnyView {
    let (chosen, accounts) = match &front.sign_in {
        None => ("", String::new()),
        Some(sign_in) => {
            let chosen = if sign_in.who == LetIn::Anybody { "anybody" } else { "listed" };
            (chosen, lines(sign_in.accounts.iter()))
        }
    };
    view! {
        <section class="card" aria-labelledby="sign-in-title">
            <h2 id="sign-in-title">"Sign-in"</h2>
            <p class="field-hint">
                "Visitors sign in to this dashboard first, and come back. What is behind is told who they are in X-Switchboard-User."
            </p>
            {select(("front", form), "sign_in", "Who is let in", &SIGN_IN, chosen)}
            {Field::text("front", "accounts", "Accounts that are let in")
                .lines(3)
                .at_most(30_000)
                .value(accounts)
                .placeholder("ada@example.com")
                .hint("E-mail addresses of accounts here, one a line, at most 100.")
                .state(form)
                .view()}
        </section>
    }
    .into_any()
}

fn passwords(front: &Front, form: &FormState) -> AnyView {
    let auth = front.basic_auth.clone().unwrap_or_default();
    view! {
        <section class="card" aria-labelledby="passwords-title">
            <h2 id="passwords-title">"Passwords"</h2>
            {Field::text("front", "basic_users", "Who is let in with a password")
                .lines(4)
                .at_most(4_000)
                .value(lines(auth.users.iter().map(|user| &user.name)))
                .placeholder("ada: correct horse battery")
                .hint("One a line, at most 20: a name, a colon and a password of at least 8 characters. A name alone keeps its password, which is shown to nobody. Empty: nobody is asked.")
                .state(form)
                .view()}
            {Field::text("front", "realm", "What browsers say it is for")
                .at_most(100)
                .value(auth.realm.map(String::from).unwrap_or_default())
                .placeholder("Restricted")
                .state(form)
                .view()}
        </section>
    }
    .into_any()
}

/// A link that was just made, once; at the top, where it is seen.
fn made(visit: &Visit, place: &Place) -> Option<AnyView> {
    let secret = visit.services.reveal_link(&visit.viewer, place.of)?;
    let query = format!("switchboard-share={}", secret.expose());
    let shown = match &place.url {
        Some(url) => copyable(format!("{url}?{query}"), "link"),
        None => copyable(query, "query"),
    };
    let view = view! {
        <section class="card card-accent" aria-labelledby="link-title">
            <h2 id="link-title">"Your link, shown this once"</h2>
            {shown}
            <p class="muted">"The same “?switchboard-share=…” can be added to any other address of it."</p>
        </section>
    };
    Some(view.into_any())
}

/// Links that let in without the password, each with a form of its own.
fn links(visit: &Visit, place: &Place, front: &Front) -> AnyView {
    let form = FormState::of(&visit.query, Some("link"));
    let rows = front.share_links.iter().map(|link| {
        let name = link.name.to_string();
        let ends = if link.expires_at <= ssr::now() {
            view! { <span class="badge badge-deleted">"Ended"</span> }.into_any()
        } else {
            view! { <TimeAgo at=link.expires_at /> }.into_any()
        };
        let fields = vec![("of", place.key()), ("link_name", name.clone())];
        view! {
            <tr>
                <td data-label="Link">
                    <strong>{name.clone()}</strong>
                </td>
                <td data-label="Ends">{ends}</td>
                <td class="actions">{act("end_link", fields, "End", &name)}</td>
            </tr>
        }
    });
    let list = (!front.share_links.is_empty()).then(|| {
        view! {
            <table class="table">
                <caption class="visually-hidden">"The links"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Link"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Actions"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        }
    });
    let lives = LINK_LIVES.map(|(seconds, words)| view! { <option value=seconds.to_string()>{words}</option> });
    view! {
        <section class="card form-wide" aria-labelledby="links-title">
            <h2 id="links-title">"Share links"</h2>
            <p class="field-hint">
                "Whoever has one comes in without signing in and without the password, until it ends. All else that stands in front holds for them, too."
            </p>
            {list}
            <form method="post" action="/web/action/make_link" class="form">
                {form.summary(&["link_name"])}
                <input type="hidden" name="of" value=place.key() />
                {Field::text("link", "link_name", "For whom, or what for")
                    .required()
                    .at_most(64)
                    .placeholder("the client's review")
                    .state(&form)
                    .view()}
                <div class="field">
                    <label for="link-life">"Good for"</label>
                    <select id="link-life" name="expires_in">
                        {lives.into_iter().collect_view()}
                    </select>
                </div>
                <button class="button">"Make a link"</button>
            </form>
        </section>
    }
    .into_any()
}

/// For what there is always a field.
const USUAL_PAGES: [PageFor; 3] = [PageFor::Status(503), PageFor::Class(4), PageFor::Class(5)];

/// What an error page is for, in words.
fn errors(of: PageFor) -> String {
    match of {
        PageFor::Status(503) => "503: under maintenance, offline, or too much under way".to_owned(),
        PageFor::Status(status) => status.to_string(),
        PageFor::Class(hundreds) => format!("All others from {hundreds}00 to {hundreds}99"),
    }
}

/// A field for each page that there is, or that was entered into a form that comes back.
fn pages(front: &Front, form: &FormState) -> AnyView {
    let entered = form.names().filter(|_| form.is_refused()).filter_map(page_of_field);
    let shown: BTreeSet<_> = USUAL_PAGES.into_iter().chain(front.error_pages.keys().copied()).chain(entered).collect();
    let fields = shown.into_iter().map(|of| {
        Field::text("front", page_field(of), errors(of))
            .lines(4)
            .at_most(16_384)
            .value(front.error_pages.get(&of).cloned().unwrap_or_default())
            .state(form)
            .view()
    });
    view! {
        <details class="card disclosure" open=!front.error_pages.is_empty() || form.is_refused()>
            <summary>
                <h2>"Error pages"</h2>
            </summary>
            <p class="field-hint">
                "HTML of up to 16 KiB each, at most 8, shown to browsers in place of this server's own pages; answers of your backends stay as they are. {status}, {code}, {message} and {request_id} stand for what happened. An emptied field takes its page away."
            </p>
            <div class="fields">
                {fields.collect_view()}
                {Field::text("front", "page_new_for", "One more page, for")
                    .at_most(3)
                    .placeholder("404")
                    .hint("A status from 400 to 599 that has no field above.")
                    .state(form)
                    .view()}
                {Field::text("front", "page_new", "What it shows").lines(4).at_most(16_384).state(form).view()}
            </div>
        </details>
    }
    .into_any()
}
