//! The charts of a page, each with its summary and its table for those who read rather than look.

use crate::{
    charts, format,
    islands::{ChartKind, TrafficChart},
    summary::Summary,
};
use chrono::DateTime;
use domain::{LatencySummary, Range, Sample, Series, StatusCounts};
use leptos::prelude::*;

/// Rows of a table at most: enough to read, few enough to send.
const ROWS: i64 = 12;

/// Charts of one range. `page` is the address of the page, to which the range is added; `script` that of ECharts.
pub fn charts(page: &str, range: Range, series: &Series, script: String) -> AnyView {
    let links = Range::ALL.map(|entry| {
        let href = if entry == Range::Live { page.to_owned() } else { format!("{page}?range={}", entry.as_str()) };
        let current = (entry == range).then_some("true");
        view! {
            <a href=href aria-current=current>
                {name(entry)}
            </a>
        }
    });
    let panels = [ChartKind::Requests, ChartKind::Latency, ChartKind::Bytes].map(|kind| panel(kind, range, series));
    view! {
        <section class="charts" aria-labelledby="charts-title">
            <header class="section-head">
                <h2 id="charts-title">"Traffic"</h2>
                <nav class="tabs" aria-label="Time range">
                    {links.into_iter().collect_view()}
                </nav>
            </header>
            <div class="charts-grid">{panels.into_iter().collect_view()}</div>
        </section>
        <script id="echarts-script" src=script defer></script>
    }
    .into_any()
}

fn name(range: Range) -> &'static str {
    match range {
        Range::Live => "Live",
        Range::Hour => "1 h",
        Range::Day => "24 h",
        Range::Week => "7 d",
        Range::Month => "30 d",
    }
}

fn title(kind: ChartKind) -> &'static str {
    match kind {
        ChartKind::Requests => "Requests by status",
        ChartKind::Latency => "Latency",
        ChartKind::Bytes => "Bytes sent and received",
    }
}

fn panel(kind: ChartKind, range: Range, series: &Series) -> AnyView {
    let summary = summary(kind, series);
    view! {
        <figure class="card chart">
            <figcaption>
                <h3>{title(kind)}</h3>
            </figcaption>
            <TrafficChart
                kind
                option=charts::option(kind)
                live=range == Range::Live
                label=format!("{}. {summary}", title(kind))
            />
            <details class="chart-data">
                <summary>"Show as text and table"</summary>
                <p>{summary}</p>
                {table(kind, series)}
            </details>
        </figure>
    }
    .into_any()
}

/// What the chart shows, in a sentence.
fn summary(kind: ChartKind, series: &Series) -> String {
    let sum = Summary::of(&series.samples);
    let span = format::span(series.until - series.from);
    let end = time(series.until, series);
    match kind {
        ChartKind::Requests => {
            let StatusCounts { informational, success, redirection, client_error, server_error } = sum.by_status;
            let parts = [informational, success, redirection, client_error, server_error];
            let classes = parts.into_iter().zip(1..).filter(|(count, _)| *count > 0);
            let classes: Vec<_> =
                classes.map(|(count, class)| format!("{} × {class}xx", format::count(count))).collect();
            let classes = if classes.is_empty() { String::new() } else { format!(": {}", classes.join(", ")) };
            format!("{} requests in {span} until {end} UTC{classes}.", format::count(sum.by_status.total()))
        }
        ChartKind::Latency => match (sum.latency, worst(series.samples.iter())) {
            (Some(last), Some(worst)) => format!(
                "In the {span} until {end} UTC the highest p99 was {}. Last: p50 {}, p95 {}, p99 {}.",
                format::milliseconds(worst.p99),
                format::milliseconds(last.p50),
                format::milliseconds(last.p95),
                format::milliseconds(last.p99),
            ),
            _ => format!("No answers in the {span} until {end} UTC."),
        },
        ChartKind::Bytes => format!(
            "{} received and {} sent in the {span} until {end} UTC.",
            format::bytes(sum.bytes_in),
            format::bytes(sum.bytes_out)
        ),
    }
}

/// The highest percentiles: those of several steps cannot be added up.
fn worst<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<LatencySummary> {
    samples.filter_map(|sample| sample.latency_ms).reduce(|a, b| LatencySummary {
        p50: a.p50.max(b.p50),
        p95: a.p95.max(b.p95),
        p99: a.p99.max(b.p99),
    })
}

