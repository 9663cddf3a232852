//! Links that let visitors in without a password.
//!
//! Whoever follows one gets its secret as a cookie of the host, and is sent on to the same address without it, so that it
//! does not stay in the address bar and goes nowhere in `Referer`. Neither cookie nor secret is passed on to what is behind.

use std::borrow::Cow;

use domain::{ShareLink, Timestamp};
use http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::admit::Asking;
use crate::proxy::Problem;

/// The parameter of the query that has the secret.
const PARAMETER: &str = "switchboard-share";
/// The cookie, and what it is called with TLS: then no other host can set it (RFC 6265bis section 4.1.3.2).
const COOKIES: [&str; 2] = ["switchboard-share", "__Host-switchboard-share"];
/// The longest secret that is looked at, bytes.
const LONGEST: usize = 128;

/// The links of one front. Looking one up takes a hash, and no I/O.
#[derive(Debug)]
pub(super) struct Shares(Box<[Share]>);

#[derive(Debug)]
struct Share {
    hash: String,
    until: Timestamp,
}

impl Shares {
    pub(super) fn new(links: &[ShareLink]) -> Self {
        let share = |link: &ShareLink| Some(Share { hash: String::from(link.secret.clone()?), until: link.expires_at });
        Self(links.iter().filter_map(share).collect())
    }

    /// How many are good at that time.
    pub(super) fn live(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|share| share.until > now).count()
    }

    /// Whether the request has a cookie of one that is good.
    pub(super) fn let_in(&self, asking: &Asking<'_>) -> bool {
        let name = COOKIES[usize::from(asking.secure)].as_bytes();
        let mut pairs = asking.headers.get_all(header::COOKIE).iter().flat_map(pairs);
        !self.0.is_empty() && pairs.any(|(found, value)| found == name && self.knows(value))
    }

    fn knows(&self, secret: &[u8]) -> bool {
        std::str::from_utf8(secret).is_ok_and(|secret| self.until(secret).is_some())
    }

    /// Until when the link with this secret is good; `None`: it is not.
    fn until(&self, secret: &str) -> Option<Timestamp> {
        if secret.len() > LONGEST {
            return None;
        }
        let hash = hex(&Sha256::digest(secret.as_bytes()));
        let found = self.0.iter().find(|share| share.hash.as_bytes().ct_eq(hash.as_bytes()).into())?;
        Some(found.until).filter(|until| *until > chrono::Utc::now())
    }
}

/// Sends whoever comes by a link on to what it is a link to, with its cookie. `all` is what the request has to pass.
///
/// # Errors
/// Where to go, or that the link is good no more.
pub(super) fn follow<'s>(asking: &Asking<'_>, mut all: impl Iterator<Item = &'s Shares>) -> Result<(), Problem> {
    let is_visit = matches!(*asking.method, Method::GET | Method::HEAD);
    let Some((secret, rest)) = followed(asking.target.path(), asking.target.query()).filter(|_| is_visit) else {
        return Ok(());
    };
    let until = all.find_map(|shares| shares.until(secret)).ok_or_else(Problem::link_ended)?;
    let left = (until - chrono::Utc::now()).num_seconds().max(1);
    let (name, secure) = (COOKIES[usize::from(asking.secure)], if asking.secure { "; Secure" } else { "" });
    let cookie = format!("{name}={secret}; Path=/; Max-Age={left}; HttpOnly; SameSite=Lax{secure}");
    match (HeaderValue::try_from(rest), HeaderValue::try_from(cookie)) {
        (Ok(location), Ok(cookie)) => Err(Problem::sent_on(location, cookie)),
        _ => Err(Problem::link_ended()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret in a query, and the address without it, within this host: a browser takes what begins with two slashes for
/// another one.
fn followed<'q>(path: &str, query: Option<&'q str>) -> Option<(&'q str, String)> {
    let query = query?;
    let value = |part: &'q str| part.strip_prefix(PARAMETER)?.strip_prefix('=');
    let secret = query.split('&').find_map(value)?;
    let rest: Vec<_> = query.split('&').filter(|part| value(part).is_none()).collect();
    let path = format!("/{}", path.trim_start_matches(['/', '\\']));
    Some((secret, if rest.is_empty() { path } else { format!("{path}?{}", rest.join("&")) }))
}

fn pairs(field: &HeaderValue) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.as_bytes().split(|byte| *byte == b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((&pair[..equals], &pair[equals + 1..]))
    })
}

/// Takes the cookies of links out of a request; others stay as they are.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let is_ours = |(name, _): (&[u8], &[u8])| COOKIES.iter().any(|cookie| cookie.as_bytes() == name);
    if !headers.get_all(header::COOKIE).iter().flat_map(pairs).any(is_ours) {
        return;
    }
    let ours = |pair: &&[u8]| {
        let name = pair.trim_ascii().split(|byte| *byte == b'=').next().unwrap_or_default();
        COOKIES.iter().any(|cookie| cookie.as_bytes() == name)
    };
    let fields: Vec<_> = headers.get_all(header::COOKIE).iter().cloned().collect();
    headers.remove(header::COOKIE);
    for field in fields {
        let kept: Vec<_> = field.as_bytes().split(|byte| *byte == b';').filter(|pair| !ours(pair)).collect();
        let kept: Cow<'_, [u8]> = kept.join(&b';').trim_ascii().to_vec().into();
        if let Some(value) = HeaderValue::from_bytes(&kept).ok().filter(|value| !value.is_empty()) {
            headers.append(header::COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_address_goes_on_without_its_secret_and_stays_on_its_host() {
        for (path, query, expected) in [
            ("/", "switchboard-share=sbl_x", Some(("sbl_x", "/"))),
            ("/a/b", "q=1&switchboard-share=sbl_x&r=2", Some(("sbl_x", "/a/b?q=1&r=2"))),
            ("//evil.example/", "switchboard-share=x", Some(("x", "/evil.example/"))),
            ("/\\evil.example", "switchboard-share=x", Some(("x", "/evil.example"))),
            ("/", "switchboard-share", None),
            ("/", "a=switchboard-share=x", None),
        ] {
            let found = followed(path, Some(query));
            assert_eq!(found.as_ref().map(|(secret, rest)| (*secret, rest.as_str())), expected, "{path}?{query}");
        }
        assert_eq!(followed("/", None), None);
    }

    #[test]
    fn only_the_cookies_of_links_are_taken_out() {
        for (fields, expected) in [
            (vec!["a=1; switchboard-share=x; b=2"], vec!["a=1; b=2"]),
            (vec!["__Host-switchboard-share=x"], vec![]),
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
