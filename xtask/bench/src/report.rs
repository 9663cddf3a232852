//! The tables.

use std::fmt::Write;

use crate::{
    measure::{Figure, Measure},
    recovery,
    results::{Key, Results},
    subjects::Subject,
    targets,
};

struct Table {
    title: &'static str,
    /// Header and figure of each column.
    columns: &'static [(&'static str, Key)],
    decimals: usize,
    /// The subject that ratios refer to.
    relative_to: Option<&'static str>,
}

const TABLES: &[Table] = &[
    Table {
        title: "Requests a second, and WebSocket messages a second",
        columns: &[
            ("1 connection", (Measure::One, Figure::Rate)),
            ("32", (Measure::Many, Figure::Rate)),
            ("256", (Measure::Crowd, Figure::Rate)),
            ("32, a new one each", (Measure::Fresh, Figure::Rate)),
            ("WebSocket 8 × 32", (Measure::Websocket, Figure::Rate)),
        ],
        decimals: 0,
        relative_to: Some("nginx"),
    },
    Table {
        title: "Time to an answer, µs",
        columns: &[
            ("1 connection: p50", (Measure::One, Figure::P50)),
            ("p99", (Measure::One, Figure::P99)),
            ("32: p50", (Measure::Many, Figure::P50)),
            ("p99", (Measure::Many, Figure::P99)),
            ("256: p50", (Measure::Crowd, Figure::P50)),
            ("p99", (Measure::Crowd, Figure::P99)),
        ],
        decimals: 0,
        relative_to: None,
    },
    Table {
        title: "CPU seconds per 100,000 requests or messages, server and agent together",
        columns: &[
            ("1 connection", (Measure::One, Figure::Cpu)),
            ("32", (Measure::Many, Figure::Cpu)),
            ("256", (Measure::Crowd, Figure::Cpu)),
            ("32, a new one each", (Measure::Fresh, Figure::Cpu)),
            ("WebSocket 8 × 32", (Measure::Websocket, Figure::Cpu)),
        ],
        decimals: 2,
        relative_to: Some("nginx"),
    },
    Table {
        title: "Bodies, MB a second",
        columns: &[
            ("64 KiB on 8 connections", (Measure::Body64k, Figure::Speed)),
            ("1 MiB on 8", (Measure::Body1m, Figure::Speed)),
            ("64 MiB down", (Measure::Download, Figure::Speed)),
            ("64 MiB up", (Measure::Upload, Figure::Speed)),
        ],
        decimals: 0,
        relative_to: Some("nginx"),
    },
    Table {
        title: "CPU seconds per GB of bodies, server and agent together",
        columns: &[
            ("64 KiB on 8 connections", (Measure::Body64k, Figure::CpuPerGb)),
            ("1 MiB on 8", (Measure::Body1m, Figure::CpuPerGb)),
            ("64 MiB down", (Measure::Download, Figure::CpuPerGb)),
            ("64 MiB up", (Measure::Upload, Figure::CpuPerGb)),
        ],
        decimals: 2,
        relative_to: Some("nginx"),
    },
    Table {
        title: "What others keep of their throughput beside 500 who never read",
        columns: &[("1 MiB on 8 connections", (Measure::Stalled, Figure::Share))],
        decimals: 2,
        relative_to: None,
    },
    Table {
        title: "First answer after the line between agent and server broke, seconds",
        columns: &[("cut", (Measure::Cut, Figure::Seconds)), ("silently frozen", (Measure::Freeze, Figure::Seconds))],
        decimals: 3,
        relative_to: None,
    },
    Table {
        title: "Memory (PSS)",
        columns: &[
            ("idle server, MiB", (Measure::Memory, Figure::IdleServer)),
            ("idle agent, MiB", (Measure::Memory, Figure::IdleAgent)),
            ("server per idle client, KiB", (Measure::Memory, Figure::ClientServer)),
            ("agent per idle client, KiB", (Measure::Memory, Figure::ClientAgent)),
            ("server per idle telephone, KiB", (Measure::Telephones, Figure::TelephoneServer)),
        ],
        decimals: 1,
        relative_to: None,
    },
    Table {
        title: "System calls, server and agent together",
        columns: &[("per request, 32 connections", (Measure::Calls, Figure::Calls))],
        decimals: 1,
        relative_to: None,
    },
];

/// All that was measured, as markdown; nothing when nothing was.
pub fn markdown(machine: &str, subjects: &[Subject], results: &Results, notes: &[String]) -> String {
    let tables: String = TABLES.iter().map(|table| table.markdown(subjects, results)).collect();
    if tables.is_empty() {
        return tables;
    }
    let notes: String = notes.iter().map(|note| format!("- {note}\n")).collect();
    format!("{machine}\n\n{}{tables}{notes}", targets::markdown(subjects, results))
}

impl Table {
    /// Columns and rows that have figures; nothing when there are none.
    fn markdown(&self, subjects: &[Subject], results: &Results) -> String {
        let measured = |key: Key| (0..subjects.len()).any(|subject| results.median(key, subject).is_some());
        let columns: Vec<_> = self.columns.iter().filter(|(_, key)| measured(*key)).collect();
        if columns.is_empty() {
            return String::new();
        }
        let reference = self.relative_to.and_then(|name| subjects.iter().position(|subject| subject.name == name));
        let note = if reference.is_some() { " (in parentheses: × nginx)" } else { "" };
        let mut text = format!("**{}**{note}\n\n|  |", self.title);
        columns.iter().for_each(|(header, _)| text.push_str(&format!(" {header} |")));
        text.push_str("\n| --- |");
        columns.iter().for_each(|_| text.push_str(" ---: |"));
        text.push('\n');
        for (index, subject) in subjects.iter().enumerate() {
            let cells: Vec<_> = columns.iter().map(|(_, key)| self.cell(results, *key, index, reference)).collect();
            if cells.iter().any(|cell| cell != "–") {
                // Writing to a string does not fail.
                let _ = writeln!(text, "| {} | {} |", subject.name, cells.join(" | "));
            }
        }
        text.push('\n');
        text
    }

    fn cell(&self, results: &Results, key: Key, subject: usize, reference: Option<usize>) -> String {
        let Some(value) = results.median(key, subject) else { return "–".to_owned() };
        let value = number(value, self.decimals);
        match reference.and_then(|reference| results.ratio(key, subject, reference)) {
            Some(ratio) => format!("{value} ({ratio:.2})"),
            None => value,
        }
    }
}

/// A number with a comma between thousands; an infinite one is a time that was not waited for.
fn number(value: f64, decimals: usize) -> String {
    if value.is_infinite() {
        return format!("> {}", recovery::PATIENCE.as_secs());
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, fraction)| (whole, fraction));
    // What rounds to nothing has no sign.
    let negative = value < 0.0 && text.contains(|digit| matches!(digit, '1'..='9'));
    let mut grouped = String::from(if negative { "-" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(number(1_234_567.4, 0), "1,234,567");
        assert_eq!(number(123.0, 0), "123");
        assert_eq!(number(1234.5, 2), "1,234.50");
        assert_eq!(number(-123.4, 1), "-123.4");
        assert_eq!(number(-0.01, 1), "0.0");
        assert_eq!(number(f64::INFINITY, 2), "> 60");
    }
}
