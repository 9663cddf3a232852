//! What stretch of time a chart shows.

use crate::{Range, Timestamp};
use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};

/// How long measurements of each minute are kept, seconds.
pub const MINUTES_KEPT: i64 = 2 * 86_400;
/// How long those of each hour are.
pub const HOURS_KEPT: i64 = 62 * 86_400;
/// The most steps that a stretch of one's own choice has.
const MAX_STEPS: i64 = 400;
/// The steps that it may have, seconds.
const STEPS: [i64; 10] = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800];

/// What stretch of time is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// One that ends now.
    Recent(Range),
    /// One of one's own choice.
    Between(Between),
}

/// A stretch of time of one's own choice: at least a minute, begun at most 62 days ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    from: i64,
    until: i64,
}

/// A stretch of time in steps; begin and end lie on the border of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The start, seconds since the Unix epoch.
    pub from: i64,
    /// The end.
    pub until: i64,
    /// The length of a step, seconds.
    pub step: i64,
}

/// A stretch of time that cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WindowError {
    /// The parameter at fault: `range`, `from` or `until`.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl WindowError {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

impl Between {
    /// From `from` to `until`, in seconds since the Unix epoch, as is `now`.
    ///
    /// # Errors
    /// When it is shorter than a minute, begins before anything that is still kept, or has not begun yet.
    pub fn new(from: i64, until: i64, now: i64) -> Result<Self, WindowError> {
        if until.saturating_sub(from) < 60 {
            return Err(WindowError::new("until", "has to be at least a minute after the start"));
        }
        if from < now - HOURS_KEPT {
            return Err(WindowError::new("from", "figures are kept for 62 days; begin later"));
        }
        if from > now {
            return Err(WindowError::new("from", "lies in the future"));
        }
        Ok(Self { from, until: until.min(now + 60) })
    }

    /// When it begins.
    pub fn from(self) -> Option<Timestamp> {
        DateTime::from_timestamp(self.from, 0)
    }

    /// When it ends.
    pub fn until(self) -> Option<Timestamp> {
        DateTime::from_timestamp(self.until, 0)
    }
}

impl From<Range> for Window {
    fn from(range: Range) -> Self {
        Self::Recent(range)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::Recent(Range::default())
    }
}

impl Window {
    /// What the parameters of an address say: `range`, or `from` and `until` (now, if it is missing), as RFC 3339 or,
    /// in UTC, as forms send it: `2026-11-21T18:30`. Empty ones count as missing.
    ///
    /// # Errors
    /// When that is no stretch of time that can be shown.
    pub fn parse(range: Option<&str>, from: Option<&str>, until: Option<&str>, now: i64) -> Result<Self, WindowError> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (range, from, until) = (given(range).filter(|range| range != "custom"), given(from), given(until));
        match (range, from, until) {
            (Some(range), None, None) => range
                .parse()
                .map(Self::Recent)
                .map_err(|_| WindowError::new("range", "use one of live, 1h, 24h, 7d, 30d, or from and until")),
            (None, None, None) => Ok(Self::default()),
            (None, Some(from), until) => {
                let from = moment("from", &from)?;
                let until = until.map_or(Ok(now), |until| moment("until", &until))?;
                Between::new(from, until, now).map(Self::Between)
            }
            (None, None, Some(_)) => Err(WindowError::new("from", "say also where it begins")),
            (Some(_), ..) => Err(WindowError::new("range", "give either a range or from and until")),
        }
    }

    /// Whether it still grows by the second.
    pub fn is_live(self) -> bool {
        self == Self::Recent(Range::Live)
    }

    /// As parameters of an address, without `?`; empty: nothing need be said.
    pub fn query(self) -> String {
        match self {
            Self::Recent(Range::Live) => String::new(),
            Self::Recent(range) => format!("range={}", range.as_str()),
            Self::Between(between) => format!("from={}&until={}", plain(between.from), plain(between.until)),
        }
    }

    /// Its steps, at `now`: in minutes where those are still kept, and at most 400.
    pub fn span(self, now: i64) -> Span {
        let (from, until, step) = match self {
            Self::Recent(range) => {
                let until = now.div_euclid(range.step()) * range.step() + range.step();
                return Span { from: until - range.seconds(), until, step: range.step() };
            }
            Self::Between(Between { from, until }) => {
                let finest = if from < now - MINUTES_KEPT { 3_600 } else { 60 };
                let fits = |step: &&i64| **step >= finest && (until - from) / **step < MAX_STEPS - 1;
                (from, until, STEPS.iter().find(fits).copied().unwrap_or(STEPS[STEPS.len() - 1]))
            }
        };
        let up = |at: i64| (at + step - 1).div_euclid(step) * step;
        Span { from: from.div_euclid(step) * step, until: up(until), step }
    }
}

fn moment(field: &'static str, text: &str) -> Result<i64, WindowError> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.timestamp());
    }
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|moment| moment.and_utc().timestamp())
        .ok_or_else(|| WindowError::new(field, "is no moment; write it as 2026-11-21T18:30 (UTC)"))
}

/// As forms send it.
fn plain(at: i64) -> String {
    DateTime::from_timestamp(at, 0).map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const NOW: i64 = 1_790_000_000;

    #[test]
    fn what_an_address_says_is_checked_and_said_again() {
        let parse = |range, from, until| Window::parse(range, from, until, NOW);
        assert_eq!(parse(None, None, None).unwrap(), Window::Recent(Range::Live));
        assert_eq!(parse(Some("7d"), Some(""), None).unwrap(), Window::Recent(Range::Week));
        let custom = parse(Some("custom"), Some("2026-09-20T10:00"), Some("2026-09-20T13:00:00+02:00")).unwrap();
        assert_eq!(custom.query(), "from=2026-09-20T10:00:00&until=2026-09-20T11:00:00");
        let until_now = parse(None, Some("2026-09-21T00:00"), None).unwrap();
        assert_eq!(until_now.span(NOW).until, NOW.div_euclid(300) * 300 + 300);
        for (range, from, until, field) in [
            (Some("2h"), None, None, "range"),
            (Some("1h"), Some("2026-09-20T10:00"), None, "range"),
            (None, Some("yesterday"), None, "from"),
            (None, None, Some("2026-09-20T10:00"), "from"),
            (None, Some("2026-09-20T10:00"), Some("2026-09-20T10:00:30"), "until"),
            (None, Some("2026-01-01T00:00"), None, "from"),
            (None, Some("2027-01-01T00:00"), Some("2027-02-01T00:00"), "from"),
            (None, Some("+262142-12-31T23:59"), Some("-262142-01-01T00:00"), "until"),
        ] {
            assert_eq!(parse(range, from, until).unwrap_err().field, field, "{range:?} {from:?} {until:?}");
        }
    }

    #[test]
    fn steps_are_few_and_of_what_is_kept() {
        for (ago, length, step) in [
            (3_600, 3_600, 60),
            (86_400, 6 * 3_600, 60),
            (86_400, 86_400, 300),
            (MINUTES_KEPT, MINUTES_KEPT, 600),
            (3 * 86_400, 3_600, 3_600),
            (30 * 86_400, 30 * 86_400, 7_200),
            (HOURS_KEPT, HOURS_KEPT, 14_400),
        ] {
            let span = Window::Between(Between::new(NOW - ago, NOW - ago + length, NOW).unwrap()).span(NOW);
            assert_eq!(span.step, step, "{ago} {length}");
            assert!((span.until - span.from) / step <= MAX_STEPS);
            assert!(span.from <= NOW - ago && span.until >= NOW - ago + length && span.from % step == 0);
        }
    }
}
