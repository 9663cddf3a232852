//! The list of routes, and why a request goes where it goes.

use super::{
    explain,
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        choice::{offers, tick_box},
        confirm::{act, undo},
        field::Field,
        form::FormState,
        layout::{Section, layout},
        pager::{Asked, filter, more},
        target::{self, Offers},
        way, words,
    },
    messages,
};
use domain::{HeaderRules, HostPattern, MountPath, Route, RouteId};
use leptos::prelude::*;
use server_core::{CoreError, DomainQuery, Page, RouteQuery};
use std::collections::BTreeMap;

/// What the list can be narrowed to: the name in the address, and that on the page.
const STATES: [(&str, &str); 3] = [("", "All"), ("any-host", "On any host"), ("deleted", "Deleted")];

/// The viewer's routes by host; "why did I get this?".
#[component]
pub fn RouteList() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let asked = Asked::of(&visit.query, &STATES);
    let query = RouteQuery {
        search: asked.search(),
        any_host: asked.state == "any-host",
        deleted: asked.state == "deleted",
        ..RouteQuery::default()
    };
    let page = Page { cursor: visit.query.get("cursor"), ..Page::default() };
    let is_first = page.cursor.is_none();
    let routes = visit.services.routes().list(&visit.viewer, query, page).await?;
    let form = FormState::of(&visit.query, Some("create"));
    let form = explained(&visit, form, None).await?;
    let is_none = routes.items.is_empty() && is_first && !asked.is_narrowed();
    let list = match (routes.items.is_empty(), is_none) {
        (false, _) => groups(&routes.items),
        (true, false) => nothing_found(),
        (true, true) => nothing_yet(),
    };
    let placeholder = "part of a host or mount";
    let filter = (!is_none).then(|| filter("/web/routes", &asked.search, placeholder, &STATES, asked.state));
    let undo = visit.query.get_str("undo").and_then(|id| id.parse::<RouteId>().ok());
    let undo = undo.map(undo_of);
    let explain = explain::section(&visit);
    let create = create_form(&visit, &form).await?;
    let content = view! {
        <h1>"Routes"</h1>
        <p class="lead">
            "A route gives one part of a " <a href="/web/domains">"domain"</a>
            ", everything under a path, a target of its own. Paths do not lie under each other, so their order does not matter."
        </p>
        {undo}
        {explain}
        {create}
        {filter}
        {list}
        {more(&asked.address("/web/routes"), routes.next_cursor)}
    };
    Ok(layout(&visit, Section::Routes, "Routes", content))
}

fn undo_of(id: RouteId) -> AnyView {
    undo("restore_route", vec![("id", id.to_string())], "Restore the deleted route")
}

/// Names the mount that was in the way, which the address does not say.
pub async fn explained(visit: &Visit, form: FormState, but: Option<&Route>) -> Result<FormState, CoreError> {
    if visit.query.get_str("error") != Some("mount_overlaps") || !form.is_refused() {
        return Ok(form);
    }
    let Some(mount) = form.value("mount").and_then(|mount| mount.parse::<MountPath>().ok()) else { return Ok(form) };
    let domain = match but {
        Some(route) => route.domain.clone(),
        None => form.value("domain").and_then(|domain| domain.parse::<HostPattern>().ok()),
    };
    let found = in_the_way(visit, domain, &mount, but.map(|route| route.id)).await?;
    Ok(match found {
        Some(other) => form.because(messages::in_the_way(&mount, &other)),
        None => form,
    })
}

async fn in_the_way(
    visit: &Visit,
    domain: Option<HostPattern>,
    mount: &MountPath,
    but: Option<RouteId>,
) -> Result<Option<Route>, CoreError> {
    let query =
        RouteQuery { any_host: domain.is_none(), domain, overlapping: Some(mount.clone()), ..RouteQuery::default() };
    // Of two one is another, and a route overlaps itself.
    let listed = visit.services.routes().list(&visit.viewer, query, Page { limit: 2, cursor: None }).await?;
    Ok(listed.items.into_iter().find(|route| Some(route.id) != but))
}

