//! The pool of a service: its backends as they are now, and how their health went.

use super::{backend::form as backend_form, visit::Visit};
use crate::{
    components::{choice::offers, confirm::act, form::FormState, health::bars, pager::more, words},
    destination::Destination,
    islands::{BackendCount, BackendFigure, BackendHealth, TimeAgo},
};
use domain::{Backend, BackendLive, BackendName, BackendState, HealthChange, Service};
use leptos::prelude::*;
use server_core::{CoreError, Page, TunnelQuery};

/// Changes of health that are shown.
const CHANGES: usize = 20;

/// The table and the form that adds to it.
///
/// # Errors
/// When the database is away.
pub async fn section(
    visit: &Visit,
    service: &Service,
    backends: &[Backend],
    lives: &[BackendLive],
    form: &FormState,
    next: Option<String>,
) -> Result<AnyView, CoreError> {
    let regions = visit.services.regions().list(&visit.viewer, Page { limit: 100, cursor: None }).await?.items;
    let tunnels = Page { limit: 100, cursor: None };
    let tunnels = visit.services.tunnels().list(&visit.viewer, TunnelQuery::default(), tunnels).await?.items;
    let rows = backends.iter().zip(lives).map(|(backend, live)| row(visit, service, backend, live)).collect_view();
    let is_none = backends.is_empty();
    let content = if is_none { nothing_yet(visit, service) } else { table(rows.into_any()) };
    let is_open = form.is_refused() || is_none;
    let list = Destination::page(format!("/web/services/{}", service.id));
    Ok(view! {
        <section aria-labelledby="pool-title">
            <h2 id="pool-title">"Pool"</h2>
            {content}
            {more(&list, next)}
            <details class="card disclosure" open=is_open>
                <summary>
                    <h3>"Add a backend"</h3>
                </summary>
                {backend_form("backend", "create_backend", form, service.id, None)}
            </details>
            {offers("offer-regions", regions.iter().map(|region| region.name.to_string()))}
            {offers("offer-tunnels", tunnels.iter().map(|tunnel| tunnel.subdomain.to_string()))}
        </section>
    }
    .into_any())
}

fn table(rows: AnyView) -> AnyView {
    view! {
        <div class="card card-flush">
            <table class="table table-pool">
                <caption class="visually-hidden">"Backends, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Backend"</th>
                        <th scope="col">"Tags"</th>
                        <th scope="col" class="number">"Weight"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Health"</th>
                        <th scope="col" class="number">"In flight"</th>
                        <th scope="col" class="number">"Answered"</th>
                        <th scope="col" class="number">"Failed"</th>
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

fn row(visit: &Visit, service: &Service, backend: &Backend, live: &BackendLive) -> AnyView {
    let (id, name) = (backend.key, backend.id.to_string());
    let page = format!("/web/services/{}/backends/{}", service.id, backend.key);
    let region = backend.region.as_ref().map(|region| format!(" in {region}"));
    let report = visit.services.engine().and_then(|engine| engine.health(backend.key));
    let bars = report.map(|report| bars(&report.checks));
    let health = view! { <BackendHealth id initial=live.clone() /> }.into_any();
    let count = |label: &'static str, figure: BackendFigure, initial: u64| {
        view! {
            <td data-label=label class="number">
                <BackendCount id figure initial />
            </td>
        }
        .into_any()
    };
    view! {
        <tr>
            <td data-label="Backend" class="cell-title">
                <a class="strong" href=page>
                    {name.clone()}
                </a>
                <div class="field-hint">{words::origin_beside_name(backend)} {region}</div>
            </td>
            <td data-label="Tags">{words::tags(&backend.tags)}</td>
            <td data-label="Weight" class="number">
                {backend.weight.get()}
            </td>
            <td data-label="State">{words::state(backend.state)}</td>
            <td data-label="Health">
                <div>{health} {bars}</div>
            </td>
            {count("In flight", BackendFigure::InFlight, live.in_flight.into())}
            {count("Answered", BackendFigure::Answered, live.answered)}
            {count("Failed", BackendFigure::Failed, live.failed)}
            <td class="actions">{states(backend, service)}</td>
        </tr>
    }
    .into_any()
}

/// Buttons for the states that come next.
pub fn states(backend: &Backend, service: &Service) -> AnyView {
    let to = |state: BackendState, verb: &'static str| {
        let fields = vec![
            ("id", backend.key.to_string()),
            ("service_id", service.id.to_string()),
            ("state", state.as_str().to_owned()),
        ];
        act("set_backend_state", fields, verb, backend.id.as_str())
    };
    match backend.state {
        BackendState::Running => to(BackendState::Draining, "Drain"),
        BackendState::Draining => {
            view! { {to(BackendState::Running, "Run")} {to(BackendState::Stopped, "Stop")} }.into_any()
        }
        BackendState::Stopped => to(BackendState::Running, "Run"),
    }
}

/// How the health of all of them went, the latest change first.
pub fn history(visit: &Visit, backends: &[Backend]) -> Option<AnyView> {
    let engine = visit.services.engine()?;
    let reports = backends.iter().filter_map(|backend| Some((&backend.id, engine.health(backend.key)?)));
    let mut changes: Vec<(BackendName, HealthChange)> =
        reports.flat_map(|(name, report)| report.changes.into_iter().map(|change| (name.clone(), change))).collect();
    if changes.is_empty() {
        return None;
    }
    changes.sort_by_key(|(_, change)| std::cmp::Reverse(change.at));
    changes.truncate(CHANGES);
    let entries = changes.into_iter().map(|(name, change)| {
        view! {
            <li>
                <TimeAgo at=change.at />
                <span class="strong">{name.to_string()}</span>
                {words::health(change.to, false)}
                <span class="muted">{change.reason}</span>
            </li>
        }
    });
    Some(
        view! {
            <section class="card" aria-labelledby="health-title">
                <h2 id="health-title">"Health so far"</h2>
                <ul class="log">{entries.collect_view()}</ul>
            </section>
        }
        .into_any(),
    )
}

fn nothing_yet(visit: &Visit, service: &Service) -> AnyView {
    let line = format!(
        "curl {}/api/v1/backends -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{\"service\":\"{}\",\"address\":\"10.0.0.5:3000\",\"tags\":[\"v1\"]}}'",
        visit.request.server_url, service.name
    );
    view! {
        <section class="empty">
            <h3>"Nobody serves yet"</h3>
            <p>"Requests are answered with 503 until a backend is in the pool. Add one below, or by the API:"</p>
            {crate::components::command::command(line)}
        </section>
    }
    .into_any()
}
