//! The name of a tunnel below the tunnel domain.

use crate::text::text_type;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// One DNS label (RFC 1034 section 3.5, RFC 1123 section 2.1), lower-case: the `blog` of `blog.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Subdomain(String);

/// Why a text is not accepted as a subdomain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubdomainError {
    /// Nothing was given.
    #[error("enter a subdomain")]
    Empty,
    /// A DNS label holds at most 63 characters.
    #[error("a subdomain has at most 63 characters")]
    TooLong,
    /// Something else than letters, digits and inner hyphens.
    #[error("a subdomain has only letters a-z, digits and hyphens, and neither starts nor ends with a hyphen")]
    Malformed,
    /// Kept back for the operator or because browsers and mail systems give it a meaning.
    #[error("this subdomain is reserved; choose another")]
    Reserved,
}

/// Names that a stranger must not get: they look official, or software gives them a meaning of their own (RFC 2142
/// mailbox names among them).
const RESERVED: &[&str] = &[
    "_acme-challenge",
    "abuse",
    "account",
    "accounts",
    "acme",
    "admin",
    "administrator",
    "api",
    "app",
    "auth",
    "autoconfig",
    "autodiscover",
    "billing",
    "cdn",
    "console",
    "dashboard",
    "dns",
    "ftp",
    "help",
    "hostmaster",
    "imap",
    "isatap",
    "localhost",
    "login",
    "mail",
    "mta-sts",
    "mx",
    "noc",
    "ns",
    "ns1",
    "ns2",
    "ns3",
    "ns4",
    "oauth",
    "pop",
    "pop3",
    "postmaster",
    "root",
    "security",
    "signin",
    "signup",
    "smtp",
    "sso",
    "ssl",
    "static",
    "status",
    "support",
    "switchboard",
    "system",
    "telephone",
    "tunnel",
    "webmail",
    "webmaster",
    "wpad",
    "ws",
    "www",
];

text_type!(Subdomain, SubdomainError);

impl FromStr for Subdomain {
    type Err = SubdomainError;

    fn from_str(text: &str) -> Result<Self, SubdomainError> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return Err(SubdomainError::Empty);
        }
        if RESERVED.contains(&text.as_str()) {
            return Err(SubdomainError::Reserved);
        }
        if text.len() > 63 {
            return Err(SubdomainError::TooLong);
        }
        let shaped = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if !shaped {
            return Err(SubdomainError::Malformed);
        }
        // `xn--` and the like are A-labels (RFC 5890 section 2.3.1): a name that only looks like a known one.
        if text.as_bytes().get(2..4) == Some(b"--") {
            return Err(SubdomainError::Reserved);
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_lower_case_letters_digits_and_inner_hyphens() {
        assert_eq!("My-App2".parse::<Subdomain>().map(String::from), Ok("my-app2".into()));
        for (text, error) in [
            ("", SubdomainError::Empty),
            ("-a", SubdomainError::Malformed),
            ("a-", SubdomainError::Malformed),
            ("a.b", SubdomainError::Malformed),
            ("a_b", SubdomainError::Malformed),
            ("ü", SubdomainError::Malformed),
            ("www", SubdomainError::Reserved),
            ("WWW", SubdomainError::Reserved),
            ("xn--e1afmkfd", SubdomainError::Reserved),
        ] {
            assert_eq!(text.parse::<Subdomain>(), Err(error), "{text:?}");
        }
        assert_eq!("a".repeat(64).parse::<Subdomain>(), Err(SubdomainError::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn what_was_accepted_is_accepted_again_unchanged(text in ".{0,80}") {
            if let Ok(first) = text.parse::<Subdomain>() {
                proptest::prop_assert_eq!(first.as_str().parse::<Subdomain>(), Ok(first.clone()));
            }
        }
    }
}
