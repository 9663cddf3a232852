//! What an owner changes of headers on their way through.

use crate::schema::written_as;
use crate::{
    Hostname,
    text::{as_text, text_type},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// How many changes a rule may hold.
const MAX_ENTRIES: usize = 32;

/// How many bytes their names and values may have together.
const MAX_BYTES: usize = 8 * 1024;

/// Headers that belong to the connection (RFC 9110 section 7.6.1) or that switchboard sets itself, because whoever reads
/// them relies on what they say.
const OWN: &[&str] = &[
    "connection",
    "content-length",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// The same, by how their names begin.
const OWN_PREFIXES: &[&str] = &["x-forwarded-", "x-switchboard-"];

/// What is shown instead of a value that is secret.
const MASK: &str = "********";

/// Words in the names of headers whose values are secret: `authorization`, `cookie`, `x-api-key`, `x-auth-token`.
const SECRET: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "key",
    "passwd",
    "password",
    "secret",
    "token",
];

/// The name of a header, lower-case: an RFC 9110 section 5.6.2 token of at most 128 characters that owners may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct HeaderName(String);

/// The value of a header: visible ASCII, inner spaces and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct HeaderValue(String);

/// Why changes of headers are not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRulesError {
    /// No header has such a name.
    #[error("{0:?} is not the name of a header; use letters, digits and hyphens, at most 128")]
    Name(String),
    /// It is not the owner's to change.
    #[error(
        "{0} cannot be changed here: headers of the connection (Connection, Upgrade, Transfer-Encoding, …), Host, Content-Length, X-Forwarded-*, Forwarded, X-Request-Id, X-Switchboard-* and Via are switchboard's own; for Host there is host_rewrite"
    )]
    Own(String),
    /// A line break or the like.
    #[error("a header's value has visible ASCII characters, spaces and tabs only")]
    Value,
    /// Which of the two is meant?
    #[error("{0} is both set and removed")]
    Both(String),
    /// A mask where there is nothing behind it.
    #[error("{0} has no value that could be kept: write its value instead of {MASK}")]
    Masked(String),
    /// Too much of it.
    #[error("a rule changes at most {MAX_ENTRIES} headers, with {MAX_BYTES} bytes in their names and values together")]
    TooMuch,
}

text_type!(HeaderName, HeaderRulesError);
text_type!(HeaderValue, HeaderRulesError);

/// Whether a text is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl FromStr for HeaderName {
    type Err = HeaderRulesError;

    fn from_str(text: &str) -> Result<Self, HeaderRulesError> {
        let name = text.trim().to_ascii_lowercase();
        if !is_token(&name) || name.len() > 128 {
            return Err(HeaderRulesError::Name(text.chars().take(40).collect()));
        }
        if OWN.contains(&name.as_str()) || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(HeaderRulesError::Own(name));
        }
        Ok(Self(name))
    }
}

impl HeaderName {
    /// Whether its values are shown to nobody once they are written, as far as the name tells.
    pub fn is_secret(&self) -> bool {
        self.0.split(['-', '_', '.']).any(|word| SECRET.contains(&word))
    }
}

impl FromStr for HeaderValue {
    type Err = HeaderRulesError;

    fn from_str(text: &str) -> Result<Self, HeaderRulesError> {
        let text = text.trim_matches([' ', '\t']);
        let ok = |b: u8| b.is_ascii_graphic() || b == b' ' || b == b'\t';
        if text.bytes().all(ok) { Ok(Self(text.to_owned())) } else { Err(HeaderRulesError::Value) }
    }
}

/// Changes of one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HeaderChanges {
    /// Headers that get this value, whatever they had.
    pub set: BTreeMap<HeaderName, HeaderValue>,
    /// Headers that are taken out.
    pub remove: BTreeSet<HeaderName>,
}

impl HeaderChanges {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    fn masked(mut self) -> Self {
        let secrets = self.set.iter_mut().filter(|(name, _)| name.is_secret());
        secrets.for_each(|(_, value)| *value = HeaderValue(MASK.to_owned()));
        self
    }

