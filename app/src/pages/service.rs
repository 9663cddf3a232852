//! One service: its pool, its traffic, who leads to it, its settings.

use super::{
    pool,
    service_settings::settings,
    services::live,
    switch,
    visit::{Visit, signed_in},
};
use crate::{
    components::{
        breakdown::{Shown, backends as given_to, breakdown},
        charts::{Charts, charts},
        choice::offers,
        confirm::{confirm, undo},
        figure::figure,
        followed,
        form::FormState,
        layout::{Section, layout},
        switching::{self, Rule},
    },
    islands::{LiveFeed, PoolHealth, TimeAgo},
    live::LiveState,
    summary::Metric,
};
use domain::{
    Backend, BackendId, BackendLive, Domain, LiveSnapshot, LiveUpdate, Range, Route, RuleId, Service, ServiceId, Switch,
};
use leptos::prelude::*;
use server_core::{BackendQuery, CoreError, DomainQuery, DomainRef, Listing, Page, RouteQuery, ServiceRef, Subject};

/// The figures at the top, in this order.
const FIGURES: [Metric; 9] = [
    Metric::PerSecond,
    Metric::InFlight,
    Metric::Requests,
    Metric::P50,
    Metric::P95,
    Metric::P99,
    Metric::ErrorShare,
    Metric::BytesIn,
    Metric::BytesOut,
];

/// Domains and routes that are shown with their tag …
const RULES: u32 = 20;
/// … and how many of the switches of each.
const SWITCHES: Page = Page { limit: 10, cursor: None };

/// The service with everything about it.
#[component]
pub fn ServiceDetail() -> impl IntoView {
    signed_in(page)
}

async fn page(visit: Visit) -> Result<AnyView, CoreError> {
    let service = of(&visit).await?;
    let title = service.name.to_string();
    let content = match service.deleted_at {
        Some(_) => deleted(&service),
        None if followed::is_asked(&visit) => {
            let backends = pool_of(&visit, &service).await?;
            return told_apart(&visit, &service, &backends.items).await;
        }
        None => present(&visit, &service).await?,
    };
    Ok(layout(&visit, Section::Services, &title, content))
}

/// The service that the path names.
pub async fn of(visit: &Visit) -> Result<Service, CoreError> {
    let id = visit.params.get_str("id").and_then(|id| id.parse::<ServiceId>().ok());
    let which = ServiceRef::Id(id.ok_or(CoreError::NotFound("service"))?);
    visit.services.pools().service(&visit.viewer, &which).await
}

/// The part of the pool that the address asks for.
async fn pool_of(visit: &Visit, service: &Service) -> Result<Listing<Backend>, CoreError> {
    let all = BackendQuery { service: Some(service.id), ..BackendQuery::default() };
    let page = Page { limit: 100, cursor: visit.query.get("cursor") };
    visit.services.pools().backends(&visit.viewer, all, page).await
}

async fn present(visit: &Visit, service: &Service) -> Result<AnyView, CoreError> {
    let backends = pool_of(visit, service).await?;
    let lives: Vec<_> = backends.items.iter().map(|backend| live(visit, backend)).collect();
    if let Some(subject) = visit.query.get_str("switch") {
        return switch::preview(visit, service, subject).await;
    }
    let rules = rules(visit, service).await?;
    let undo = visit.query.get_str("undo").and_then(|id| id.parse::<BackendId>().ok()).map(|id| {
        let fields = vec![("id", id.to_string()), ("service_id", service.id.to_string())];
        undo("restore_backend", fields, "Restore the deleted backend")
    });
    let form = FormState::of(&visit.query, Some("backend"));
    let tags = service.tags.iter().map(|count| count.tag.to_string());
    let traffic = traffic(visit, service, &backends.items).await?;
    let pool = pool::section(visit, service, &backends.items, &lives, &form, backends.next_cursor).await?;
    let history = pool::history(visit, &backends.items);
    let form = FormState::of(&visit.query, Some("settings"));
    let (head, leads) = (head(service, &backends.items, &lives), leads_here(service, &rules));
    let (settings, acts, tags) = (settings(service, &form), acts(service, rules.len()), offers("offer-tags", tags));
    let (id, (window, _)) = (service.id, visit.window());
    let subject = format!("/web/data/history?subject=service:{id}&{}", window.query());
    Ok(view! {
        <LiveFeed path=format!("/ws/services/{id}") history=(!window.is_live()).then_some(subject)>
            {head}
            {undo}
            {pool}
            {tags}
            {leads}
            {traffic}
            {history}
            {settings}
            {acts}
        </LiveFeed>
    }
    .into_any())
}

