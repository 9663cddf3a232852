//! How a service watches its backends.

use crate::schema::written_as;
use crate::{
    service::{OutOfRange, within},
    text::{as_text, present, text_type},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Active health checks of a service's backends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawHealthCheck", into = "RawHealthCheck")]
pub struct HealthCheck {
    /// Whether backends are asked at all.
    pub enabled: bool,
    /// What is asked for.
    pub path: CheckPath,
    /// Seconds between two questions; 1 to 3,600. `None`: as the server is set.
    pub interval_seconds: Option<u32>,
    /// Milliseconds until an answer is given up; 50 to 60,000. `None`: as the server is set.
    pub timeout_ms: Option<u32>,
    /// How many good answers in a row make a backend healthy again; 1 to 100. The first one of all is enough.
    pub healthy_after: u32,
    /// How many bad answers in a row make it unhealthy; 1 to 100.
    pub unhealthy_after: u32,
    /// Which statuses are good answers.
    pub statuses: Statuses,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
struct RawHealthCheck {
    /// Whether backends are asked at all.
    enabled: bool,
    /// What is asked for.
    path: CheckPath,
    /// Seconds between two questions; 1 to 3,600. `None`: as the server is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_seconds: Option<u32>,
    /// Milliseconds until an answer is given up; 50 to 60,000. `None`: as the server is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    /// How many good answers in a row make a backend healthy again; 1 to 100. The first one of all is enough.
    healthy_after: u32,
    /// How many bad answers in a row make it unhealthy; 1 to 100.
    unhealthy_after: u32,
    /// Which statuses are good answers.
    statuses: Statuses,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            enabled: true,
            path: CheckPath("/health".into()),
            interval_seconds: None,
            timeout_ms: None,
            healthy_after: 2,
            unhealthy_after: 3,
            statuses: Statuses::default(),
        }
    }
}

impl Default for RawHealthCheck {
    fn default() -> Self {
        HealthCheck::default().into()
    }
}

impl From<HealthCheck> for RawHealthCheck {
    fn from(from: HealthCheck) -> Self {
        Self {
            enabled: from.enabled,
            path: from.path,
            interval_seconds: from.interval_seconds,
            timeout_ms: from.timeout_ms,
            healthy_after: from.healthy_after,
            unhealthy_after: from.unhealthy_after,
            statuses: from.statuses,
        }
    }
}

impl TryFrom<RawHealthCheck> for HealthCheck {
    type Error = OutOfRange;

    fn try_from(raw: RawHealthCheck) -> Result<Self, OutOfRange> {
        if let Some(seconds) = raw.interval_seconds {
            within("interval_seconds", seconds, 1, 3_600)?;
        }
        if let Some(milliseconds) = raw.timeout_ms {
            within("timeout_ms", milliseconds, 50, 60_000)?;
        }
        within("healthy_after", raw.healthy_after, 1, 100)?;
        within("unhealthy_after", raw.unhealthy_after, 1, 100)?;
        Ok(Self {
            enabled: raw.enabled,
            path: raw.path,
            interval_seconds: raw.interval_seconds,
            timeout_ms: raw.timeout_ms,
            healthy_after: raw.healthy_after,
            unhealthy_after: raw.unhealthy_after,
            statuses: raw.statuses,
        })
    }
}

/// What is to be changed of a [`HealthCheck`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheckPatch {
    /// See [`HealthCheck::enabled`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// See [`HealthCheck::path`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<CheckPath>,
    /// See [`HealthCheck::interval_seconds`]; null: as the server is set.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<Option<u32>>,
    /// See [`HealthCheck::timeout_ms`]; null: as the server is set.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<Option<u32>>,
    /// See [`HealthCheck::healthy_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_after: Option<u32>,
    /// See [`HealthCheck::unhealthy_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_after: Option<u32>,
    /// See [`HealthCheck::statuses`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Statuses>,
}

impl HealthCheckPatch {
    pub(crate) fn apply(self, old: &HealthCheck) -> Result<HealthCheck, OutOfRange> {
        RawHealthCheck {
            enabled: self.enabled.unwrap_or(old.enabled),
            path: self.path.unwrap_or_else(|| old.path.clone()),
            interval_seconds: self.interval_seconds.unwrap_or(old.interval_seconds),
            timeout_ms: self.timeout_ms.unwrap_or(old.timeout_ms),
            healthy_after: self.healthy_after.unwrap_or(old.healthy_after),
            unhealthy_after: self.unhealthy_after.unwrap_or(old.unhealthy_after),
            statuses: self.statuses.unwrap_or_else(|| old.statuses.clone()),
        }
        .try_into()
    }
}

