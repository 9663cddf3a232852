//! Which hosts a domain stands for.

use crate::schema::written_as;
use crate::{Hostname, HostnameError};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One host, or all hosts under one. As text, `app.example.com` or `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// This host and no other.
    Exact(Hostname),
    /// Every host that has one or more labels in front of this one: `*.example.com` stands for `a.example.com` and
    /// `a.b.example.com`, and not for `example.com` itself.
    Wildcard(Hostname),
}

/// Why a text is not accepted as a host or a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// A star somewhere else than for the whole first label.
    #[error("a * stands for what is in front of a host name, as in *.example.com, and nowhere else")]
    Star,
    /// No host could have a label in front of it.
    #[error("nothing fits in front of this name: a host name has at most 253 characters")]
    NoRoom,
    /// What is left of it is no host name.
    #[error(transparent)]
    Hostname(#[from] HostnameError),
}

impl HostPattern {
    /// The name that has to match, without the star.
    pub fn hostname(&self) -> &Hostname {
        match self {
            Self::Exact(name) | Self::Wildcard(name) => name,
        }
    }

    /// Whether it stands for more than one host.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Wildcard(_))
    }

    /// Whether it stands for every host that `other` stands for.
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exact(name) => self.matches(name.as_str()),
            Self::Wildcard(name) => self.is_wildcard() && (self.hostname() == name || self.matches(name.as_str())),
        }
    }

    /// Whether it stands for `host`, which is in lower case and without port, as a [`Hostname`] is.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name.as_str() == host,
            Self::Wildcard(name) => host
                .strip_suffix(name.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let text = text.trim();
        let name = text.strip_prefix("*.");
        if name.unwrap_or(text).contains('*') {
            return Err(HostPatternError::Star);
        }
        let Some(name) = name else { return Ok(Self::Exact(text.parse()?)) };
        let name: Hostname = name.parse()?;
        if name.as_str().len() > 251 {
            return Err(HostPatternError::NoRoom);
        }
        Ok(Self::Wildcard(name))
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostPatternError;

    fn try_from(text: String) -> Result<Self, HostPatternError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        match pattern {
            HostPattern::Exact(name) => name.into(),
            HostPattern::Wildcard(_) => pattern.to_string(),
        }
    }
}

impl From<Hostname> for HostPattern {
    fn from(name: Hostname) -> Self {
        Self::Exact(name)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(name) => f.pad(&format!("*.{name}")),
        }
    }
}

written_as!(
    HostPattern,
    String,
    "A host name, exact (`app.example.com`) or with one leading wildcard (`*.example.com`)."
);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn spellings_of_one_pattern_are_one_value() {
        for (text, kept) in [
            ("App.Example.com.", "app.example.com"),
            (" *.Example.com ", "*.example.com"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("*.localhost", "*.localhost"),
        ] {
            assert_eq!(text.parse::<HostPattern>().map(String::from), Ok(kept.into()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, error) in [
            ("", HostPatternError::Hostname(HostnameError::Empty)),
            ("*.", HostPatternError::Hostname(HostnameError::Empty)),
            ("*", HostPatternError::Star),
            ("a*.example.com", HostPatternError::Star),
            ("*.*.example.com", HostPatternError::Star),
            ("a.*.example.com", HostPatternError::Star),
            ("*.127.0.0.1", HostPatternError::Hostname(HostnameError::IpAddress)),
            ("*.example.com:80", HostPatternError::Hostname(HostnameError::Malformed)),
        ] {
            assert_eq!(text.parse::<HostPattern>(), Err(error), "{text:?}");
        }
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(60)].join(".");
        assert!(long.parse::<HostPattern>().is_ok());
        assert_eq!(format!("*.{long}").parse::<HostPattern>(), Err(HostPatternError::NoRoom));
    }

    #[test]
    fn a_wildcard_asks_for_labels_in_front() {
        for (host, matched) in [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            (".example.com", false),
            ("aexample.com", false),
            ("example.com.org", false),
        ] {
            assert_eq!(pattern("*.example.com").matches(host), matched, "{host}");
        }
        assert!(pattern("example.com").matches("example.com"));
        assert!(!pattern("example.com").matches("a.example.com"));
    }

    #[test]
    fn it_is_text_in_json() {
        let json = serde_json::to_string(&pattern("*.Example.com")).unwrap();
        assert_eq!(json, r#""*.example.com""#);
        assert_eq!(serde_json::from_str::<HostPattern>(&json).unwrap(), pattern("*.example.com"));
    }
}
