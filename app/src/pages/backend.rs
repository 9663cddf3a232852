//! One backend: how its checks went, and its settings.

use super::{
    pool::states,
    service,
    services::live,
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        choice::{offers, select, tick_box},
        confirm::{confirm_with, undo},
        field::Field,
        form::{FormState, version},
        health::bars,
        layout::{Section, layout},
        words,
    },
    format,
    islands::TimeAgo,
};
use domain::{Backend, BackendId, BackendName, HealthReport, Service, ServiceId};
use leptos::prelude::*;
use server_core::{CoreError, Page, TunnelQuery};

/// Checks and changes that are shown as text.
const ENTRIES: usize = 20;

/// The backend with everything about it.
#[component]
pub fn BackendDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let service = service::of(&visit).await?;
    let id = visit.params.get_str("backend").and_then(|id| id.parse::<BackendId>().ok());
    let name = BackendName::from(id.ok_or(CoreError::NotFound("backend"))?);
    let backend = visit.services.pools().backend(&visit.viewer, &name).await?;
    if backend.service_id != service.id {
        return Err(CoreError::NotFound("backend"));
    }
    let title = backend.id.to_string();
    let content = if backend.deleted_at.is_some() {
        deleted(&service, &backend)
    } else {
        present(&visit, &service, &backend).await?
    };
    Ok(layout(&visit, Section::Services, &title, content))
}

async fn present(visit: &Visit, service: &Service, backend: &Backend) -> Result<AnyView, CoreError> {
    let regions = visit.services.regions().list(&visit.viewer, Page { limit: 100, cursor: None }).await?.items;
    let tunnels = Page { limit: 100, cursor: None };
    let tunnels = visit.services.tunnels().list(&visit.viewer, TunnelQuery::default(), tunnels).await?.items;
    let state = FormState::of(&visit.query, Some("settings"));
    let report = visit.services.engine().and_then(|engine| engine.health(backend.key));
    let tags = service.tags.iter().map(|count| count.tag.to_string());
    Ok(view! {
        {head(visit, service, backend)}
        {checks(report.as_ref())}
        <section class="card" aria-labelledby="settings-title">
            <h2 id="settings-title">"Settings"</h2>
            {form("settings", "update_backend", &state, service.id, Some(backend))}
            {offers("offer-tags", tags)}
            {offers("offer-regions", regions.iter().map(|region| region.name.to_string()))}
            {offers("offer-tunnels", tunnels.iter().map(|tunnel| tunnel.subdomain.to_string()))}
        </section>
        {acts(service, backend)}
    }
    .into_any())
}

fn head(visit: &Visit, service: &Service, backend: &Backend) -> AnyView {
    let live = live(visit, backend);
    view! {
        <p class="crumbs">
            <a href="/web/services">"Services"</a> " › "
            <a href=format!("/web/services/{}", service.id)>{service.name.to_string()}</a>
        </p>
        <header class="page-head">
            <h1>{backend.id.to_string()}</h1>
            {words::state(backend.state)}
            {words::health(live.health, live.ejected)}
        </header>
        <dl class="facts">
            <dt>"Origin"</dt>
            <dd>{words::origin(backend)}</dd>
            <dt>"In flight"</dt>
            <dd>{format::count(u64::from(live.in_flight))}</dd>
            <dt>"Answered"</dt>
            <dd>{format::count(live.answered)} ", failed in " {format::count(live.failed)}</dd>
            <dt>"Last changed"</dt>
            <dd>
                <TimeAgo at=backend.updated_at /> ", "
                <a href=format!("/web/revisions?object={}", backend.key)>"history"</a>
            </dd>
        </dl>
    }
    .into_any()
}

fn checks(report: Option<&HealthReport>) -> AnyView {
    let Some(report) = report else {
        return view! { <p class="empty">"Its health has not been checked yet."</p> }.into_any();
    };
    let changes = report.changes.iter().rev().take(ENTRIES).map(|change| {
        view! {
            <li>
                <TimeAgo at=change.at />
                {words::health(change.to, false)}
                <span class="muted">{change.reason.clone()}</span>
            </li>
        }
    });
    let checks = report.checks.iter().rev().take(ENTRIES).map(|check| {
        let (class, word) = if check.good { ("badge badge-online", "Good") } else { ("badge badge-deleted", "Bad") };
        view! {
            <li>
                <TimeAgo at=check.at />
                <span class=class>{word}</span>
                <span>{check.outcome.clone()}</span>
                <span class="muted">{format::milliseconds(f64::from(check.duration_ms))}</span>
            </li>
        }
    });
    view! {
        <section class="card" aria-labelledby="checks-title">
            <h2 id="checks-title">"Health checks"</h2>
            {bars(&report.checks)}
            <h3>"Changes"</h3>
            <ul class="log">{changes.collect_view()}</ul>
            <details>
                <summary>"The latest checks"</summary>
                <ul class="log">{checks.collect_view()}</ul>
            </details>
        </section>
    }
    .into_any()
}