fn head(service: &Service, backends: &[Backend], lives: &[BackendLive]) -> AnyView {
    let running = backends.iter().zip(lives).filter(|(backend, _)| backend.state == domain::BackendState::Running);
    let running: Vec<_> = running.map(|(backend, live)| (backend.key, live.clone())).collect();
    view! {
        <p class="crumbs">
            <a href="/web/services">"Services"</a>
        </p>
        <header class="page-head">
            <h1>{service.name.to_string()}</h1>
            <PoolHealth initial=running />
        </header>
        <p class="muted">
            "Last changed " <TimeAgo at=service.updated_at /> ", "
            <a href=format!("/web/revisions?object={}", service.id)>"history"</a>
        </p>
    }
    .into_any()
}

/// A domain or route that leads to the service, with its latest switches.
pub struct Leads {
    /// The domain or route.
    pub rule: Rule,
    /// Its latest switches, newest first.
    pub switches: Vec<Switch>,
}

/// Those that lead to the service.
async fn rules(visit: &Visit, service: &Service) -> Result<Vec<Leads>, CoreError> {
    let page = || Page { limit: RULES, cursor: None };
    let query = DomainQuery { service: Some(service.id), ..DomainQuery::default() };
    let domains = visit.services.hosts().list(&visit.viewer, query, page()).await?.items;
    let query = RouteQuery { service: Some(service.id), ..RouteQuery::default() };
    let routes = visit.services.routes().list(&visit.viewer, query, page()).await?.items;
    let mut rules = Vec::with_capacity(domains.len() + routes.len());
    for domain in &domains {
        rules.extend(Leads::of_domain(visit, domain).await?);
    }
    for route in &routes {
        rules.extend(Leads::of_route(visit, route).await?);
    }
    Ok(rules)
}

impl Leads {
    /// A domain or route, if it leads to a service.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn of(visit: &Visit, rule: RuleId) -> Result<Option<Self>, CoreError> {
        match rule {
            RuleId::Domain(id) => {
                let domain = visit.services.hosts().get(&visit.viewer, &DomainRef::Id(id)).await?;
                if domain.deleted_at.is_some() { Ok(None) } else { Self::of_domain(visit, &domain).await }
            }
            RuleId::Route(id) => {
                let route = visit.services.routes().get(&visit.viewer, id).await?;
                if route.deleted_at.is_some() { Ok(None) } else { Self::of_route(visit, &route).await }
            }
        }
    }

    async fn of_domain(visit: &Visit, domain: &Domain) -> Result<Option<Self>, CoreError> {
        let rule = Rule::of(RuleId::Domain(domain.id), domain.domain.to_string(), &domain.target);
        let switches = visit.services.hosts().switches(&visit.viewer, &DomainRef::Id(domain.id), SWITCHES).await?;
        Ok(rule.map(|rule| Self { rule, switches: switches.items }))
    }

    async fn of_route(visit: &Visit, route: &Route) -> Result<Option<Self>, CoreError> {
        let rule = Rule::of(RuleId::Route(route.id), super::route::name(route), &route.target);
        let switches = visit.services.routes().switches(&visit.viewer, route.id, SWITCHES).await?;
        Ok(rule.map(|rule| Self { rule, switches: switches.items }))
    }
}

