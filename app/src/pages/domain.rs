//! One domain.

use super::{
    domains::check_now,
    routes,
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        choice::tick_box,
        confirm::{act, confirm, undo},
        form::{FormState, version},
        layout::{Section, layout},
        proof, switching,
        target::{self, Offers},
        way, words,
    },
    islands::{CopyButton, TimeAgo},
};
use domain::{Domain, DomainId, Route, RuleId, Switch};
use leptos::prelude::*;
use server_core::{CoreError, DomainRef, Page, RouteQuery};

/// Routes that are shown here; all of them are on the page of routes.
const ROUTES: u32 = 50;

/// Where it leads, whether it is verified, its routes, its settings.
#[component]
pub fn DomainDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let id = visit.params.get_str("id").and_then(|id| id.parse::<DomainId>().ok());
    let which = DomainRef::Id(id.ok_or(CoreError::NotFound("domain"))?);
    let domain = visit.services.hosts().get(&visit.viewer, &which).await?;
    let title = domain.domain.to_string();
    let content = if domain.deleted_at.is_some() { deleted(&domain) } else { present(&visit, &which, &domain).await? };
    Ok(layout(&visit, Section::Domains, &title, content))
}

async fn present(visit: &Visit, which: &DomainRef, domain: &Domain) -> Result<AnyView, CoreError> {
    let query = RouteQuery { domain: Some(domain.domain.clone()), ..RouteQuery::default() };
    let page = Page { limit: ROUTES, cursor: None };
    let routes = visit.services.routes().list(&visit.viewer, query, page).await?;
    let switches = Page { limit: 10, cursor: None };
    let switches = visit.services.hosts().switches(&visit.viewer, which, switches).await?.items;
    let offers = Offers::of(&visit.services, &visit.viewer).await?;
    let form = FormState::of(&visit.query, Some("settings"));
    let waiting = (!domain.verified).then(|| waiting(domain, visit.viewer.is_admin()));
    let routes_more = routes.next_cursor.is_some();
    Ok(view! {
        {head(domain)}
        {waiting}
        {routes_of(domain, &routes.items, routes_more)}
        {switches_of(domain, &switches)}
        {settings(domain, &form, &offers)}
        {acts(domain, &routes.items, routes_more)}
    }
    .into_any())
}

fn head(domain: &Domain) -> AnyView {
    let (host, id) = (domain.domain.to_string(), domain.id);
    view! {
        <p class="crumbs">
            <a href="/web/domains">"Domains"</a>
        </p>
        <header class="page-head">
            <h1 class="mono">{host.clone()}</h1>
            <CopyButton text=host what="host name".to_owned() />
            {proof::badge(domain)}
        </header>
        <dl class="facts">
            <dt>"Leads to"</dt>
            <dd>{words::target(&domain.target)}</dd>
            <dt>"http"</dt>
            <dd>{if domain.http_to_https { "sent to https" } else { "served as it is" }}</dd>
            <dt>"Last changed"</dt>
            <dd>
                <TimeAgo at=domain.updated_at /> ", "
                <a href=format!("/web/revisions?object={id}")>"history"</a>
            </dd>
        </dl>
        <p>
            <a class="button button-small" href=format!("/web/domains/{id}/inspector")>
                "Inspect requests"
            </a>
            " "
            <a class="button button-small" href=format!("/web/domains/{id}/front")>
                "In front"
            </a>
        </p>
    }
    .into_any()
}

/// For a domain that is not verified: how to.
fn waiting(domain: &Domain, may_trust: bool) -> AnyView {
    let trust = may_trust
        .then(|| act("trust_domain", vec![("id", domain.id.to_string())], "Count as verified", "without a check"));
    view! {
        <section class="notice notice-warning" aria-label="Not verified">
            <p>
                <strong>"Nothing is served for it yet."</strong>
                " Show that it is yours; it is looked at again by itself, less and less often for a week."
            </p>
            {proof::how(&domain.verification)}
            {proof::last_check(&domain.verification)}
            <div class="actions">{check_now(domain.id)} {trust}</div>
        </section>
    }
    .into_any()
}

fn routes_of(domain: &Domain, list: &[Route], more: bool) -> AnyView {
    let add = format!("/web/routes?domain={}#create", domain.domain);
    let content = if list.is_empty() {
        view! { <p class="empty">"No part of it leads elsewhere: all paths are served by what it leads to itself."</p> }
            .into_any()
    } else {
        routes::table(list, "Routes of this domain")
    };
    let more = more.then(|| {
        let href = format!("/web/routes?q={}", domain.domain);
        view! { <p><a class="button" href=href>"Show all routes"</a></p> }
    });
    view! {
        <section aria-labelledby="routes-title">
            <header class="section-head">
                <h2 id="routes-title">"Routes"</h2>
                <a class="button button-small" href=add>
                    "Add a route"
                </a>
            </header>
            {content}
            {more}
        </section>
    }
    .into_any()
}

fn switches_of(domain: &Domain, switches: &[Switch]) -> Option<AnyView> {
    let rule = switching::Rule::of(RuleId::Domain(domain.id), domain.domain.to_string(), &domain.target)?;
    Some(switching::card(&rule, switches))
}

fn settings(domain: &Domain, form: &FormState, offers: &Offers) -> AnyView {
    let fields: Vec<_> = target::FIELDS.into_iter().chain(way::FIELDS).collect();
    view! {
        <section class="card" aria-labelledby="settings-title">
            <h2 id="settings-title">"Settings"</h2>
            <form method="post" action="/web/action/update_domain" class="form">
                {form.summary(&fields)}
                <input type="hidden" name="id" value=domain.id.to_string() />
                {version(domain.updated_at)}
                {target::fields("settings", form, Some(&domain.target), Some("Nothing: only its routes serve"))}
                {tick_box(
                    ("settings", form),
                    "http_to_https",
                    "Send http to https",
                    Some("Clients that come by http are sent to the same address with https."),
                    domain.http_to_https,
                )}
                {way::fields("settings", form, &domain.headers, domain.host_rewrite.as_ref())}
                <button class="button button-primary">"Save"</button>
                {offers.view()}
            </form>
        </section>
    }
    .into_any()
}

fn acts(domain: &Domain, routes: &[Route], more: bool) -> AnyView {
    let with = match (routes.len(), more) {
        (0, _) => String::new(),
        (1, _) => " Its route is deleted with it.".into(),
        (count, false) => format!(" Its {count} routes are deleted with it."),
        (count, true) => format!(" Its routes, more than {count}, are deleted with it."),
    };
    let consequence = format!(
        "It is answered with 404 at once.{with} You can restore it with its routes as long as nobody else has taken the name."
    );
    view! {
        <section class="card" aria-labelledby="acts-title">
            <h2 id="acts-title">"Delete"</h2>
            <div class="actions">
                {confirm("delete_domain", domain.id.to_string(), "Delete", domain.domain.to_string(), consequence)}
            </div>
        </section>
    }
    .into_any()
}

fn deleted(domain: &Domain) -> AnyView {
    view! {
        <h1 class="mono">{domain.domain.to_string()}</h1>
        <section class="empty">
            <h2>"This domain was deleted"</h2>
            <p>"It can be restored with its routes as long as nobody else has taken the name."</p>
            {undo("restore_domain", vec![("id", domain.id.to_string())], "Restore")}
        </section>
    }
    .into_any()
}