/// The fields of a backend; those of a new one where there is none.
pub fn form(
    name: &'static str,
    action: &'static str,
    state: &FormState,
    service: ServiceId,
    backend: Option<&Backend>,
) -> AnyView {
    const FIELDS: [&str; 7] = ["backend_id", "origin", "address", "tunnel", "tags", "weight", "region"];
    let id = backend.map(|backend| {
        view! {
            <input type="hidden" name="id" value=backend.key.to_string() />
            {version(backend.updated_at)}
        }
    });
    let address = backend.and_then(|backend| backend.address.as_ref()).map(ToString::to_string).unwrap_or_default();
    let tunnel = backend.and_then(|backend| backend.tunnel.as_ref()).map(ToString::to_string).unwrap_or_default();
    let is_tunnel = backend.is_some_and(|backend| backend.tunnel_id.is_some());
    let tags = backend.map(|backend| backend.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let weight = backend.map_or(1, |backend| backend.weight.get());
    let region = backend.and_then(|backend| backend.region.as_ref()).map(ToString::to_string).unwrap_or_default();
    let verb = if backend.is_some() { "Save" } else { "Add the backend" };
    let origins = [("address", "An address"), ("tunnel", "A tunnel")];
    let unverified = backend.is_some_and(|backend| !backend.tls_verify);
    let called = backend.map(|backend| backend.id.to_string()).unwrap_or_default();
    view! {
        <form method="post" action=format!("/web/action/{action}") class="form origin">
            {state.summary(&FIELDS)}
            {id}
            <input type="hidden" name="service_id" value=service.to_string() />
            {select((name, state), "origin", "It is", &origins, if is_tunnel { "tunnel" } else { "address" })}
            <div class="origin-address fields">
                {Field::text(name, "address", "Address")
                    .needed()
                    .at_most(300)
                    .placeholder("10.0.0.5:3000")
                    .value(address)
                    .hint("host:port, or with https://, h2c:// or unix: in front.")
                    .state(state)
                    .view()}
                {tick_box(
                    (name, state),
                    "tls_unverified",
                    "Do not check its certificate",
                    Some("For https with a certificate of its own. Anybody between here and there can then read along."),
                    unverified,
                )}
            </div>
            <div class="origin-tunnel fields">
                {Field::text(name, "tunnel", "Tunnel")
                    .needed()
                    .offering("offer-tunnels")
                    .at_most(63)
                    .placeholder("my-app")
                    .value(tunnel)
                    .hint("Its subdomain. The telephones that serve it then serve here, too.")
                    .state(state)
                    .view()}
            </div>
            {Field::text(name, "tags", "Tags")
                .offering("offer-tags")
                .at_most(1_100)
                .placeholder("v1 blue")
                .value(tags.unwrap_or_default())
                .hint("With spaces between them, at most 16.")
                .state(state)
                .view()}
            {Field::text(name, "backend_id", "Id")
                .at_most(100)
                .placeholder("shop-1")
                .value(called)
                .hint("What it is called, also by the API. Empty: as its address, where that is free.")
                .state(state)
                .view()}
            <div class="fields-row">
                {Field::number(name, "weight", "Weight", 0, 100)
.needed()
                    .value(weight.to_string())
                    .hint("Its share, 0 to 100.")
                    .state(state)
                    .view()}
                {Field::text(name, "region", "Region")
                    .offering("offer-regions")
                    .at_most(63)
                    .value(region)
                    .hint("Where it lives.")
                    .state(state)
                    .view()}
            </div>
            <button class="button button-primary">{verb}</button>
        </form>
    }
    .into_any()
}

fn acts(service: &Service, backend: &Backend) -> AnyView {
    let fields = vec![("id", backend.key.to_string()), ("service_id", service.id.to_string())];
    view! {
        <section class="card" aria-labelledby="acts-title">
            <h2 id="acts-title">"State"</h2>
            <p class="muted">
                "A draining backend finishes what it has and gets nothing new. A stopped one is not used at all."
            </p>
            <div class="actions">
                {states(backend, service)}
                {confirm_with(
                    "delete_backend",
                    fields,
                    "Delete",
                    backend.id.to_string(),
                    "It gets no more requests; those under way are finished. You can restore it as long as its id is free.",
                )}
            </div>
        </section>
    }
    .into_any()
}

fn deleted(service: &Service, backend: &Backend) -> AnyView {
    let fields = vec![("id", backend.key.to_string()), ("service_id", service.id.to_string())];
    view! {
        <p class="crumbs">
            <a href=format!("/web/services/{}", service.id)>{service.name.to_string()}</a>
        </p>
        <h1>{backend.id.to_string()}</h1>
        <section class="empty">
            <h2>"This backend was deleted"</h2>
            <p>"It can be restored as long as its id is free."</p>
            {undo("restore_backend", fields, "Restore")}
        </section>
    }
    .into_any()
}
