//! E-mail addresses as account names.

use crate::text::text_type;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// An e-mail address, trimmed and lower-cased, so that one person has one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Why a text is not accepted as an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing was given.
    #[error("enter an e-mail address")]
    Empty,
    /// Longer than RFC 5321 section 4.5.3.1.3 allows in a path.
    #[error("this e-mail address is longer than 254 characters")]
    TooLong,
    /// Not `name@domain`.
    #[error("this is not an e-mail address; it should look like name@example.com")]
    Malformed,
}

text_type!(Email, EmailError);

impl FromStr for Email {
    type Err = EmailError;

    /// Checks the shape only: whether mail arrives there is known by sending some. The domain needs no dot, because
    /// `admin@localhost` is a sensible account on a private installation.
    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > 254 {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && local.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"@<>()[],;:\\\"".contains(c));
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        if !local_ok || !domain.split('.').all(label_ok) {
            return Err(EmailError::Malformed);
        }
        Ok(Self(text.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_spelling() {
        assert_eq!(" Ada@Example.COM ".parse::<Email>().map(String::from), Ok("ada@example.com".into()));
        assert_eq!("admin@localhost".parse::<Email>().map(String::from), Ok("admin@localhost".into()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!("".parse::<Email>(), Err(EmailError::Empty));
        assert_eq!(format!("{}@example.com", "a".repeat(250)).parse::<Email>(), Err(EmailError::TooLong));
        for text in [
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@exa mple.com",
            "ada@-x.com",
            "a@b@",
            "<a>@b.c",
            "a@b..c",
            "a\n@b.c",
        ] {
            assert_eq!(text.parse::<Email>(), Err(EmailError::Malformed), "{text:?}");
        }
    }
}