fn leads_here(service: &Service, rules: &[Leads]) -> AnyView {
    let here = format!("/web/services/{}", service.id);
    let rows = rules.iter().map(|Leads { rule, switches }| {
        view! {
            <tr>
                <td data-label="Domain or route" class="cell-title">
                    <a class="strong mono" href=rule.page()>
                        {rule.name.clone()}
                    </a>
                </td>
                <td data-label="Enabled tag">
                    <div>{switching::current(rule, switches, &here)}</div>
                </td>
                <td>{switching::choose(rule)}</td>
            </tr>
        }
    });
    let of =
        |is_domain: bool| rules.iter().filter(|leads| matches!(leads.rule.id, RuleId::Domain(_)) == is_domain).count();
    let is_cut = of(true).max(of(false)) >= RULES as usize;
    let cut = is_cut.then(|| {
        view! {
            <p class="muted">
                "These are the newest " {RULES} " domains and the newest " {RULES} " routes. All are under "
                <a href="/web/domains">"Domains"</a> " and " <a href="/web/routes">"Routes"</a> "."
            </p>
        }
    });
    let content = if rules.is_empty() {
        view! {
            <p class="empty">
                "Nothing leads here yet. Let a " <a href="/web/domains">"domain"</a> " or a "
                <a href="/web/routes">"route"</a> " lead to this service."
            </p>
        }
        .into_any()
    } else {
        view! {
            <div class="card card-flush">
                <table class="table">
                    <caption class="visually-hidden">"Domains and routes that lead to this service"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Domain or route"</th>
                            <th scope="col">"Enabled tag"</th>
                            <th scope="col">"Switch"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="leads-title">
            <h2 id="leads-title">"Who leads here"</h2>
            {content}
            {cut}
        </section>
    }
    .into_any()
}

async fn traffic(visit: &Visit, service: &Service, backends: &[Backend]) -> Result<AnyView, CoreError> {
    let (id, of, (window, refused)) = (service.id, Subject::Service(service.id), visit.window());
    let series = visit.services.traffic().history(&visit.viewer, of, window).await?;
    let told = told_apart(visit, service, backends).await?;
    let latest = match window.is_live() {
        true => series.clone(),
        false => visit.services.traffic().history(&visit.viewer, of, Range::Live).await?,
    };
    let mut state = LiveState::default();
    let snapshot =
        LiveSnapshot { series: latest, tunnels: vec![], recent: vec![], detail: None, backends: vec![], rules: vec![] };
    state.apply(LiveUpdate::Snapshot(snapshot));
    let figures = FIGURES.map(|metric| figure(metric, &state)).into_iter().collect_view();
    let (page, subject) = (format!("/web/services/{id}"), format!("service:{id}"));
    let script = visit.request.assets.echarts.clone();
    let charts = charts(Charts { page: &page, subject: &subject, window, refused, series: &series, script });
    Ok(view! {
        <dl class="figures">{figures}</dl>
        {charts}
        {told}
    }
    .into_any())
}

/// Its traffic by error, path and client, and by backend.
async fn told_apart(visit: &Visit, service: &Service, backends: &[Backend]) -> Result<AnyView, CoreError> {
    let (id, traffic, (window, _)) = (service.id, visit.services.traffic(), visit.window());
    let told = traffic.breakdown(&visit.viewer, Subject::Service(id), window).await?;
    let told = breakdown(&Shown { breakdown: &told, subject: &format!("service:{id}"), window, tunnel: None });
    let figures = traffic.backends(backends, window).await?;
    let now = backends.iter().map(|backend| live(visit, backend).in_flight);
    let given = given_to(&id.to_string(), figures.iter().zip(now));
    Ok(followed::followed("told-apart", window, view! { {told} {given} }.into_any()))
}

fn acts(service: &Service, rules: usize) -> AnyView {
    let consequence = match rules {
        0 => "Its backends are deleted with it. You can restore it with them as long as its name is free.".to_owned(),
        1 => "It is refused as long as something leads here: one domain or route does.".to_owned(),
        more => format!("It is refused as long as something leads here: {more} domains and routes do."),
    };
    view! {
        <section class="card" aria-labelledby="acts-title">
            <h2 id="acts-title">"Delete"</h2>
            <div class="actions">
                {confirm("delete_service", service.id.to_string(), "Delete", service.name.to_string(), consequence)}
            </div>
        </section>
    }
    .into_any()
}

fn deleted(service: &Service) -> AnyView {
    view! {
        <h1>{service.name.to_string()}</h1>
        <section class="empty">
            <h2>"This service was deleted"</h2>
            <p>"It can be restored with its backends as long as its name is free."</p>
            {undo("restore_service", vec![("id", service.id.to_string())], "Restore")}
        </section>
    }
    .into_any()
}
