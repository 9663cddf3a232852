//! What of accounts the server must be able to read again, in the database and in texts that it hands out for a while.

use crate::{CoreError, Result, Secret, sealing::Sealer};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// The longest text that is taken for one of ours.
const MAX_TICKET: usize = 4_096;

/// Encrypts and decrypts.
pub(crate) struct Seal(Sealer);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// What a ticket holds.
#[derive(Serialize, Deserialize)]
struct Ticket<T> {
    until: i64,
    of: T,
}

impl Seal {
    pub(crate) fn new(secret: &Secret) -> Result<Self> {
        Sealer::new(secret, b"accounts").map(Self)
    }

    /// Encrypts; `purpose` says what for and for whom, and has to be the same when it is decrypted.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.0.seal(purpose.as_bytes(), plain)
    }

    /// Decrypts; `None`: it was sealed for something else, with another key, or changed.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(purpose.as_bytes(), sealed)
    }

    /// A text for somebody to bring back within `lifetime`, who can neither read nor change it.
    pub(crate) fn ticket(&self, purpose: &str, of: impl Serialize, lifetime: TimeDelta) -> Result<String> {
        let ticket = Ticket { until: (Utc::now() + lifetime).timestamp(), of };
        let json =
            serde_json::to_vec(&ticket).map_err(|error| CoreError::Internal(format!("writing a ticket: {error}")))?;
        Ok(URL_SAFE_NO_PAD.encode(self.seal(purpose, &json)?))
    }

    /// What such a text holds; `None`: it is none, or too old.
    pub(crate) fn redeem<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Option<T> {
        let sealed = URL_SAFE_NO_PAD.decode(Some(text).filter(|text| text.len() <= MAX_TICKET)?).ok()?;
        let ticket: Ticket<T> = serde_json::from_slice(&self.open(purpose, &sealed)?).ok()?;
        let until = DateTime::from_timestamp(ticket.until, 0)?;
        (Utc::now() < until).then_some(ticket.of)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn only_the_same_key_for_the_same_purpose_opens() {
        let seal = Seal::new(&Secret::new([1; 32])).unwrap();
        let sealed = seal.seal("a", b"seed").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"seed"));
        assert_eq!(seal.open("a", &sealed).as_deref(), Some(b"seed".as_slice()));
        assert_eq!(seal.open("b", &sealed), None);
        assert_eq!(Seal::new(&Secret::new([2; 32])).unwrap().open("a", &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seal.open("a", &changed), None, "{place}");
            assert_eq!(seal.open("a", &sealed[..place]), None, "{place}");
        }
    }

    #[test]
    fn a_ticket_ends() {
        let seal = Seal::new(&Secret::new([1; 32])).unwrap();
        let ticket = seal.ticket("t", "me", TimeDelta::minutes(1)).unwrap();
        assert_eq!(seal.redeem::<String>("t", &ticket).as_deref(), Some("me"));
        assert_eq!(seal.redeem::<String>("u", &ticket), None);
        assert_eq!(seal.redeem::<String>("t", &seal.ticket("t", "me", TimeDelta::seconds(-1)).unwrap()), None);
        assert_eq!(seal.redeem::<String>("t", ""), None);
    }

    proptest::proptest! {
        #[test]
        fn only_what_was_sealed_is_a_ticket(text in "\\PC{0,200}|[a-zA-Z0-9_-]{0,200}", at: usize, other in "[ -~]?") {
            let seal = Seal::new(&Secret::new([1; 32])).unwrap();
            proptest::prop_assert_eq!(seal.redeem::<String>("t", &text), None);
            let ticket = seal.ticket("t", &text, TimeDelta::minutes(1)).unwrap();
            proptest::prop_assert_eq!(seal.redeem::<String>("t", &ticket), Some(text));
            let at = at % ticket.len();
            let changed = format!("{}{other}{}", &ticket[..at], &ticket[at + 1..]);
            proptest::prop_assert!(changed == ticket || seal.redeem::<String>("t", &changed).is_none(), "{}", changed);
        }
    }
}
