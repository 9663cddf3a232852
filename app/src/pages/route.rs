//! One route.

use super::{
    routes::{explained, mount, state, strip},
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        confirm::{act, confirm, undo},
        form::{FormState, version},
        layout::{Section, layout},
        switching,
        target::{self, Offers},
        way, words,
    },
    islands::TimeAgo,
};
use domain::{Route, RouteId, RuleId};
use leptos::prelude::*;
use server_core::{CoreError, Page};

/// Where it leads and its settings.
#[component]
pub fn RouteDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let id = visit.params.get_str("id").and_then(|id| id.parse::<RouteId>().ok());
    let route = visit.services.routes().get(&visit.viewer, id.ok_or(CoreError::NotFound("route"))?).await?;
    let title = name(&route);
    let content = if route.deleted_at.is_some() { deleted(&route) } else { present(&visit, &route).await? };
    Ok(layout(&visit, Section::Routes, &title, content))
}

/// Host and mount.
pub fn name(route: &Route) -> String {
    let host = route.domain.as_ref().map_or_else(|| "any host, ".to_owned(), ToString::to_string);
    format!("{host}{}", route.mount)
}

async fn present(visit: &Visit, route: &Route) -> Result<AnyView, CoreError> {
    let switches = Page { limit: 10, cursor: None };
    let switches = visit.services.routes().switches(&visit.viewer, route.id, switches).await?.items;
    let offers = Offers::of(&visit.services, &visit.viewer).await?;
    let form = explained(visit, FormState::of(&visit.query, Some("settings")), Some(route)).await?;
    let rule = switching::Rule::of(RuleId::Route(route.id), name(route), &route.target);
    Ok(view! {
        {head(route)}
        {rule.map(|rule| switching::card(&rule, &switches))}
        {settings(route, &form, &offers)}
        {acts(route)}
    }
    .into_any())
}

fn head(route: &Route) -> AnyView {
    let host = match (&route.domain, route.domain_id) {
        (Some(host), Some(id)) => {
            view! { <a class="mono" href=format!("/web/domains/{id}")>{host.to_string()}</a> }.into_any()
        }
        _ => view! { "any host" }.into_any(),
    };
    view! {
        <p class="crumbs">
            <a href="/web/routes">"Routes"</a>
        </p>
        <header class="page-head">
            <h1 class="mono">{name(route)}</h1>
            {state(route)}
        </header>
        <dl class="facts">
            <dt>"Domain"</dt>
            <dd>{host}</dd>
            <dt>"Leads to"</dt>
            <dd>{words::target(&route.target)}</dd>
            <dt>"Last changed"</dt>
            <dd>
                <TimeAgo at=route.updated_at /> ", "
                <a href=format!("/web/revisions?object={}", route.id)>"history"</a>
            </dd>
        </dl>
        <p>
            <a class="button button-small" href=format!("/web/routes/{}/inspector", route.id)>
                "Inspect requests"
            </a>
            " "
            <a class="button button-small" href=format!("/web/routes/{}/front", route.id)>
                "In front"
            </a>
        </p>
    }
    .into_any()
}

fn settings(route: &Route, form: &FormState, offers: &Offers) -> AnyView {
    let fields: Vec<_> = ["mount"].into_iter().chain(target::FIELDS).chain(way::FIELDS).collect();
    view! {
        <section class="card" aria-labelledby="settings-title">
            <h2 id="settings-title">"Settings"</h2>
            <form method="post" action="/web/action/update_route" class="form">
                {form.summary(&fields)}
                <input type="hidden" name="id" value=route.id.to_string() />
                {version(route.updated_at)}
                {mount("settings", form, route.mount.as_str())}
                {target::fields("settings", form, Some(&route.target), None)}
                {strip("settings", form, route.strip_prefix)}
                {way::fields("settings", form, &route.headers, route.host_rewrite.as_ref())}
                <button class="button button-primary">"Save"</button>
                {offers.view()}
            </form>
        </section>
    }
    .into_any()
}

fn acts(route: &Route) -> AnyView {
    let fields = vec![("id", route.id.to_string())];
    let (title, enable) = if route.enabled {
        ("Disable or delete", act("disable_route", fields, "Disable", &name(route)))
    } else {
        ("Enable or delete", act("enable_route", fields, "Enable", &name(route)))
    };
    view! {
        <section class="card" aria-labelledby="acts-title">
            <h2 id="acts-title">{title}</h2>
            <div class="actions">
                {enable}
                {confirm(
                    "delete_route",
                    route.id.to_string(),
                    "Delete",
                    name(route),
                    "Its path is served by what its domain leads to, at once. You can restore it as long as no other route is in the way.",
                )}
            </div>
        </section>
    }
    .into_any()
}

fn deleted(route: &Route) -> AnyView {
    view! {
        <h1 class="mono">{name(route)}</h1>
        <section class="empty">
            <h2>"This route was deleted"</h2>
            <p>"It can be restored as long as no other route is in the way."</p>
            {undo("restore_route", vec![("id", route.id.to_string())], "Restore")}
        </section>
    }
    .into_any()
}
