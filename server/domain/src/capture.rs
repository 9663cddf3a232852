//! What is kept of the requests that pass, as their owner wants it.

use crate::schema::written_as;
use crate::service::{OutOfRange, within};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How much is kept of an exchange; each level has what those before it have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaptureLevel {
    /// Nothing.
    Off,
    /// Method, host, path, status, times, sizes, who asked and who answered.
    #[default]
    Metadata,
    /// Both heads as they were received.
    Headers,
    /// Both bodies, and the messages of WebSockets and event streams, up to a limit.
    Bodies,
}

impl CaptureLevel {
    /// All of them, least first.
    pub const ALL: [Self; 4] = [Self::Off, Self::Metadata, Self::Headers, Self::Bodies];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Metadata => "metadata",
            Self::Headers => "headers",
            Self::Bodies => "bodies",
        }
    }
}

impl FromStr for CaptureLevel {
    type Err = UnknownCaptureLevel;

    fn from_str(text: &str) -> Result<Self, UnknownCaptureLevel> {
        Self::ALL.into_iter().find(|level| level.as_str() == text).ok_or(UnknownCaptureLevel)
    }
}

/// The text names no [`CaptureLevel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown level; use one of off, metadata, headers, bodies")]
pub struct UnknownCaptureLevel;

/// What is kept of the exchanges of one tunnel, domain or route. What is left out in JSON is as [`default`](Self::default).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawCaptureSettings", into = "RawCaptureSettings")]
pub struct CaptureSettings {
    /// How much is kept.
    pub level: CaptureLevel,
    /// The most that is kept of each body, and of all messages in one direction, bytes; 1 KiB to 8 MiB.
    pub body_limit: u32,
    /// Of how many in a hundred exchanges something is kept; 1 to 100.
    pub sample_percent: u8,
    /// For how many hours; 1 to 2,160 (90 days).
    pub keep_hours: u32,
    /// How many bytes of them are kept in all, in MiB as they are stored; 1 to 10,240. The oldest go first.
    pub keep_mib: u32,
    /// What is not stored.
    pub redact: Redaction,
}

/// What is masked before anything is stored, besides the values of the fields `Authorization`, `Proxy-Authorization`,
/// `Cookie` and `Set-Cookie`, and those of [query parameters that are secret](crate::SECRET_PARAMETERS), which always are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// Names of header fields and of trailers; upper and lower case are alike. Of cookies, names and attributes are stored
    /// unless `Cookie` and `Set-Cookie` are here.
    pub headers: Vec<String>,
    /// Names of query parameters, and of fields of a form in a body.
    pub query: Vec<String>,
    /// Paths into JSON bodies and messages: names joined by dots, `*` for any name or place in a list, `**` for any
    /// number of them: `user.password`, `items.*.card`, `**.secret`.
    pub json_paths: Vec<String>,
}

/// Why settings are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureSettingsError {
    /// A number is too small or too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// Too many names.
    #[error("redact.{0} has at most {MOST_NAMES} entries")]
    TooMany(&'static str),
    /// A name that is none.
    #[error("{1:?} in redact.{0} is empty, too long, or has characters that it cannot have")]
    Name(&'static str, String),
}

/// The most entries of each list in [`Redaction`].
const MOST_NAMES: usize = 50;
/// The longest of them, bytes.
const LONGEST_NAME: usize = 200;

impl Default for CaptureSettings {
    fn default() -> Self {
        Self {
            level: CaptureLevel::default(),
            body_limit: 256 * 1024,
            sample_percent: 100,
            keep_hours: 72,
            keep_mib: 256,
            redact: Redaction::default(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
struct RawCaptureSettings {
    /// How much is kept.
    level: CaptureLevel,
    /// The most that is kept of each body, and of all messages in one direction, bytes; 1 KiB to 8 MiB.
    body_limit: u32,
    /// Of how many in a hundred exchanges something is kept; 1 to 100.
    sample_percent: u8,
    /// For how many hours; 1 to 2,160 (90 days).
    keep_hours: u32,
    /// How many bytes of them are kept in all, in MiB as they are stored; 1 to 10,240. The oldest go first.
    keep_mib: u32,
    /// What is not stored.
    redact: Redaction,
}

impl Default for RawCaptureSettings {
    fn default() -> Self {
        CaptureSettings::default().into()
    }
}

impl From<CaptureSettings> for RawCaptureSettings {
    fn from(from: CaptureSettings) -> Self {
        let CaptureSettings { level, body_limit, sample_percent, keep_hours, keep_mib, redact } = from;
        Self { level, body_limit, sample_percent, keep_hours, keep_mib, redact }
    }
}

impl TryFrom<RawCaptureSettings> for CaptureSettings {
    type Error = CaptureSettingsError;

    fn try_from(raw: RawCaptureSettings) -> Result<Self, CaptureSettingsError> {
        let RawCaptureSettings { level, body_limit, sample_percent, keep_hours, keep_mib, redact } = raw;
        Self { level, body_limit, sample_percent, keep_hours, keep_mib, redact }.checked()
    }
}

impl CaptureSettings {
    /// The settings, if they can be.
    ///
    /// # Errors
    /// When a number is out of its range, or a name of what is masked is none.
    pub fn checked(self) -> Result<Self, CaptureSettingsError> {
        let Self { body_limit, sample_percent, keep_hours, keep_mib, ref redact, .. } = self;
        within("body_limit", body_limit, 1024, 8 * 1024 * 1024)?;
        within("sample_percent", sample_percent.into(), 1, 100)?;
        within("keep_hours", keep_hours, 1, 90 * 24)?;
        within("keep_mib", keep_mib, 1, 10 * 1024)?;
        let token = |name: &str| name.bytes().all(|byte| byte.is_ascii_graphic());
        check_names("headers", &redact.headers, token)?;
        check_names("query", &redact.query, |name| !name.contains(['&', '=']))?;
        check_names("json_paths", &redact.json_paths, |path| path.split('.').all(|part| !part.is_empty()))?;
        Ok(self)
    }
}

fn check_names(list: &'static str, names: &[String], fits: impl Fn(&str) -> bool) -> Result<(), CaptureSettingsError> {
    if names.len() > MOST_NAMES {
        return Err(CaptureSettingsError::TooMany(list));
    }
    let wrong = names.iter().find(|name| name.is_empty() || name.len() > LONGEST_NAME || !fits(name));
    wrong.map_or(Ok(()), |name| Err(CaptureSettingsError::Name(list, name.clone())))
}

written_as!(CaptureSettings, RawCaptureSettings, "What is recorded of requests.");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_left_out_is_as_usual_and_what_cannot_be_is_named() {
        let read = serde_json::from_str::<CaptureSettings>;
        assert_eq!(read("{}").unwrap(), CaptureSettings::default());
        assert_eq!(read(r#"{"level":"bodies"}"#).unwrap().body_limit, 256 * 1024);
        for (json, part) in [
            (r#"{"sample_percent":0}"#, "sample_percent"),
            (r#"{"body_limit":1}"#, "body_limit"),
            (r#"{"redact":{"headers":["a b"]}}"#, "redact.headers"),
            (r#"{"redact":{"json_paths":["a..b"]}}"#, "redact.json_paths"),
            (r#"{"levels":"off"}"#, "levels"),
        ] {
            assert!(read(json).unwrap_err().to_string().contains(part), "{json}");
        }
    }
}