/// What a health check asks for: a path with or without a query (RFC 9110 section 7.1, origin-form), at most 1,024
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct CheckPath(String);

/// Why a text is not accepted as what a health check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a health check's path starts with / and has at most 1,024 characters, none of them a space or #")]
pub struct CheckPathError;

text_type!(CheckPath, CheckPathError);

impl FromStr for CheckPath {
    type Err = CheckPathError;

    fn from_str(text: &str) -> Result<Self, CheckPathError> {
        let text = text.trim();
        let characters_ok = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b));
        if text.starts_with('/') && text.len() <= 1_024 && characters_ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(CheckPathError)
        }
    }
}

/// HTTP statuses, as numbers and ranges such as `200-299,304`; at most 16 of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Statuses(Vec<(u16, u16)>);

/// Why a text is not accepted as a set of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give statuses from 100 to 599 as numbers and ranges, such as 200-299,304; at most 16 of them")]
pub struct StatusesError;

impl Statuses {
    /// Whether this status is among them.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl Default for Statuses {
    /// 2xx and 3xx.
    fn default() -> Self {
        Self(vec![(200, 399)])
    }
}

impl FromStr for Statuses {
    type Err = StatusesError;

    fn from_str(text: &str) -> Result<Self, StatusesError> {
        let status = |text: &str| {
            let text = text.trim();
            let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|number| digits && (100..=599).contains(number)).ok_or(StatusesError)
        };
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last): (u16, u16) = (status(first)?, status(last)?);
            if first <= last { Ok((first, last)) } else { Err(StatusesError) }
        };
        if text.split(',').count() > 16 {
            return Err(StatusesError);
        }
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }
}

as_text!(Statuses, StatusesError);

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (first, last)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

written_as!(HealthCheck, RawHealthCheck, "How backends are checked.");

written_as!(
    Statuses,
    String,
    "Statuses from 100 to 599 as numbers and ranges, such as `200-299,304`; at most 16 of them."
);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn statuses_are_numbers_and_ranges() {
        let statuses: Statuses = "200-299, 304".parse().unwrap();
        assert_eq!(statuses.to_string(), "200-299,304");
        assert!(statuses.contains(200) && statuses.contains(299) && statuses.contains(304));
        assert!(!statuses.contains(300) && !statuses.contains(500));
        for text in ["", "2xx", "99", "600", "300-200", "200-", "+20", "200,,300"] {
            assert_eq!(text.parse::<Statuses>(), Err(StatusesError), "{text:?}");
        }
    }

    #[test]
    fn what_is_missing_is_the_default() {
        let check: HealthCheck = serde_json::from_str(r#"{"path":"/","timeout_ms":500}"#).unwrap();
        assert_eq!((check.path.as_str(), check.timeout_ms, check.interval_seconds), ("/", Some(500), None));
        assert_eq!((check.healthy_after, check.unhealthy_after), (2, 3));
        for json in [r#"{"path":"health"}"#, r#"{"path":"/a b"}"#, r#"{"interval_seconds":0}"#, r#"{"every":1}"#] {
            assert!(serde_json::from_str::<HealthCheck>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn null_leaves_a_time_to_the_server() {
        let patch = |json: &str| serde_json::from_str::<HealthCheckPatch>(json).unwrap();
        let own = patch(r#"{"interval_seconds":5,"timeout_ms":500}"#).apply(&HealthCheck::default()).unwrap();
        assert_eq!((own.interval_seconds, own.timeout_ms), (Some(5), Some(500)));
        let half = patch(r#"{"interval_seconds":null}"#).apply(&own).unwrap();
        assert_eq!((half.interval_seconds, half.timeout_ms), (None, Some(500)));
        assert!(patch(r#"{"timeout_ms":49}"#).apply(&own).is_err());
        let text = serde_json::to_string(&half).unwrap();
        assert_eq!(serde_json::from_str::<HealthCheck>(&text).unwrap(), half);
        assert!(!text.contains("interval_seconds"), "{text}");
    }
}
