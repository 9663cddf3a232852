//! A name and a password.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, header};

/// The longest value of `Authorization` that is looked at, bytes.
const LONGEST: usize = 1_024;

/// What a client says. No `Debug`: it is a secret.
pub struct Basic {
    /// Who it says that it is.
    pub name: String,
    /// What is to show that.
    pub password: String,
}

/// The name and the password of a request (RFC 7617); `None` when it does not say one of each.
pub fn basic(headers: &HeaderMap) -> Option<Basic> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = Some(value.as_bytes()).filter(|value| value.len() <= LONGEST)?;
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(rest.trim_ascii()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some(Basic { name: name.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn said_by(value: &str) -> Option<(String, String)> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        basic(&headers).map(|said| (said.name, said.password))
    }

    #[test]
    fn what_is_said_is_read_as_rfc_7617_has_it() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(said_by("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
        assert_eq!(said_by("basic  YTpiOmM="), pair("a", "b:c"));
        assert_eq!(said_by("BASIC dGVzdDoxMjPCow=="), pair("test", "123\u{a3}"));
        for nothing in ["", "Basic", "Basic ", "Basic !!!", "Bearer YTpi", "Basic bm9jb2xvbg==", "Basic /////w=="] {
            assert_eq!(said_by(nothing), None, "{nothing}");
        }
        assert_eq!(said_by(&format!("Basic {}", "YTpi".repeat(300))), None);
    }
}
