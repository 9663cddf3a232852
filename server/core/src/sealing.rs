//! What lies in the database and must not be read there: sealed with a key that is not in it.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a random nonce, which stands in front. The key is derived with HKDF (RFC 5869) from a
//! secret and what it is used for, so that what was sealed for one purpose opens for no other.

use crate::{CoreError, Result, Secret, auth::hex};
use rand::RngCore;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};
use std::fmt;

/// Seals and opens.
pub(crate) struct Sealer(LessSafeKey);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    pub(crate) fn new(secret: &Secret, purpose: &[u8]) -> Result<Self> {
        let extracted = Salt::new(HKDF_SHA256, b"switchboard").extract(secret.expose());
        let info = [purpose];
        let key = extracted.expand(&info, &CHACHA20_POLY1305).map_err(|_| failed("a key could not be derived"))?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(key))))
    }

    /// Seals what is about `subject`, and opens with that only. 96 random bits are enough for some billions under one key.
    pub(crate) fn seal(&self, subject: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(subject), &mut sealed)
            .map_err(|_| failed("it could not be sealed"))?;
        sealed.splice(0..0, nonce);
        Ok(sealed)
    }

    /// What was sealed; `None` when it was sealed with another key or about something else, or is damaged.
    pub(crate) fn open(&self, subject: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut plain = sealed.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(subject), &mut plain);
        let length = opened.ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

/// What tells one key from another, and nothing else of it: derived from it like the keys that seal, for no use.
pub(crate) fn key_id(secret: &Secret) -> Result<String> {
    struct Id;
    impl KeyType for Id {
        fn len(&self) -> usize {
            16
        }
    }
    let extracted = Salt::new(HKDF_SHA256, b"switchboard").extract(secret.expose());
    let mut id = [0_u8; 16];
    let derived = extracted.expand(&[b"the name of the key"], Id).and_then(|derived| derived.fill(&mut id));
    derived.map_err(|_| failed("a key has no name"))?;
    Ok(hex(&id))
}

fn failed(what: &str) -> CoreError {
    CoreError::Internal(format!("sealing: {what}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn it_opens_with_the_same_key_about_the_same_and_whole() {
        let sealer = |secret: u8, purpose: &[u8]| Sealer::new(&Secret::new([secret; 32]), purpose).unwrap();
        let sealed = sealer(1, b"answers").seal(b"ada", b"a secret").unwrap();
        assert!(!sealed.windows(8).any(|bytes| bytes == b"a secret"));
        assert_ne!(sealed, sealer(1, b"answers").seal(b"ada", b"a secret").unwrap());
        assert_eq!(sealer(1, b"answers").open(b"ada", &sealed).unwrap(), b"a secret");
        assert_eq!(sealer(2, b"answers").open(b"ada", &sealed), None);
        assert_eq!(sealer(1, b"seeds").open(b"ada", &sealed), None);
        assert_eq!(sealer(1, b"answers").open(b"bob", &sealed), None);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(sealer(1, b"answers").open(b"ada", &damaged), None, "{at}");
            assert_eq!(sealer(1, b"answers").open(b"ada", &sealed[..at]), None, "{at}");
        }
    }
}