async fn create_form(visit: &Visit, form: &FormState) -> Result<AnyView, CoreError> {
    let domains = Page { limit: 100, cursor: None };
    let domains = visit.services.hosts().list(&visit.viewer, DomainQuery::default(), domains).await?.items;
    let choices = Offers::of(&visit.services, &visit.viewer).await?;
    let hint = if visit.viewer.is_admin() {
        "One of your domains. Empty: on any host, also on tunnels."
    } else {
        "One of your domains."
    };
    let wanted = visit.query.get("domain");
    let is_open = form.is_refused() || wanted.is_some();
    let domain = Field::text("create", "domain", "Domain")
        .offering("offer-domains")
        .at_most(255)
        .placeholder("app.example.com")
        .value(wanted.unwrap_or_default())
        .hint(hint);
    let domain = if visit.viewer.is_admin() { domain } else { domain.required() };
    let fields: Vec<_> = ["domain", "mount"].into_iter().chain(target::FIELDS).chain(way::FIELDS).collect();
    Ok(view! {
        <details class="card disclosure" id="create" open=is_open>
            <summary>
                <h2>"Add a route"</h2>
            </summary>
            <form method="post" action="/web/action/create_route" class="form">
                {form.summary(&fields)}
                {domain.state(form).view()}
                {mount("create", form, "")}
                {target::fields("create", form, None, None)}
                {strip("create", form, false)}
                {way::fields("create", form, &HeaderRules::default(), None)}
                <button class="button button-primary">"Add the route"</button>
                {choices.view()}
                {offers("offer-domains", domains.iter().map(|domain| domain.domain.to_string()))}
            </form>
        </details>
    }
    .into_any())
}

/// The field for the path.
pub fn mount(form: &'static str, state: &FormState, value: &str) -> AnyView {
    Field::text(form, "mount", "Mount")
        .required()
        .at_most(1_024)
        .placeholder("/api")
        .value(value)
        .hint("A path: /api stands for /api and all under it, not for /apix.")
        .state(state)
        .view()
}

/// Whether the target sees the mount.
pub fn strip(form: &'static str, state: &FormState, ticked: bool) -> AnyView {
    let hint = "A request for /api/users then reaches the target as /users.";
    tick_box((form, state), "strip_prefix", "Take the mount off the path", Some(hint), ticked)
}

/// Those of one host together, hosts by name, any host last.
fn groups(routes: &[Route]) -> AnyView {
    let mut groups: BTreeMap<(bool, String), Vec<Route>> = BTreeMap::new();
    for route in routes {
        let host = route.domain.as_ref().map_or_else(|| "Any host".to_owned(), ToString::to_string);
        groups.entry((route.domain.is_none(), host)).or_default().push(route.clone());
    }
    let sections = groups.into_iter().map(|((_, host), mut routes)| {
        routes.sort_by(|a, b| a.mount.cmp(&b.mount));
        let page = routes.first().and_then(|route| route.domain_id).map(|id| format!("/web/domains/{id}"));
        let title = match page {
            Some(page) => view! { <a class="mono" href=page>{host.clone()}</a> }.into_any(),
            None => view! { {host.clone()} }.into_any(),
        };
        view! {
            <section aria-label=format!("Routes on {host}")>
                <h2>{title}</h2>
                {table(&routes, "Routes by mount")}
            </section>
        }
    });
    sections.collect_view().into_any()
}

/// Routes of one host.
pub fn table(routes: &[Route], caption: &'static str) -> AnyView {
    let rows = routes.iter().map(row).collect_view();
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Mount"</th>
                        <th scope="col">"Leads to"</th>
                        <th scope="col">"State"</th>
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

fn row(route: &Route) -> AnyView {
    let (id, mount) = (route.id, route.mount.to_string());
    let stripped = route.strip_prefix.then(|| view! { <span class="muted">" is taken off"</span> });
    let fields = vec![("id", id.to_string())];
    let act = match (route.deleted_at.is_some(), route.enabled) {
        (true, _) => act("restore_route", fields, "Restore", &mount),
        (false, true) => act("disable_route", fields, "Disable", &mount),
        (false, false) => act("enable_route", fields, "Enable", &mount),
    };
    view! {
        <tr>
            <td data-label="Mount" class="cell-title">
                <a class="strong mono" href=format!("/web/routes/{id}")>
                    {mount}
                </a>
                {stripped}
            </td>
            <td data-label="Leads to">{words::target(&route.target)}</td>
            <td data-label="State">{state(route)}</td>
            <td class="actions">{act}</td>
        </tr>
    }
    .into_any()
}

/// Whether it serves.
pub fn state(route: &Route) -> AnyView {
    let (class, text) = match (route.deleted_at.is_some(), route.enabled) {
        (true, _) => ("badge badge-deleted", "Deleted"),
        (false, true) => ("badge badge-online", "Enabled"),
        (false, false) => ("badge badge-paused", "Disabled"),
    };
    view! { <span class=class>{text}</span> }.into_any()
}

fn nothing_found() -> AnyView {
    view! {
        <p class="empty">
            "No route is like that. " <a href="/web/routes">"Show all routes"</a> "."
        </p>
    }
    .into_any()
}

fn nothing_yet() -> AnyView {
    view! {
        <p class="empty">
            "There are no routes yet: each domain is served as a whole. Add a route above to give one path of a "
            <a href="/web/domains">"domain"</a> " to another service."
        </p>
    }
    .into_any()
}
