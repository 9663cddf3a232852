//! The list of domains.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        choice::tick_box,
        confirm::undo,
        field::Field,
        form::FormState,
        layout::{Section, layout},
        pager::{Asked, filter, more},
        proof,
        target::{self, Offers},
        way, words,
    },
    islands::CopyButton,
};
use domain::{Domain, DomainId, HeaderRules};
use leptos::prelude::*;
use server_core::{CoreError, DomainQuery, Page};

/// What the list can be narrowed to: the name in the address, and that on the page.
const STATES: [(&str, &str); 4] =
    [("", "All"), ("verified", "Verified"), ("waiting", "Waiting for DNS"), ("deleted", "Deleted")];

/// The viewer's domains: where they lead, and whether they are verified.
#[component]
pub fn Domains() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let asked = Asked::of(&visit.query, &STATES);
    let query = DomainQuery {
        search: asked.search(),
        verified: match asked.state {
            "verified" => Some(true),
            "waiting" => Some(false),
            _ => None,
        },
        deleted: asked.state == "deleted",
        service: None,
    };
    let page = Page { cursor: visit.query.get("cursor"), ..Page::default() };
    let is_first = page.cursor.is_none();
    let domains = visit.services.hosts().list(&visit.viewer, query, page).await?;
    let offers = Offers::of(&visit.services, &visit.viewer).await?;
    let form = FormState::of(&visit.query, Some("create"));
    let is_none = domains.items.is_empty() && is_first && !asked.is_narrowed();
    let list = match (domains.items.is_empty(), is_none) {
        (false, _) => table(&domains.items),
        (true, false) => nothing_found(),
        (true, true) => nothing_yet(),
    };
    let placeholder = "part of a host name";
    let filter = (!is_none).then(|| filter("/web/domains", &asked.search, placeholder, &STATES, asked.state));
    let undo =
        visit.query.get_str("undo").and_then(|id| id.parse::<DomainId>().ok()).map(|id| {
            undo("restore_domain", vec![("id", id.to_string())], "Restore the deleted domain with its routes")
        });
    let is_open = form.is_refused() || is_none;
    let content = view! {
        <h1>"Domains"</h1>
        <p class="lead">
            "Host names of yours, and what serves them where no " <a href="/web/routes">"route"</a> " does."
        </p>
        {undo}
        {create_form(&form, &offers, is_open)}
        {filter}
        {list}
        {more(&asked.address("/web/domains"), domains.next_cursor)}
    };
    Ok(layout(&visit, Section::Domains, "Domains", content))
}

fn create_form(form: &FormState, offers: &Offers, is_open: bool) -> AnyView {
    let fields: Vec<_> = ["domain"].into_iter().chain(target::FIELDS).chain(way::FIELDS).collect();
    view! {
        <details class="card disclosure" open=is_open>
            <summary>
                <h2>"Add a domain"</h2>
            </summary>
            <form method="post" action="/web/action/create_domain" class="form">
                {form.summary(&fields)}
                {Field::text("create", "domain", "Host name")
                    .required()
                    .at_most(255)
                    .placeholder("app.example.com")
                    .hint("One host, or *.example.com for all that end like that. Point it at this server in DNS.")
                    .state(form)
                    .view()}
                {target::fields("create", form, None, Some("Nothing yet: only its routes serve"))}
                {tick_box(
                    ("create", form),
                    "http_to_https",
                    "Send http to https",
                    Some("Clients that come by http are sent to the same address with https."),
                    false,
                )}
                {way::fields("create", form, &HeaderRules::default(), None)}
                <button class="button button-primary">"Add the domain"</button>
                {offers.view()}
            </form>
        </details>
    }
    .into_any()
}

fn table(domains: &[Domain]) -> AnyView {
    let rows = domains.iter().map(row).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Domains, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Domain"</th>
                        <th scope="col">"Leads to"</th>
                        <th scope="col">"State"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(domain: &Domain) -> AnyView {
    let host = domain.domain.to_string();
    let https = domain.http_to_https.then(|| view! { <span class="muted">"http → https"</span> });
    let waits = !domain.verified && domain.deleted_at.is_none();
    let check = waits.then(|| {
        view! {
            <tr class="row-detail">
                <td colspan="3">
                    <details class="more">
                        <summary>"What to set for " {host.clone()}</summary>
                        {proof::last_check(&domain.verification)}
                        {proof::how(&domain.verification)}
                        {check_now(domain.id)}
                    </details>
                </td>
            </tr>
        }
    });
    view! {
        <tr>
            <td data-label="Domain" class="cell-title">
                <a class="strong mono" href=format!("/web/domains/{}", domain.id)>
                    {host.clone()}
                </a>
                <div class="url">
                    <CopyButton text=host.clone() what=host />
                    {https}
                </div>
            </td>
            <td data-label="Leads to">{words::target(&domain.target)}</td>
            <td data-label="State">{proof::badge(domain)}</td>
        </tr>
        {check}
    }
    .into_any()
}

/// Looks at once whether the domain is its owner's.
pub fn check_now(id: DomainId) -> AnyView {
    view! {
        <form method="post" action="/web/action/check_domain">
            <input type="hidden" name="id" value=id.to_string() />
            <button class="button button-small">"Check now"</button>
        </form>
    }
    .into_any()
}

fn nothing_found() -> AnyView {
    view! {
        <p class="empty">
            "No domain is like that. " <a href="/web/domains">"Show all domains"</a> "."
        </p>
    }
    .into_any()
}

fn nothing_yet() -> AnyView {
    view! {
        <p class="empty">
            "There are no domains yet. Add one above: it can lead to a " <a href="/web/services">"service"</a>
            ", a tunnel, a server by its address, or elsewhere. Tunnels have an address of their own without any."
        </p>
    }
    .into_any()
}
