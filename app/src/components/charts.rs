//! The charts of a page, each with its summary and its table for those who read rather than look.

use super::notice;
use crate::{
    charts, format,
    islands::{ChartKind, TrafficChart},
    summary::Summary,
};
use chrono::DateTime;
use domain::{Between, LatencySummary, Range, Sample, Series, StatusCounts, Window};
use leptos::prelude::*;

/// Rows of a table at most: enough to read, few enough to send.
const ROWS: i64 = 12;

/// The charts of a page.
pub struct Charts<'a> {
    /// The address of the page, to which the stretch of time is added.
    pub page: &'a str,
    /// Whose figures they are, as `/web/data` takes it.
    pub subject: &'a str,
    /// What stretch of time they show.
    pub window: Window,
    /// Why they do not show the one that was asked for.
    pub refused: Option<String>,
    /// What was measured.
    pub series: &'a Series,
    /// The address of ECharts.
    pub script: String,
}

/// Charts of one stretch of time, and the choice of another.
pub fn charts(charts: Charts<'_>) -> AnyView {
    let Charts { page, subject, window, refused, series, script } = charts;
    let links = Range::ALL.map(|range| {
        let query = Window::from(range).query();
        let href = if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") };
        let current = (window == range.into()).then_some("true");
        view! {
            <a href=href aria-current=current>
                {name(range)}
            </a>
        }
    });
    let kinds = [ChartKind::Requests, ChartKind::Latency, ChartKind::Bytes, ChartKind::InFlight];
    let panels = kinds.map(|kind| panel(kind, subject, window, series));
    view! {
        <section class="charts" aria-labelledby="charts-title">
            <header class="section-head">
                <h2 id="charts-title">"Traffic"</h2>
                <nav class="tabs" aria-label="Time range">
                    {links.into_iter().collect_view()}
                </nav>
            </header>
            {custom(page, window, refused)}
            <div class="charts-grid">{panels.into_iter().collect_view()}</div>
            <details class="chart-data">
                <summary>"How these figures are measured"</summary>
                <p>
                    "Latency is the time from a request's arrival to the head of its answer. Percentiles are read from merged histograms, \
                    never averaged, and are off by at most 3.2 %, over every stretch of time. A stretch in which the server did not run is a gap. \
                    Figures of each minute are kept for two days, those of each hour for 62. All times in addresses and files are UTC."
                </p>
            </details>
        </section>
        <script id="echarts-script" src=script defer></script>
    }
    .into_any()
}

/// The form for a stretch of time of one's own choice.
fn custom(page: &str, window: Window, refused: Option<String>) -> AnyView {
    let chosen = match window {
        Window::Between(between) => Some(between),
        Window::Recent(_) => None,
    };
    let is_open = chosen.is_some() || refused.is_some();
    let value = |of: fn(Between) -> Option<domain::Timestamp>| {
        chosen.and_then(of).map(|at| at.format("%Y-%m-%dT%H:%M").to_string())
    };
    let notice = refused.map(notice::error);
    view! {
        <details class="range-custom" open=is_open>
            <summary>"From … until …"</summary>
            {notice}
            <form method="get" action=page.to_owned() class="range-form">
                <label>
                    "From (UTC) "
                    <input type="datetime-local" name="from" required value=value(Between::from) />
                </label>
                <label>
                    "Until (UTC; empty: now) "
                    <input type="datetime-local" name="until" value=value(Between::until) />
                </label>
                <button class="button button-small">"Show"</button>
            </form>
        </details>
    }
    .into_any()
}

/// What a range is called on its tab.
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
        ChartKind::InFlight => "Requests under way",
    }
}

/// What a chart is called in addresses.
fn slug(kind: ChartKind) -> &'static str {
    match kind {
        ChartKind::Requests => "requests",
        ChartKind::Latency => "latency",
        ChartKind::Bytes => "bytes",
        ChartKind::InFlight => "in_flight",
    }
}

fn panel(kind: ChartKind, subject: &str, window: Window, series: &Series) -> AnyView {
    let summary = summary(kind, series);
    let csv = format!("/web/data/history?subject={subject}&format=csv&chart={}&{}", slug(kind), window.query());
    view! {
        <figure class="card chart">
            <figcaption>
                <h3>{title(kind)}</h3>
            </figcaption>
            <TrafficChart
                kind
                option=charts::option(kind)
                live=window.is_live()
                label=format!("{}. {summary}", title(kind))
                file=format!("{}.png", slug(kind))
            >
                <a
                    class="button button-small"
                    href=csv.trim_end_matches('&').to_owned()
                    download=format!("{}.csv", slug(kind))
                    aria-label=format!("{} as CSV", title(kind))
                    rel="external"
                >
                    "CSV"
                </a>
            </TrafficChart>
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
        ChartKind::Latency => match (series.whole.latency_ms, worst(series.samples.iter())) {
            (Some(all), Some(worst)) => format!(
                "Of all answers in the {span} until {end} UTC: p50 {}, p95 {}, p99 {}. The highest p99 of a step was {}.",
                format::milliseconds(all.p50),
                format::milliseconds(all.p95),
                format::milliseconds(all.p99),
                format::milliseconds(worst.p99),
            ),
            _ => format!("No answers in the {span} until {end} UTC."),
        },
        ChartKind::Bytes => format!(
            "{} received and {} sent in the {span} until {end} UTC.",
            format::bytes(sum.bytes_in),
            format::bytes(sum.bytes_out)
        ),
        ChartKind::InFlight => format!(
            "At most {} requests at once in the {span} until {end} UTC; of them at most {} waited for a telephone.",
            format::count(series.whole.in_flight),
            format::count(series.whole.held)
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
        ChartKind::InFlight => &["under way", "waiting"],
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
        ChartKind::InFlight => {
            let most =
                |of: fn(&Sample) -> u64| format::count(samples.iter().map(|sample| of(sample)).max().unwrap_or(0));
            vec![most(|sample| sample.in_flight), most(|sample| sample.held)]
        }
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
        let latency_ms = Some(LatencySummary { p50: 1.5, p95: 2.5, p99: 60.0 });
        let whole = Sample { in_flight: 4, held: 2, latency_ms, ..Sample::default() };
        Series { step: 1, from: 1_000, until: 1_300, samples, whole }
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
        assert!(text.contains("p99 60 ms") && text.ends_with("step was 90 ms."), "{text}");
        let text = summary(ChartKind::InFlight, &series);
        assert!(text.starts_with("At most 4 requests") && text.contains("at most 2 waited"), "{text}");
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