    fn unmasked(mut self, before: &Self) -> Result<Self, HeaderRulesError> {
        for (name, value) in self.set.iter_mut().filter(|(name, value)| name.is_secret() && value.0 == MASK) {
            let kept = before.set.get(name).ok_or_else(|| HeaderRulesError::Masked(name.to_string()))?;
            *value = kept.clone();
        }
        Ok(self)
    }
}

/// What a rule changes of requests and of responses: at most 32 headers and 8 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRules", into = "RawRules")]
pub struct HeaderRules {
    request: HeaderChanges,
    response: HeaderChanges,
}

#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
struct RawRules {
    /// Of requests, before the backend gets them.
    request: HeaderChanges,
    /// Of responses, before the client gets them.
    response: HeaderChanges,
}

impl HeaderRules {
    /// Rules from their parts.
    ///
    /// # Errors
    /// When there are too many, or one header is both set and removed.
    pub fn new(request: HeaderChanges, response: HeaderChanges) -> Result<Self, HeaderRulesError> {
        let (mut entries, mut bytes) = (0, 0);
        for changes in [&request, &response] {
            entries += changes.set.len() + changes.remove.len();
            bytes += changes.set.iter().map(|(name, value)| name.0.len() + value.0.len()).sum::<usize>();
            bytes += changes.remove.iter().map(|name| name.0.len()).sum::<usize>();
            if let Some(both) = changes.remove.iter().find(|name| changes.set.contains_key(*name)) {
                return Err(HeaderRulesError::Both(both.to_string()));
            }
        }
        if entries > MAX_ENTRIES || bytes > MAX_BYTES {
            return Err(HeaderRulesError::TooMuch);
        }
        Ok(Self { request, response })
    }

    /// The same, with a mask for each secret value: as it is shown, exported and kept in the history.
    #[must_use]
    pub fn masked(self) -> Self {
        Self { request: self.request.masked(), response: self.response.masked() }
    }

    /// The same, with what was there `before` for each mask: what was shown may be sent back.
    ///
    /// # Errors
    /// [`Masked`](HeaderRulesError::Masked) when nothing was there, [`TooMuch`](HeaderRulesError::TooMuch).
    pub fn unmasked(self, before: &Self) -> Result<Self, HeaderRulesError> {
        Self::new(self.request.unmasked(&before.request)?, self.response.unmasked(&before.response)?)
    }

    /// What is changed of requests, before the backend sees them.
    pub fn request(&self) -> &HeaderChanges {
        &self.request
    }

    /// What is changed of responses, before the client sees them.
    pub fn response(&self) -> &HeaderChanges {
        &self.response
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.request.is_empty() && self.response.is_empty()
    }
}

impl TryFrom<RawRules> for HeaderRules {
    type Error = HeaderRulesError;

    fn try_from(raw: RawRules) -> Result<Self, HeaderRulesError> {
        Self::new(raw.request, raw.response)
    }
}

impl From<HeaderRules> for RawRules {
    fn from(rules: HeaderRules) -> Self {
        Self { request: rules.request, response: rules.response }
    }
}

/// Which `Host` the backend is told instead of the client's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostRewrite {
    /// That of the backend's own address; written `{backend}`.
    Backend,
    /// This one: a host name or an IP address (IPv6 in brackets), with or without a port.
    Fixed(String),
}

/// Why a text is not accepted as a `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give a host such as app.internal or app.internal:8080, or {{backend}} for that of the backend's address")]
pub struct HostRewriteError;

impl FromStr for HostRewrite {
    type Err = HostRewriteError;

    fn from_str(text: &str) -> Result<Self, HostRewriteError> {
        let text = text.trim();
        if text == "{backend}" {
            return Ok(Self::Backend);
        }
        Authority::parse(text).map(|authority| Self::Fixed(authority.text)).ok_or(HostRewriteError)
    }
}

as_text!(HostRewrite, HostRewriteError);

impl std::fmt::Display for HostRewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Backend => f.write_str("{backend}"),
            Self::Fixed(text) => f.write_str(text),
        }
    }
}

/// A host with or without a port (RFC 3986 section 3.2, no user information), in its one spelling.
pub(crate) struct Authority {
    pub(crate) text: String,
}