fn table(kind: ChartKind, series: &Series) -> AnyView {
    let heads: &[&str] = match kind {
        ChartKind::Requests => &["1xx", "2xx", "3xx", "4xx", "5xx"],
        ChartKind::Latency => &["highest p50", "highest p95", "highest p99"],
        ChartKind::Bytes => &["received", "sent"],
    };
    let rows = spans(series).into_iter().map(|(at, samples)| {
        let cells = if samples.is_empty() { vec!["not measured".into(); heads.len()] } else { cells(kind, &samples) };
        view! {
            <tr>
                <th scope="row">{time(at, series)}</th>
                {cells.into_iter().map(|cell| view! { <td class="number">{cell}</td> }).collect_view()}
            </tr>
        }
    });
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=format!("{} as a table", title(kind))>
            <table class="table table-dense">
                <thead>
                    <tr>
                        <th scope="col">"From (UTC)"</th>
                        {heads.iter().map(|head| view! { <th scope="col" class="number">{*head}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn cells(kind: ChartKind, samples: &[&Sample]) -> Vec<String> {
    let sum = Summary::of(samples.iter().copied());
    match kind {
        ChartKind::Requests => {
            let StatusCounts { informational, success, redirection, client_error, server_error } = sum.by_status;
            [informational, success, redirection, client_error, server_error].map(format::count).into()
        }
        ChartKind::Latency => {
            let worst = worst(samples.iter().copied());
            let text = |pick: fn(LatencySummary) -> f64| {
                worst.map_or_else(|| format::NOTHING.into(), |worst| format::milliseconds(pick(worst)))
            };
            vec![text(|latency| latency.p50), text(|latency| latency.p95), text(|latency| latency.p99)]
        }
        ChartKind::Bytes => [sum.bytes_in, sum.bytes_out].map(format::bytes).into(),
    }
}

/// The series in at most [`ROWS`] spans of equal length, each with the samples in it.
fn spans(series: &Series) -> Vec<(i64, Vec<&Sample>)> {
    let steps = (series.until - series.from).max(0) / series.step.max(1);
    let length = (steps + ROWS - 1) / ROWS * series.step.max(1);
    if length == 0 {
        return vec![];
    }
    (series.from..series.until)
        .step_by(length as usize)
        .map(|at| (at, series.samples.iter().filter(|sample| (at..at + length).contains(&sample.at)).collect()))
        .collect()
}

/// As short as the range allows, in UTC.
fn time(at: i64, series: &Series) -> String {
    let length = series.until - series.from;
    let pattern = match length {
        ..=600 => "%H:%M:%S",
        601..=86_400 => "%H:%M",
        _ => "%-d %b %H:%M",
    };
    DateTime::from_timestamp(at, 0).map_or_else(|| format::NOTHING.into(), |time| time.format(pattern).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(samples: Vec<Sample>) -> Series {
        Series { step: 1, from: 1_000, until: 1_300, samples, whole: Sample::default() }
    }

    fn sample(at: i64, server_error: u64, p99: f64) -> Sample {
        Sample {
            at,
            by_status: StatusCounts { server_error, ..StatusCounts::default() },
            in_flight: 0,
            held: 0,
            bytes_in: 5,
            bytes_out: 7,
            latency_ms: Some(LatencySummary { p50: 1.0, p95: 2.0, p99 }),
        }
    }

    #[test]
    fn summaries_say_what_was_measured() {
        let series = series(vec![sample(1_000, 2, 90.0), sample(1_299, 1, 30.0)]);
        let text = summary(ChartKind::Requests, &series);
        assert_eq!(text, "3 requests in 5 min 0 s until 00:21:40 UTC: 3 × 5xx.");
        let text = summary(ChartKind::Latency, &series);
        assert!(text.contains("highest p99 was 90 ms") && text.ends_with("p99 30 ms."), "{text}");
        let text = summary(ChartKind::Bytes, &series);
        assert!(text.starts_with("10 B received and 14 B sent"), "{text}");
    }

    #[test]
    fn tables_are_short_and_keep_gaps_apart_from_zeros() {
        let series = series(vec![sample(1_000, 1, 1.0), sample(1_024, 1, 1.0)]);
        let spans = spans(&series);
        assert_eq!(spans.len(), 12);
        assert_eq!(spans[0].1.len(), 2);
        assert!(spans[1..].iter().all(|(_, samples)| samples.is_empty()));
        assert_eq!(cells(ChartKind::Requests, &spans[0].1)[4], "2");
    }
}
