//! The list of services.

use super::visit::{Visit, signed_in};
use crate::{
    components::{
        confirm::undo,
        field::Field,
        form::FormState,
        layout::{Section, layout},
        pager::{Asked, filter, more},
        words,
    },
    format,
    islands::worst,
    summary::Summary,
};
use domain::{Backend, BackendLive, BackendState, Range, Service, ServiceId};
use leptos::prelude::*;
use server_core::{BackendQuery, CoreError, DomainQuery, Page, RouteQuery, ServiceQuery, Subject};

/// What the list can be narrowed to: the name in the address, and that on the page.
const STATES: [(&str, &str); 2] = [("", "All"), ("deleted", "Deleted")];

/// Services on a page: each is looked at closely.
const SERVICES: u32 = 25;

/// Domains and routes that are named in a row.
const NAMED: u32 = 3;

/// The viewer's services: who is in the pool, how they are, who uses them.
#[component]
pub fn ServiceList() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let asked = Asked::of(&visit.query, &STATES);
    let query = ServiceQuery { search: asked.search(), deleted: asked.state == "deleted" };
    let page = Page { limit: SERVICES, cursor: visit.query.get("cursor") };
    let is_first = page.cursor.is_none();
    let services = visit.services.pools().services(&visit.viewer, query, page).await?;
    let mut rows = Vec::with_capacity(services.items.len());
    for service in &services.items {
        rows.push(row(&Seen::of(&visit, service).await?));
    }
    let form = FormState::of(&visit.query, Some("create"));
    let is_none = services.items.is_empty() && is_first && !asked.is_narrowed();
    let list = match (services.items.is_empty(), is_none) {
        (false, _) => table(rows),
        (true, false) => nothing_found(),
        (true, true) => nothing_yet(&visit.request.server_url),
    };
    let filter = (!is_none).then(|| filter("/web/services", &asked.search, "part of a name", &STATES, asked.state));
    let undo = visit.query.get_str("undo").and_then(|id| id.parse::<ServiceId>().ok()).map(|id| {
        undo("restore_service", vec![("id", id.to_string())], "Restore the deleted service with its backends")
    });
    let is_open = form.is_refused() || is_none;
    let content = view! {
        <h1>"Services"</h1>
        <p class="lead">"A service is a pool of backends. Domains and routes lead to it, and one tag of it serves at a time."</p>
        {undo}
        {create_form(&form, is_open)}
        {filter}
        {list}
        {more(&asked.address("/web/services"), services.next_cursor)}
    };
    Ok(layout(&visit, Section::Services, "Services", content))
}

/// A service with all that its row tells.
struct Seen {
    service: Service,
    running: usize,
    backends: usize,
    lives: Vec<BackendLive>,
    used_by: Vec<(String, String)>,
    more: bool,
    traffic: Summary,
}

impl Seen {
    async fn of(visit: &Visit, service: &Service) -> Result<Self, CoreError> {
        let all = BackendQuery { service: Some(service.id), ..BackendQuery::default() };
        let backends = Page { limit: 100, cursor: None };
        let backends = visit.services.pools().backends(&visit.viewer, all, backends).await?.items;
        let running = |backend: &&Backend| backend.state == BackendState::Running;
        let lives = backends.iter().filter(running).map(|backend| live(visit, backend)).collect();
        let page = || Page { limit: NAMED, cursor: None };
        let domains = DomainQuery { service: Some(service.id), ..DomainQuery::default() };
        let domains = visit.services.hosts().list(&visit.viewer, domains, page()).await?;
        let routes = RouteQuery { service: Some(service.id), ..RouteQuery::default() };
        let routes = visit.services.routes().list(&visit.viewer, routes, page()).await?;
        let domain = |domain: &domain::Domain| (domain.domain.to_string(), format!("/web/domains/{}", domain.id));
        let route = |route: &domain::Route| (super::route::name(route), format!("/web/routes/{}", route.id));
        let series = visit.services.traffic().history(&visit.viewer, Subject::Service(service.id), Range::Live).await?;
        Ok(Self {
            service: service.clone(),
            running: backends.iter().filter(running).count(),
            backends: backends.len(),
            lives,
            used_by: domains.items.iter().map(domain).chain(routes.items.iter().map(route)).collect(),
            more: domains.next_cursor.is_some() || routes.next_cursor.is_some(),
            traffic: Summary::of(&series.samples),
        })
    }
}

