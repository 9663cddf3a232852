//! Metrics in the Prometheus text format 0.0.4. Nothing in them grows with what strangers send: no label holds a path,
//! a host or a name of a tunnel.

use axum::{
    Router,
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use domain::{RecorderHealth, RegionName, StatusCounts};
use server_core::{Overall, Services};
use std::sync::Arc;
use tokio::runtime::RuntimeMetrics;

use super::{
    Health,
    exposition::Text,
    panics,
    process::{self, Figures},
};
use crate::{
    config::Node,
    front::{self, Refused},
    ingress::{PlaceFigures, Places},
    proxy::own_pages,
    tunnel::{HoldFigures, Registry, plain_held_bytes},
};

const CONTENT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is looked at for the metrics.
#[derive(Debug)]
pub struct Sources {
    /// Traffic and presence.
    pub services: Services,
    /// The lines to telephones.
    pub registry: Arc<Registry>,
    /// Who was turned away.
    pub refused: Arc<Refused>,
    /// Where this process runs.
    pub node: Node,
    /// Who is connected.
    pub places: Arc<Places>,
    /// The runtime of pages and queries.
    pub control: RuntimeMetrics,
    /// The runtimes that carry traffic.
    pub data: Vec<RuntimeMetrics>,
}

/// What is scraped.
#[derive(Debug)]
struct Source {
    sources: Sources,
    started: f64,
}

/// Everything on the metrics listener: `GET /metrics`, the same at `/api/v1/metrics`, and health, so that what watches
/// the server needs only this one listener.
pub fn router(sources: Sources, health: &Health) -> Router {
    let source = Arc::new(Source { sources, started: process::unix_now() });
    let metrics = Router::new().route("/metrics", get(scrape)).route("/api/v1/metrics", get(scrape));
    metrics.with_state(source).merge(health.routes())
}

async fn scrape(State(source): State<Arc<Source>>) -> impl IntoResponse {
    let mut text = Text::default();
    let sources = &source.sources;
    about(&mut text, &sources.node);
    requests(&mut text, &sources.services.traffic().overall());
    connections(&mut text, sources.places.figures());
    let sessions = sources.services.presence().total();
    text.gauge("switchboard_telephone_sessions", "Connected telephones.", sessions as f64);
    let streams = sources.registry.streams();
    text.gauge("switchboard_streams", "Requests and upgraded connections on the lines to telephones.", streams as f64);
    text.gauge("switchboard_lines", "Sockets of telephones.", sources.registry.sockets() as f64);
    let held_bytes = telephone::line::held_bytes();
    text.gauge("switchboard_line_held_bytes", "Bytes that came over lines and wait to be read.", held_bytes as f64);
    let plain_bytes = plain_held_bytes();
    let help = "Bytes of whole requests and responses held for telephones that speak version 1.0.";
    text.gauge("switchboard_plain_held_bytes", help, plain_bytes as f64);
    refused(&mut text, &sources.refused);
    fronts(&mut text);
    passwords(&mut text, sources.services.password_hashes());
    sign_ins(&mut text, &sources.services);
    held(&mut text, sources.registry.hold().figures());
    recorder(&mut text, &sources.services.inspector().health());
    tasks(&mut text, sources);
    text.counter("switchboard_panics_total", "Faults of the program; the log tells each.", panics::count() as f64);
    process_figures(&mut text, &Figures::read(), source.started);
    ([(CONTENT_TYPE, CONTENT), (CACHE_CONTROL, "no-store")], text.finish())
}

fn about(text: &mut Text, node: &Node) {
    let region = node.region.as_ref().map(RegionName::as_str).unwrap_or_default();
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("node", &node.name), ("region", region)];
    text.family("switchboard_build_info", "gauge", "What runs here; always 1.");
    text.sample("switchboard_build_info", &labels, 1.0);
}

fn requests(text: &mut Text, overall: &Overall) {
    text.family("switchboard_requests_total", "counter", "Requests to tunnels that were answered, by status class.");
    for (class, count) in classes(&overall.by_status) {
        text.sample("switchboard_requests_total", &[("class", class)], count as f64);
    }
    text.gauge("switchboard_requests_in_flight", "Requests to tunnels under way.", overall.in_flight as f64);
    text.counter("switchboard_request_body_bytes_total", "Bytes of request bodies received.", overall.bytes_in as f64);
    text.counter("switchboard_response_body_bytes_total", "Bytes of response bodies sent.", overall.bytes_out as f64);
    text.histogram(
        "switchboard_request_duration_seconds",
        "From a request's arrival to the head of its response.",
        &overall.latency_buckets,
        overall.latency_sum,
        overall.latency_count,
    );
}

fn connections(text: &mut Text, figures: PlaceFigures) {
    let PlaceFigures { open, full, crowded } = figures;
    text.gauge("switchboard_connections", "Connections to the public listener that are served.", open as f64);
    let help = "Connections that were told that there is no place, or closed: max_connections, client_connections.";
    text.family("switchboard_connections_refused_total", "counter", help);
    for (limit, count) in [("all", full), ("client", crowded)] {
        text.sample("switchboard_connections_refused_total", &[("limit", limit)], count as f64);
    }
}

