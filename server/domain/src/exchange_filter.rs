//! Which exchanges are looked for, as pages and the API write it in a URL.

use crate::{ExchangeEnd, ExchangeKind, ExchangeSummary, RequestId, Timestamp, percent};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// The longest text to look for, bytes.
const LONGEST_TEXT: usize = 200;

/// Which exchanges are looked for: those that are as all of this says. In a URL, and as JSON, it is an object of texts:
/// `method`, `status`, `kind`, `q`, `header`, `body`, `min_ms`, `max_ms`, `min_bytes`, `max_bytes`, `from`, `to`,
/// `pinned`, `replay_of`, `errors`; an empty text is as none, since that is what forms send.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct ExchangeFilter {
    /// The method, in capitals.
    pub method: Option<String>,
    /// The status.
    pub status: Option<StatusFilter>,
    /// What is carried.
    pub kind: Option<ExchangeKind>,
    /// A part of the path and query or of the host, whatever the case; `q` in a URL.
    pub path: Option<String>,
    /// A part of a header field of either head, whatever the case: of its name, or as `name: value` of the value of a
    /// field whose name is just that.
    pub header: Option<String>,
    /// A part of either body or of a message, whatever the case.
    pub body: Option<String>,
    /// The shortest duration, milliseconds.
    pub min_ms: Option<u64>,
    /// The longest.
    pub max_ms: Option<u64>,
    /// The fewest bytes of both bodies together.
    pub min_bytes: Option<u64>,
    /// The most.
    pub max_bytes: Option<u64>,
    /// The earliest arrival.
    pub from: Option<Timestamp>,
    /// The latest arrival.
    pub to: Option<Timestamp>,
    /// Only pinned ones.
    pub pinned: bool,
    /// Only replays of this one.
    pub replay_of: Option<RequestId>,
    /// Only what went wrong: a status of 400 and above, an error of ours, or an end before its time.
    pub errors: bool,
}

/// A status, or a class of them: `404`, `5xx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusFilter {
    /// The first digit.
    Class(u8),
    /// All three.
    Exact(u16),
}

/// Why a filter is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExchangeFilterError {
    /// The name in a URL.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// The names in a URL.
const FIELDS: [&str; 15] = [
    "method",
    "status",
    "kind",
    "q",
    "header",
    "body",
    "min_ms",
    "max_ms",
    "min_bytes",
    "max_bytes",
    "from",
    "to",
    "pinned",
    "replay_of",
    "errors",
];

impl ExchangeFilter {
    /// Takes in a parameter of a URL; whether it is one of a filter at all.
    ///
    /// # Errors
    /// When its value cannot be.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, ExchangeFilterError> {
        let Some(field) = FIELDS.into_iter().find(|field| *field == name) else { return Ok(false) };
        let value = value.trim();
        let wrong = |message: &str| ExchangeFilterError { field, message: format!("{field}: {message}") };
        if value.len() > LONGEST_TEXT {
            return Err(wrong("look for at most 200 characters"));
        }
        let given = (!value.is_empty()).then_some(value);
        let text = given.map(str::to_owned);
        let number = || given.map(|text| text.parse().map_err(|_| wrong("a whole number is meant"))).transpose();
        let time = || given.map(|text| read_time(text).ok_or_else(|| wrong(NO_TIME))).transpose();
        let flag = || match given {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1" | "on") => Ok(true),
            Some(_) => Err(wrong("true or false is meant")),
        };
        match field {
            "method" => self.method = given.map(str::to_ascii_uppercase),
            "status" => self.status = given.map(str::parse).transpose().map_err(|()| wrong(NO_STATUS))?,
            "kind" => self.kind = given.map(|text| kind(text).ok_or_else(|| wrong(NO_KIND))).transpose()?,
            "q" => self.path = text,
            "header" => self.header = text,
            "body" => self.body = text,
            "min_ms" => self.min_ms = number()?,
            "max_ms" => self.max_ms = number()?,
            "min_bytes" => self.min_bytes = number()?,
            "max_bytes" => self.max_bytes = number()?,
            "from" => self.from = time()?,
            "to" => self.to = time()?,
            "pinned" => self.pinned = flag()?,
            "errors" => self.errors = flag()?,
            _ => self.replay_of = given.map(|id| id.parse().map_err(|_| wrong("an id is meant"))).transpose()?,
        }
        Ok(true)
    }

    /// Name and value of each part, as in a URL.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let time = |time: &Timestamp| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let flag = |set: bool| set.then(|| "true".to_owned());
        let all = [
            ("method", self.method.clone()),
            ("status", self.status.map(|status| status.to_string())),
            ("kind", self.kind.map(|kind| kind.as_str().to_owned())),
            ("q", self.path.clone()),
            ("header", self.header.clone()),
            ("body", self.body.clone()),
            ("min_ms", self.min_ms.map(|number| number.to_string())),
            ("max_ms", self.max_ms.map(|number| number.to_string())),
            ("min_bytes", self.min_bytes.map(|number| number.to_string())),
            ("max_bytes", self.max_bytes.map(|number| number.to_string())),
            ("from", self.from.as_ref().map(time)),
            ("to", self.to.as_ref().map(time)),
            ("pinned", flag(self.pinned)),
            ("replay_of", self.replay_of.map(|id| id.to_string())),
            ("errors", flag(self.errors)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// As the query of a URL, without `?`; empty when everything is looked for.
    pub fn to_query(&self) -> String {
        let mut query = String::new();
        for (name, value) in self.pairs() {
            let gap = if query.is_empty() { "" } else { "&" };
            query.push_str(gap);
            query.push_str(name);
            query.push('=');
            value.bytes().for_each(|byte| percent::push(&mut query, byte));
        }
        query
    }

    /// Whether everything is looked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether heads, bodies or messages have to be looked into.
    pub fn needs_contents(&self) -> bool {
        self.header.is_some() || self.body.is_some()
    }

    /// Whether what a list shows of an exchange is as this says; heads and bodies are not looked at.
    pub fn admits(&self, exchange: &ExchangeSummary) -> bool {
        let contains = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        let ms = exchange.duration_ms;
        let bytes = exchange.bytes_in.saturating_add(exchange.bytes_out);
        self.method.as_ref().is_none_or(|method| exchange.method == *method)
            && self.status.is_none_or(|status| exchange.status.is_some_and(|is| status.admits(is)))
            && self.kind.is_none_or(|kind| exchange.kind == kind)
            && self.path.as_ref().is_none_or(|part| contains(&exchange.path, part) || contains(&exchange.host, part))
            && self.min_ms.is_none_or(|least| ms >= to_float(least))
            && self.max_ms.is_none_or(|most| ms <= to_float(most))
            && self.min_bytes.is_none_or(|least| bytes >= least)
            && self.max_bytes.is_none_or(|most| bytes <= most)
            && self.from.is_none_or(|from| exchange.at >= from)
            && self.to.is_none_or(|to| exchange.at <= to)
            && (!self.pinned || exchange.pinned)
            && self.replay_of.is_none_or(|id| exchange.replay_of == Some(id))
            && (!self.errors || exchange.went_wrong())
    }
}

impl ExchangeSummary {
    /// Whether it has a status of 400 and above, an error of ours, or has ended before its time.
    pub fn went_wrong(&self) -> bool {
        self.status.is_some_and(|status| status >= 400)
            || self.error.is_some()
            || matches!(self.end, ExchangeEnd::ClientLeft | ExchangeEnd::BrokenOff)
    }
}

const NO_TIME: &str = "a time is meant, such as 2026-11-21T17:00:00Z";
const NO_STATUS: &str = "a status such as 404, or a class such as 5xx, is meant";
const NO_KIND: &str = "use one of http, event_stream, web_socket, upgrade";

fn kind(text: &str) -> Option<ExchangeKind> {
    ExchangeKind::ALL.into_iter().find(|kind| kind.as_str() == text)
}

/// RFC 3339, or what a browser's field for date and time gives, which is taken for UTC.
fn read_time(text: &str) -> Option<Timestamp> {
    let whole = chrono::DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
    whole.or_else(|| {
        let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        local.iter().find_map(|form| Some(chrono::NaiveDateTime::parse_from_str(text, form).ok()?.and_utc()))
    })
}

#[expect(clippy::cast_precision_loss, reason = "nothing takes so long that it matters")]
fn to_float(ms: u64) -> f64 {
    ms as f64
}

impl StatusFilter {
    /// Whether a status is one of these.
    pub fn admits(self, status: u16) -> bool {
        match self {
            Self::Class(class) => status / 100 == u16::from(class),
            Self::Exact(exact) => status == exact,
        }
    }
}

impl FromStr for StatusFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.as_bytes() {
            [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Ok(Self::Class(class - b'0')),
            [b'1'..=b'9', _, _] => text.parse().map(Self::Exact).map_err(|_| ()),
            _ => Err(()),
        }
    }
}