/// How a backend is doing, as far as this process carries requests.
pub fn live(visit: &Visit, backend: &Backend) -> BackendLive {
    visit.services.backend_live(backend)
}

fn create_form(form: &FormState, is_open: bool) -> AnyView {
    view! {
        <details class="card disclosure" open=is_open>
            <summary>
                <h2>"Create a service"</h2>
            </summary>
            <form method="post" action="/web/action/create_service" class="form">
                {form.summary(&["service_name"])}
                {Field::text("create", "service_name", "Name")
                    .required()
                    .at_most(63)
                    .placeholder("shop")
                    .hint("Letters, digits, dots, underscores and hyphens, at most 63. Backends are added on its page.")
                    .state(form)
                    .view()}
                <button class="button button-primary">"Create the service"</button>
            </form>
        </details>
    }
    .into_any()
}

fn table(rows: Vec<AnyView>) -> AnyView {
    view! {
        <div class="card card-flush">
            <table class="table">
                <caption class="visually-hidden">"Services, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Service"</th>
                        <th scope="col" class="number">"Running"</th>
                        <th scope="col">"Health"</th>
                        <th scope="col">"Tags"</th>
                        <th scope="col">"Used by"</th>
                        <th scope="col" class="number">"Requests/s"</th>
                        <th scope="col" class="number">"5xx, 5 min"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(seen: &Seen) -> AnyView {
    let Seen { service, running, backends, lives, used_by, more, traffic } = seen;
    let health = match worst(lives) {
        Some((status, ejected)) => words::health(status, ejected),
        None => view! { <span class="badge badge-offline">"Nobody serves"</span> }.into_any(),
    };
    let tags = service.tags.iter().map(|count| {
        view! {
            <span class="tag" title=format!("{} of {} running", count.running, count.backends)>
                {count.tag.to_string()}
                " × "
                {count.backends}
            </span>
        }
    });
    let used = used_by.iter().map(|(name, page)| view! { <li><a href=page.clone()>{name.clone()}</a></li> });
    let used = match (used_by.is_empty(), more) {
        (true, _) => view! { <span class="muted">"nothing"</span> }.into_any(),
        (false, more) => {
            let more = more.then(|| view! { <li class="muted">"and more"</li> });
            view! { <ul class="plain">{used.collect_view()} {more}</ul> }.into_any()
        }
    };
    let share = format::percent(traffic.by_status.server_error, traffic.by_status.total());
    view! {
        <tr>
            <td data-label="Service" class="cell-title">
                <a class="strong" href=format!("/web/services/{}", service.id)>
                    {service.name.to_string()}
                </a>
            </td>
            <td data-label="Running" class="number">
                {*running} " of " {*backends}
            </td>
            <td data-label="Health">{health}</td>
            <td data-label="Tags">
                <span class="tags">{tags.collect_view()}</span>
            </td>
            <td data-label="Used by">{used}</td>
            <td data-label="Requests/s" class="number">
                {format::count(traffic.last_step)}
            </td>
            <td data-label="5xx, 5 min" class="number">
                {share}
            </td>
        </tr>
    }
    .into_any()
}

fn nothing_found() -> AnyView {
    view! {
        <p class="empty">
            "No service is like that. " <a href="/web/services">"Show all services"</a> "."
        </p>
    }
    .into_any()
}

fn nothing_yet(server_url: &str) -> AnyView {
    let line = format!(
        "curl {server_url}/api/v1/backends -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{\"address\":\"10.0.0.5:3000\",\"tags\":[\"v1\"]}}'"
    );
    view! {
        <section class="empty">
            <h2>"No services yet"</h2>
            <p>
                "Create one above. Or add a backend by the API: it makes the service "
                <code>"default"</code>
                " by itself."
            </p>
            {crate::components::command::command(line)}
        </section>
    }
    .into_any()
}
