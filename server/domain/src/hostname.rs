//! Host names as they are compared for routing.

use crate::text::text_type;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A fully qualified host name, lower-case ASCII (A-labels, RFC 5890), without port or trailing dot, never an IP
/// address. Two spellings of one host are one value, so that it can be a routing key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

/// Why a text is not accepted as a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// Nothing was given.
    #[error("enter a host name such as app.example.com")]
    Empty,
    /// Longer than RFC 1035 section 2.3.4 allows.
    #[error("a host name has at most 253 characters, and 63 between two dots")]
    TooLong,
    /// An IP address names a machine, not a host name that could be routed.
    #[error("this is an IP address; enter a host name such as app.example.com")]
    IpAddress,
    /// Something else than dot-separated labels.
    #[error("this is not a host name; it should look like app.example.com, without http://, port or path")]
    Malformed,
}

text_type!(Hostname, HostnameError);

impl FromStr for Hostname {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, HostnameError> {
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(HostnameError::Empty);
        }
        if text.parse::<std::net::IpAddr>().is_ok() || text.starts_with('[') {
            return Err(HostnameError::IpAddress);
        }
        let ascii = if text.is_ascii() { text.to_ascii_lowercase() } else { a_labels(text)? };
        if ascii.len() > 253 || ascii.split('.').any(|label| label.len() > 63) {
            return Err(HostnameError::TooLong);
        }
        let label_ok = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        if !ascii.split('.').all(label_ok) {
            return Err(HostnameError::Malformed);
        }
        // A last label of digits alone is read as an IPv4 address by browsers (WHATWG URL, "ends in a number").
        if ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return Err(HostnameError::IpAddress);
        }
        Ok(Self(ascii))
    }
}

/// A name with other letters than those of ASCII, as A-labels.
#[cfg(not(target_arch = "wasm32"))]
fn a_labels(text: &str) -> Result<String, HostnameError> {
    idna::domain_to_ascii_strict(text).map_err(|_| HostnameError::Malformed)
}

/// Browsers are told names by the server, which has them in ASCII. The tables for all others would be a large part of the
/// program there.
#[cfg(target_arch = "wasm32")]
fn a_labels(_: &str) -> Result<String, HostnameError> {
    Err(HostnameError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_host_are_one_value() {
        for text in ["App.Example.com", "app.example.com.", " app.example.com "] {
            assert_eq!(text.parse::<Hostname>().map(String::from), Ok("app.example.com".into()), "{text:?}");
        }
        assert_eq!("bücher.example".parse::<Hostname>().map(String::from), Ok("xn--bcher-kva.example".into()));
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for (text, error) in [
            ("", HostnameError::Empty),
            (".", HostnameError::Empty),
            ("127.0.0.1", HostnameError::IpAddress),
            ("[::1]", HostnameError::IpAddress),
            ("1.2.3", HostnameError::IpAddress),
            ("http://a.b", HostnameError::Malformed),
            ("a.b:80", HostnameError::Malformed),
            ("a..b", HostnameError::Malformed),
            ("-a.b", HostnameError::Malformed),
            ("*.a.b", HostnameError::Malformed),
        ] {
            assert_eq!(text.parse::<Hostname>(), Err(error), "{text:?}");
        }
        assert_eq!(format!("{}.com", "a".repeat(64)).parse::<Hostname>(), Err(HostnameError::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in ".{0,80}") {
            if let Ok(first) = text.parse::<Hostname>() {
                proptest::prop_assert_eq!(first.as_str().parse::<Hostname>(), Ok(first.clone()));
            }
        }
    }
}
