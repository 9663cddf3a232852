//! Traffic told apart, as tables: errors, paths, clients, the slowest requests, and who was given them.

use crate::{
    format,
    islands::{BackendCount, BackendFigure, TimeAgo},
};
use chrono::DateTime;
use domain::{
    BackendFigures, BackendId, Breakdown, LatencySummary, Part, Parts, Sample, SessionFigures, Share, SlowRequest,
    StatusCounts, TunnelId, Window,
};
use leptos::prelude::*;

/// A breakdown, and where it came from.
pub struct Shown<'a> {
    /// What was measured.
    pub breakdown: &'a Breakdown,
    /// Whose it is, as `/web/data` takes it.
    pub subject: &'a str,
    /// What stretch of time was asked for.
    pub window: Window,
    /// The tunnel of the page, whose requests can be looked into.
    pub tunnel: Option<TunnelId>,
}

/// Four tables below the charts.
pub fn breakdown(shown: &Shown<'_>) -> AnyView {
    let Breakdown { from, until, requests, errors, paths, clients, slowest } = shown.breakdown;
    let (from, until) = (moment(*from), moment(*until));
    let when = format!("{} requests from {from} until {until} UTC.", format::count(*requests));
    view! {
        <section aria-labelledby="breakdown-title">
            <header class="section-head">
                <h2 id="breakdown-title">"Breakdown"</h2>
                <p class="muted">{when}</p>
            </header>
            <div class="breakdown-grid">
                {list(shown, "errors", "Errors by code", "Code", "No errors.", errors)}
                {list(shown, "paths", "Top paths", "Path", "No requests.", paths)}
                {list(shown, "clients", "Top clients", "Client", "No requests.", clients)}
                {card("slowest", "Slowest requests", shown, slow(slowest, shown.tunnel))}
            </div>
        </section>
    }
    .into_any()
}

fn card(part: &'static str, title: &'static str, shown: &Shown<'_>, content: AnyView) -> AnyView {
    let csv = format!("/web/data/breakdown?subject={}&part={part}&{}", shown.subject, shown.window.query());
    view! {
        <section class="card card-flush breakdown" aria-label=title>
            <header class="breakdown-head">
                <h3>{title}</h3>
                <a
                    class="button button-small"
                    href=csv.trim_end_matches('&').to_owned()
                    download=format!("{part}.csv")
                    aria-label=format!("{title} as CSV")
                    rel="external"
                >
                    "CSV"
                </a>
            </header>
            {content}
        </section>
    }
    .into_any()
}

fn list(
    shown: &Shown<'_>,
    part: &'static str,
    title: &'static str,
    what: &'static str,
    none: &'static str,
    parts: &Parts,
) -> AnyView {
    let total = parts.requests();
    if total == 0 {
        return card(part, title, shown, view! { <p class="breakdown-none muted">{none}</p> }.into_any());
    }
    let rows = parts.items.iter().map(|Part { name, share }| row(name.clone(), "mono breakdown-name", *share, total));
    let other = (parts.other.requests > 0).then(|| row("all others".into(), "muted", parts.other, total));
    let table = view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=format!("{title}, table")>
            <table class="table table-dense">
                <caption class="visually-hidden">{title} ", the most frequent first"</caption>
                <thead>
                    <tr>
                        <th scope="col">{what}</th>
                        <th scope="col" class="number">"Requests"</th>
                        <th scope="col" class="number">"Share"</th>
                        <th scope="col" class="number">"4xx"</th>
                        <th scope="col" class="number">"5xx"</th>
                        <th scope="col" class="number">"Mean"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()} {other}</tbody>
            </table>
        </div>
    };
    card(part, title, shown, table.into_any())
}

fn row(name: String, class: &'static str, share: Share, total: u64) -> AnyView {
    let mean = share.mean_ms.map_or_else(|| format::NOTHING.into(), format::milliseconds);
    view! {
        <tr>
            <th scope="row" class=class title=name.clone()>
                {name.clone()}
            </th>
            <td class="number">{format::count(share.requests)}</td>
            <td class="number">{format::percent(share.requests, total)}</td>
            <td class="number">{format::count(share.client_errors)}</td>
            <td class="number">{format::count(share.server_errors)}</td>
            <td class="number">{mean}</td>
        </tr>
    }
    .into_any()
}

