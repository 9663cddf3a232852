//! Numbers above the charts.

use crate::{islands::Figure, live::LiveState, summary::Metric};
use leptos::prelude::*;

/// A number with its name and what exactly it counts.
pub fn figure(metric: Metric, state: &LiveState) -> AnyView {
    let (name, what) = words(metric);
    let initial = state.text(metric);
    view! {
        <div class="figure">
            <dt>
                {name} <span class="figure-what">{what}</span>
            </dt>
            <dd>
                <Figure metric initial />
            </dd>
        </div>
    }
    .into_any()
}

fn words(metric: Metric) -> (&'static str, &'static str) {
    match metric {
        Metric::Online => ("Tunnels online", "now"),
        Metric::Telephones => ("Telephones", "now"),
        Metric::PerSecond => ("Requests", "per second"),
        Metric::InFlight => ("In flight", "now"),
        Metric::Retried => ("Sent again", "since the start"),
        Metric::Requests => ("Requests", "5 min"),
        Metric::ErrorShare => ("Errors (5xx)", "5 min"),
        Metric::P50 => ("p50", "latest second"),
        Metric::P95 => ("p95", "latest second"),
        Metric::P99 => ("p99", "latest second"),
        Metric::BytesIn => ("Bytes in", "5 min"),
        Metric::BytesOut => ("Bytes out", "5 min"),
    }
}