impl fmt::Display for StatusFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Exact(exact) => exact.fmt(f),
        }
    }
}

impl From<ExchangeFilter> for BTreeMap<String, String> {
    fn from(filter: ExchangeFilter) -> Self {
        filter.pairs().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for ExchangeFilter {
    type Error = ExchangeFilterError;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, ExchangeFilterError> {
        let mut filter = Self::default();
        for (name, value) in pairs {
            if !filter.set(&name, &value)? {
                let message = format!("{name:?} is none of {}", FIELDS.join(", "));
                return Err(ExchangeFilterError { field: "filter", message });
            }
        }
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<ExchangeFilter, ExchangeFilterError> {
        let pairs: BTreeMap<_, _> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        pairs.try_into()
    }

    #[test]
    fn a_filter_is_written_as_it_is_read() {
        let id = "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00";
        let pairs = [
            ("body", "a&b=ü"),
            ("errors", "true"),
            ("from", "2026-11-21T17:00:00Z"),
            ("header", "x-a: b"),
            ("kind", "web_socket"),
            ("max_bytes", "7"),
            ("method", "GET"),
            ("min_ms", "250"),
            ("pinned", "true"),
            ("q", "/a?b"),
            ("replay_of", id),
            ("status", "5xx"),
            ("to", "2026-11-21T18:00:00.250Z"),
        ];
        let filter = read(&pairs).unwrap();
        let mut written = filter.pairs();
        written.sort_unstable();
        assert_eq!(written, pairs.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(serde_json::from_str::<ExchangeFilter>(&serde_json::to_string(&filter).unwrap()).unwrap(), filter);
        let query = read(&[("q", "/a b&c"), ("status", "404")]).unwrap().to_query();
        assert_eq!(query, "status=404&q=%2Fa%20b%26c");
        assert!(read(&[("q", " "), ("status", ""), ("pinned", "false")]).unwrap().is_empty());
        assert_eq!(read(&[("from", "2026-11-21T17:00")]).unwrap().from, filter.from);
    }

    #[test]
    fn what_is_none_is_named() {
        for (name, value) in [
            ("status", "6xx"),
            ("status", "20"),
            ("kind", "tcp"),
            ("min_ms", "-1"),
            ("from", "yesterday"),
            ("pinned", "perhaps"),
            ("replay_of", "1"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().field, name, "{value}");
        }
        assert!(read(&[("colour", "red")]).unwrap_err().message.contains("colour"));
        assert!(read(&[("q", &"x".repeat(201))]).is_err());
    }
}
