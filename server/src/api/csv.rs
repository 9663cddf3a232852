//! Figures as comma-separated values (RFC 4180), safe to be opened as a spreadsheet.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::DateTime;
use domain::{Breakdown, Parts, Sample, Series};
use serde::Deserialize;
use utoipa::ToSchema;

/// In what form figures are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Json,
    Csv,
}

/// What a chart shows of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Chart {
    Requests,
    Latency,
    Bytes,
    InFlight,
}

/// One of the lists of a breakdown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Errors,
    #[default]
    Paths,
    Clients,
    Slowest,
}

/// A text that a browser saves under this name.
pub(crate) struct Csv {
    name: &'static str,
    text: String,
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.text));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
        let disposition = format!("attachment; filename=\"{}.csv\"", self.name);
        headers.extend(HeaderValue::try_from(disposition).ok().map(|value| (header::CONTENT_DISPOSITION, value)));
        response
    }
}

/// What one column of a series takes from a sample; empty: not measured.
type Column = (&'static str, fn(&Sample) -> String);

const REQUESTS: [Column; 5] = [
    ("1xx", |sample| sample.by_status.informational.to_string()),
    ("2xx", |sample| sample.by_status.success.to_string()),
    ("3xx", |sample| sample.by_status.redirection.to_string()),
    ("4xx", |sample| sample.by_status.client_error.to_string()),
    ("5xx", |sample| sample.by_status.server_error.to_string()),
];
const LATENCY: [Column; 3] = [
    ("p50_ms", |sample| decimal(sample.latency_ms.map(|latency| latency.p50))),
    ("p95_ms", |sample| decimal(sample.latency_ms.map(|latency| latency.p95))),
    ("p99_ms", |sample| decimal(sample.latency_ms.map(|latency| latency.p99))),
];
const BYTES: [Column; 2] =
    [("bytes_in", |sample| sample.bytes_in.to_string()), ("bytes_out", |sample| sample.bytes_out.to_string())];
const IN_FLIGHT: [Column; 2] =
    [("in_flight", |sample| sample.in_flight.to_string()), ("held", |sample| sample.held.to_string())];

/// A row for each step, with the columns of one chart or of all. A step that was not measured has empty cells.
pub(crate) fn series(series: &Series, chart: Option<Chart>) -> Csv {
    let (name, columns): (_, Vec<Column>) = match chart {
        None => ("traffic", [&REQUESTS[..], &IN_FLIGHT, &BYTES, &LATENCY].concat()),
        Some(Chart::Requests) => ("requests", REQUESTS.into()),
        Some(Chart::Latency) => ("latency", LATENCY.into()),
        Some(Chart::Bytes) => ("bytes", BYTES.into()),
        Some(Chart::InFlight) => ("in_flight", IN_FLIGHT.into()),
    };
    let mut text = String::new();
    row(&mut text, std::iter::once("from").chain(columns.iter().map(|(name, _)| *name)));
    let mut samples = series.samples.iter().peekable();
    let steps = (series.from..series.until).step_by(usize::try_from(series.step).unwrap_or(1).max(1));
    for at in steps {
        while samples.next_if(|sample| sample.at < at).is_some() {}
        let sample = samples.next_if(|sample| sample.at < at + series.step);
        let cells = columns.iter().map(|(_, of)| sample.map(of).unwrap_or_default());
        row(&mut text, std::iter::once(moment(at)).chain(cells));
    }
    Csv { name, text }
}

/// A row for each value, the most frequent first; the last row, without a name, is the rest.
pub(crate) fn breakdown(breakdown: &Breakdown, part: Part) -> Csv {
    match part {
        Part::Errors => Csv { name: "errors", text: parts("error", &breakdown.errors) },
        Part::Paths => Csv { name: "paths", text: parts("path", &breakdown.paths) },
        Part::Clients => Csv { name: "clients", text: parts("client", &breakdown.clients) },
        Part::Slowest => Csv { name: "slowest", text: slowest(breakdown) },
    }
}

fn parts(what: &str, parts: &Parts) -> String {
    let mut text = String::new();
    row(&mut text, [what, "requests", "client_errors", "server_errors", "mean_ms"]);
    let named = parts.items.iter().map(|part| (part.name.as_str(), part.share));
    for (name, share) in named.chain([("", parts.other)]) {
        let counts = [share.requests, share.client_errors, share.server_errors].map(|count| count.to_string());
        row(&mut text, std::iter::once(name.to_owned()).chain(counts).chain([decimal(share.mean_ms)]));
    }
    text
}

fn slowest(breakdown: &Breakdown) -> String {
    let mut text = String::new();
    row(&mut text, ["id", "at", "method", "path", "status", "duration_ms", "client"]);
    for slow in &breakdown.slowest {
        let cells = [
            slow.id.to_string(),
            slow.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            slow.method.clone(),
            slow.path.clone(),
            slow.status.to_string(),
            decimal(Some(slow.duration_ms)),
            slow.client.to_string(),
        ];
        row(&mut text, cells);
    }
    text
}

fn moment(at: i64) -> String {
    DateTime::from_timestamp(at, 0).map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

fn decimal(number: Option<f64>) -> String {
    number.map(|number| format!("{number:.3}")).unwrap_or_default()
}

fn row(text: &mut String, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        put(text, cell.as_ref());
    }
    text.push_str("\r\n");
}

/// Spreadsheets take a cell that begins like a formula for one, whoever wrote it: an apostrophe says that it is text.
fn put(text: &mut String, cell: &str) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if !is_formula && !cell.contains([',', '"', '\r', '\n']) {
        text.push_str(cell);
        return;
    }
    text.push('"');
    if is_formula {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Share;
    use proptest::prelude::*;

    #[test]
    fn a_gap_has_empty_cells_and_a_formula_is_text() {
        let sample = Sample { at: 60, bytes_in: 5, ..Sample::default() };
        let whole = Series { step: 60, from: 0, until: 120, samples: vec![sample], whole: sample };
        let expected = "from,bytes_in,bytes_out\r\n1970-01-01T00:00:00Z,,\r\n1970-01-01T00:01:00Z,5,0\r\n";
        assert_eq!(series(&whole, Some(Chart::Bytes)).text, expected);
        let part = domain::Part { name: "=HYPERLINK(\"http://x\")".into(), share: Share::default() };
        let text = parts("path", &Parts { items: vec![part], other: Share::default() });
        assert_eq!(text.lines().nth(1), Some("\"'=HYPERLINK(\"\"http://x\"\")\",0,0,0,"));
    }

    proptest! {
        #[test]
        fn every_cell_comes_back_and_none_is_a_formula(cells in prop::collection::vec("[\\PC\t\r\n]{0,12}", 1..6)) {
            let mut text = String::new();
            row(&mut text, &cells);
            let read = read(&text);
            prop_assert_eq!(read.len(), cells.len());
            for (read, cell) in read.iter().zip(&cells) {
                prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r']));
                prop_assert!(read == cell || read.strip_prefix('\'') == Some(cell));
            }
        }
    }

    /// Reads one record as RFC 4180 says.
    fn read(text: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (vec![], String::new(), false);
        let mut chars = text.strip_suffix("\r\n").unwrap_or(text).chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    }
}
