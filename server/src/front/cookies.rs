//! The cookies of fronts at the hosts that they are in front of: none of them is passed on to what is behind.

use http::{HeaderMap, HeaderValue};
use server_heads::{cookie_values, take_cookies_out};

use super::{shares, sign_in};

/// The longest value that is looked at, bytes.
const LONGEST: usize = 1_024;

/// The value of `Set-Cookie` for this host alone: with TLS under the second name, so that no other host can set it (RFC
/// 6265bis section 4.1.3.2).
pub(super) fn set(names: &[&str; 2], value: &str, seconds: impl std::fmt::Display, secure: bool) -> HeaderValue {
    let (name, flag) = (names[usize::from(secure)], if secure { "; Secure" } else { "" });
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{flag}");
    // What is set here is made here, of characters that a field may have.
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}

/// The values of the cookies with this name.
pub(super) fn values<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    cookie_values(headers, name, LONGEST)
}

/// Whether a cookie of this name is ours.
fn is_ours(name: &[u8]) -> bool {
    let all = [shares::COOKIES, sign_in::BADGES, sign_in::BROWSERS];
    all.iter().flatten().any(|cookie| cookie.as_bytes() == name)
}

/// Takes our cookies out of a request; others stay as they are.
pub(crate) fn strip(headers: &mut HeaderMap) {
    take_cookies_out(headers, is_ours);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use http::header;

    use super::*;

    #[test]
    fn only_our_cookies_are_taken_out() {
        for (fields, expected) in [
            (vec!["a=1; switchboard-share=x; b=2"], vec!["a=1; b=2"]),
            (vec!["__Host-switchboard-share=x"], vec![]),
            (vec!["switchboard-visitor=x; __Host-switchboard-visitor=y; a=1; switchboard-entry=z"], vec!["a=1"]),
            (vec!["a=1", "switchboard-share=x", "b=\"2\"; c"], vec!["a=1", "b=\"2\"; c"]),
            (vec!["a=switchboard-share=x ;b"], vec!["a=switchboard-share=x ;b"]),
        ] {
            let mut headers: HeaderMap = fields.iter().map(|field| (header::COOKIE, field.parse().unwrap())).collect();
            strip(&mut headers);
            let left: Vec<_> = headers.get_all(header::COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(left, expected, "{fields:?}");
        }
    }
}