impl Authority {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse::<u16>().ok().filter(|port| *port > 0)?)
            }
            Some(_) => return None,
        };
        let host = match host.strip_prefix('[') {
            Some(rest) => format!("[{}]", rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?),
            None => match host.parse::<Ipv4Addr>() {
                Ok(address) => address.to_string(),
                Err(_) => host.parse::<Hostname>().ok()?.into(),
            },
        };
        let text = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Some(Self { text })
    }
}

written_as!(
    HostRewrite,
    String,
    "The `Host` that a backend is told: `{backend}` for its own address, otherwise a fixed name."
);

written_as!(HeaderRules, RawRules, "What is changed of header fields.");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn rules(json: &str) -> Result<HeaderRules, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_set_and_remove() {
        let rules = rules(
            r#"{"request":{"set":{"X-Team":"shop a"},"remove":["Cookie"]},"response":{"set":{"Strict-Transport-Security":"max-age=31536000"}}}"#,
        )
        .unwrap();
        let text = serde_json::to_string(rules.request()).unwrap();
        assert_eq!(text, r#"{"set":{"x-team":"shop a"},"remove":["cookie"]}"#);
        assert!(!rules.is_empty() && HeaderRules::default().is_empty());
    }

    #[test]
    fn what_is_switchboards_own_stays_so() {
        for name in
            ["Host", "content-length", "Transfer-Encoding", "X-Forwarded-For", "Forwarded", "X-Request-Id", "Via", "TE"]
        {
            let error = rules(&format!(r#"{{"request":{{"remove":["{name}"]}}}}"#)).unwrap_err();
            assert!(error.contains("switchboard's own"), "{name}: {error}");
        }
    }

    #[test]
    fn what_would_break_a_message_is_refused() {
        assert!(rules(r#"{"request":{"set":{"a":"b\r\nc: d"}}}"#).unwrap_err().contains("visible"));
        assert!(rules(r#"{"request":{"set":{"a b":"c"}}}"#).unwrap_err().contains("not the name"));
        assert!(rules(r#"{"request":{"set":{"a":"1"},"remove":["A"]}}"#).unwrap_err().contains("both"));
        assert!(rules(r#"{"requests":{}}"#).is_err());
        let many: Vec<_> = (0..33).map(|n| format!("\"h{n}\"")).collect();
        assert!(
            rules(&format!(r#"{{"response":{{"remove":[{}]}}}}"#, many.join(","))).unwrap_err().contains("at most")
        );
        let long = format!(r#"{{"response":{{"set":{{"a":"{}"}}}}}}"#, "x".repeat(8 * 1024));
        assert!(rules(&long).unwrap_err().contains("8192"));
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (text, expected) in [
            ("App.Internal:8080", "app.internal:8080"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::0001]:80", "[::1]:80"),
            ("[::1]", "[::1]"),
            ("{backend}", "{backend}"),
        ] {
            assert_eq!(text.parse::<HostRewrite>().unwrap().to_string(), expected);
        }
        for text in ["", "a b", "http://a", "a/b", "a@b", "a:0", "a:99999", "a:+8", "::1", "[::1", "{x}"] {
            assert_eq!(text.parse::<HostRewrite>(), Err(HostRewriteError), "{text:?}");
        }
    }

    #[test]
    fn secret_values_are_masked_and_masks_stand_for_what_was() {
        let rules = |text: &str| serde_json::from_str::<HeaderRules>(text).unwrap_or_else(|error| panic!("{error}"));
        let before = rules(
            r#"{"request": {"set": {"Authorization": "Bearer 1", "X-Api-Key": "2", "X-Team": "shop", "X-Author": "Ada"}}}"#,
        );
        let shown = before.clone().masked();
        let text = serde_json::to_string(&shown).unwrap_or_default();
        assert!(!text.contains("Bearer 1") && !text.contains("\"2\""), "{text}");
        assert!(text.contains("shop") && text.contains("Ada"), "{text}");
        assert_eq!(shown.clone().unmasked(&before), Ok(before.clone()));
        assert_eq!(shown.unmasked(&HeaderRules::default()), Err(HeaderRulesError::Masked("authorization".to_owned())));
        let stars = rules(r#"{"request": {"set": {"X-Team": "********"}}}"#);
        assert_eq!(stars.clone().unmasked(&before), Ok(stars), "what is no secret may be stars");
    }
}