fn slow(slowest: &[SlowRequest], tunnel: Option<TunnelId>) -> AnyView {
    if slowest.is_empty() {
        return view! { <p class="breakdown-none muted">"No requests."</p> }.into_any();
    }
    let rows = slowest.iter().map(|slow| {
        let class = format!("status status-{}xx", slow.status / 100);
        let what = format!("{} {}", slow.method, slow.path);
        let id = slow.id.to_string();
        let name = match tunnel {
            Some(tunnel) => {
                let href = format!("/web/tunnels/{tunnel}/inspector?selected={id}");
                view! { <a href=href title=format!("{what}, request {id}")>{what.clone()}</a> }.into_any()
            }
            None => view! { <span title=format!("{what}, request {id}")>{what.clone()}</span> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row" class="mono breakdown-name">
                    {name}
                </th>
                <td>
                    <span class=class>{slow.status}</span>
                </td>
                <td class="number">{format::milliseconds(slow.duration_ms)}</td>
                <td class="mono">{slow.client.to_string()}</td>
                <td>
                    <TimeAgo at=slow.at />
                </td>
            </tr>
        }
    });
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Slowest requests, table">
            <table class="table table-dense">
                <caption class="visually-hidden">"The slowest requests, slowest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Request"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="number">"Duration"</th>
                        <th scope="col">"Client"</th>
                        <th scope="col">"Answered"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// What each backend of a service was given, and how many requests it works on now.
pub fn backends<'a>(service: &str, figures: impl Iterator<Item = (&'a BackendFigures, u32)>) -> AnyView {
    let rows = figures.map(|(BackendFigures { key, id, figures }, now)| {
        let name = view! { <a href=backend_page(service, *key)>{id.to_string()}</a> };
        let now = view! { <BackendCount id=*key figure=BackendFigure::InFlight initial=now.into() /> };
        given(name.into_any(), figures, now.into_any())
    });
    shares("Backends", "Backend", "No backends.", rows.collect())
}

fn backend_page(service: &str, key: BackendId) -> String {
    format!("/web/services/{service}/backends/{key}")
}

/// What each telephone of a tunnel was given.
pub fn sessions(figures: &[SessionFigures]) -> AnyView {
    let rows = figures.iter().map(|session| {
        let machine = session.machine.clone().unwrap_or_else(|| session.address.to_string());
        let since = view! { "connected " <TimeAgo at=session.connected_at /> }.into_any();
        let left = session.ended_at.map(|at| view! { ", left " <TimeAgo at=at /> });
        let name = view! {
            {machine}
            <div class="field-hint">{since} {left}</div>
        };
        let now = format::count(session.figures.in_flight);
        given(name.into_any(), &session.figures, now.into_any())
    });
    shares(
        "Telephones since they connected",
        "Telephone",
        "No telephone was connected within the last hour.",
        rows.collect(),
    )
}

fn shares(title: &'static str, what: &'static str, none: &'static str, rows: Vec<AnyView>) -> AnyView {
    let content = if rows.is_empty() {
        view! { <p class="breakdown-none muted">{none}</p> }.into_any()
    } else {
        view! {
            <div class="table-scroll" tabindex="0" role="region" aria-label=format!("{title}, table")>
                <table class="table table-dense">
                    <caption class="visually-hidden">{title}</caption>
                    <thead>
                        <tr>
                            <th scope="col">{what}</th>
                            <th scope="col" class="number">"Requests"</th>
                            <th scope="col" class="number">"2xx"</th>
                            <th scope="col" class="number">"3xx"</th>
                            <th scope="col" class="number">"4xx"</th>
                            <th scope="col" class="number">"5xx"</th>
                            <th scope="col" class="number">"p50"</th>
                            <th scope="col" class="number">"p95"</th>
                            <th scope="col" class="number">"p99"</th>
                            <th scope="col" class="number">"Received"</th>
                            <th scope="col" class="number">"Sent"</th>
                            <th scope="col" class="number">"Under way"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card card-flush breakdown" aria-label=title>
            <header class="breakdown-head">
                <h3>{title}</h3>
            </header>
            {content}
        </section>
    }
    .into_any()
}

fn given(name: AnyView, sample: &Sample, now: AnyView) -> AnyView {
    let StatusCounts { success, redirection, client_error, server_error, .. } = sample.by_status;
    let counts = [sample.by_status.total(), success, redirection, client_error, server_error].map(format::count);
    let percentile = |of: fn(LatencySummary) -> f64| {
        sample.latency_ms.map_or_else(|| format::NOTHING.into(), |latency| format::milliseconds(of(latency)))
    };
    let times =
        [percentile(|latency| latency.p50), percentile(|latency| latency.p95), percentile(|latency| latency.p99)];
    let bytes = [sample.bytes_in, sample.bytes_out].map(format::bytes);
    let cells = counts.into_iter().chain(times).chain(bytes);
    view! {
        <tr>
            <th scope="row">{name}</th>
            {cells.map(|cell| view! { <td class="number">{cell}</td> }).collect_view()}
            <td class="number">{now}</td>
        </tr>
    }
    .into_any()
}

fn moment(at: i64) -> String {
    DateTime::from_timestamp(at, 0)
        .map_or_else(|| format::NOTHING.into(), |time| time.format("%-d %b %H:%M").to_string())
}