fn refused(text: &mut Text, refused: &Refused) {
    let help = "Requests that were turned away by what stands in front of a tunnel, domain or route, by the reason.";
    text.family("switchboard_requests_refused_total", "counter", help);
    for (reason, count) in refused.each() {
        text.sample("switchboard_requests_refused_total", &[("reason", reason.as_str())], count as f64);
    }
}

/// What stands in front does besides turning requests away.
fn fronts(text: &mut Text) {
    let help = "Visits by a share link that is good; those by one that has ended are refused with the reason link.";
    text.counter("switchboard_share_links_followed_total", help, front::followed() as f64);
    let help = "Owners' pages that were shown for errors in place of the server's own.";
    text.counter("switchboard_error_pages_total", help, own_pages() as f64);
    let help = "Bodies that had to wait for a limit of bandwidth, by the direction they take.";
    text.family("switchboard_bodies_slowed_total", "counter", help);
    for (direction, count) in front::slowed() {
        text.sample("switchboard_bodies_slowed_total", &[("direction", direction.as_str())], count as f64);
    }
}

fn passwords(text: &mut Text, (accounts, visitors): (u64, u64)) {
    let help = "Hashes of passwords that were computed, right or wrong or of nobody: of accounts, and at the front.";
    text.family("switchboard_password_hashes_total", "counter", help);
    for (of, count) in [("accounts", accounts), ("visitors", visitors)] {
        text.sample("switchboard_password_hashes_total", &[("of", of)], count as f64);
    }
}

fn sign_ins(text: &mut Text, services: &Services) {
    let help = "Sign-ins to the dashboard and the API, by what somebody signs in by and what comes of it.";
    text.family("switchboard_sign_ins_total", "counter", help);
    for (method, outcome, count) in services.accounts().sign_ins() {
        let labels = [("method", method.as_str()), ("outcome", outcome.as_str())];
        text.sample("switchboard_sign_ins_total", &labels, count as f64);
    }
}

fn held(text: &mut Text, figures: HoldFigures) {
    let HoldFigures { held, total, timeouts, refused, retries } = figures;
    text.gauge("switchboard_requests_held", "Requests that wait for a telephone.", held as f64);
    text.counter("switchboard_requests_held_total", "Requests that have waited for a telephone.", total as f64);
    let help = "Requests that waited for a telephone that did not come.";
    text.counter("switchboard_requests_hold_timeouts_total", help, timeouts as f64);
    let help = "Requests that did not wait for a telephone because as many did as may.";
    text.counter("switchboard_requests_hold_refused_total", help, refused as f64);
    let help = "Requests that were sent a second time because the line broke under the first.";
    text.counter("switchboard_requests_retries_total", help, retries as f64);
}

fn recorder(text: &mut Text, health: &RecorderHealth) {
    let RecorderHealth { recorded, dropped_rate, dropped_busy, dropped_database, trouble } = health;
    text.counter("switchboard_exchanges_recorded_total", "Requests that were recorded.", *recorded as f64);
    let help = "Requests that were not recorded: beyond capture_rate, no room in memory, or not taken by the database.";
    text.family("switchboard_exchanges_dropped_total", "counter", help);
    for (reason, count) in [("rate", dropped_rate), ("busy", dropped_busy), ("database", dropped_database)] {
        text.sample("switchboard_exchanges_dropped_total", &[("reason", reason)], *count as f64);
    }
    let up = if trouble.is_none() { 1.0 } else { 0.0 };
    text.gauge("switchboard_recorder_up", "Whether the database takes what is recorded.", up);
}

fn tasks(text: &mut Text, sources: &Sources) {
    let data: usize = sources.data.iter().map(RuntimeMetrics::num_alive_tasks).sum();
    text.family("switchboard_tasks", "gauge", "Tasks that have not ended, by plane.");
    for (plane, tasks) in [("control", sources.control.num_alive_tasks()), ("data", data)] {
        text.sample("switchboard_tasks", &[("plane", plane)], tasks as f64);
    }
}

fn classes(counts: &StatusCounts) -> [(&'static str, u64); 5] {
    [
        ("1xx", counts.informational),
        ("2xx", counts.success),
        ("3xx", counts.redirection),
        ("4xx", counts.client_error),
        ("5xx", counts.server_error),
    ]
}

fn process_figures(text: &mut Text, figures: &Figures, started: f64) {
    text.gauge("process_start_time_seconds", "When the process was started, since 1970.", started);
    if let Some(bytes) = figures.resident_bytes {
        text.gauge("process_resident_memory_bytes", "Memory in use.", bytes as f64);
    }
    if let Some(open) = figures.open_files {
        text.gauge("process_open_fds", "Files and sockets that are open.", open as f64);
    }
    if let Some(max) = figures.max_files {
        text.gauge("process_max_fds", "Files and sockets that may be open.", max as f64);
    }
}
