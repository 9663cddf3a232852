//! Links that let visitors in without a password.
//!
//! Whoever follows one gets its secret as a cookie of the host, and is sent on to the same address without it, so that it
//! does not stay in the address bar and goes nowhere in `Referer`. Neither cookie nor secret is passed on to what is behind.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use domain::{ShareLink, Timestamp};
use http::{HeaderValue, Method};
use server_heads::parameter;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::admit::Asking;
use super::cookies::{self, values};
use crate::proxy::Problem;

/// The parameter of the query that has the secret.
const PARAMETER: &str = "switchboard-share";
/// The cookie, and what it is called with TLS.
pub(super) const COOKIES: [&str; 2] = ["switchboard-share", "__Host-switchboard-share"];
/// The longest secret that is looked at, bytes.
const LONGEST: usize = 128;

/// How many visits by a link that is good there were.
static FOLLOWED: AtomicU64 = AtomicU64::new(0);

/// How often a visitor came to this process by a link that is good.
pub fn followed() -> u64 {
    FOLLOWED.load(Relaxed)
}

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
        let mut secrets = values(asking.headers, COOKIES[usize::from(asking.secure)]);
        !self.0.is_empty() && secrets.any(|secret| self.until(secret).is_some())
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
    let Some((secret, rest)) = parameter(PARAMETER, asking.target.path(), asking.target.query()).filter(|_| is_visit)
    else {
        return Ok(());
    };
    let until = all.find_map(|shares| shares.until(secret)).ok_or_else(Problem::link_ended)?;
    let left = (until - chrono::Utc::now()).num_seconds().max(1);
    let location = HeaderValue::try_from(rest).map_err(|_| Problem::link_ended())?;
    FOLLOWED.fetch_add(1, Relaxed);
    Err(Problem::sent_on(location, cookies::set(&COOKIES, secret, left, asking.secure)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn only_the_secret_of_a_link_lets_in(secret in "\\PC{1,60}", other in "\\PC{0,60}|[ -~]{100,200}", left in 1_i64..9) {
            let until = chrono::Utc::now() + chrono::TimeDelta::hours(left);
            let share = |until| Share { hash: hex(&Sha256::digest(secret.as_bytes())), until };
            let good = Shares(Box::new([share(until)]));
            proptest::prop_assert_eq!(good.until(&secret), Some(until).filter(|_| secret.len() <= LONGEST));
            proptest::prop_assert!(other == secret || good.until(&other).is_none());
            // What is stored of it is not it.
            proptest::prop_assert_eq!(good.until(&good.0[0].hash), None);
            let over = Shares(Box::new([share(chrono::Utc::now() - chrono::TimeDelta::hours(left))]));
            proptest::prop_assert_eq!(over.until(&secret), None);
        }
    }
}
