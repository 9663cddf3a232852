//! What the telephones of a tunnel announce: all the same, since a request that is for one of them is for any.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is announced now, and by how many.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    key: String,
    count: usize,
}

/// A telephone that announces something, or is about to; it does not any more when this is dropped.
#[derive(Debug)]
pub struct Claim(Arc<Claims>);

impl Claims {
    /// Notes one more telephone; `None` when the others announce something else.
    pub(super) fn claim(self: &Arc<Self>, key: &str) -> Option<Claim> {
        let mut held = self.lock();
        if held.count > 0 && held.key != key {
            return None;
        }
        key.clone_into(&mut held.key);
        held.count += 1;
        Some(Claim(self.clone()))
    }

    /// Whether there is any.
    pub(super) fn is_held(&self) -> bool {
        self.lock().count > 0
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.lock().count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_announce_the_same_until_nobody_does() {
        let claims = Arc::new(Claims::default());
        let (first, second) = (claims.claim("a"), claims.claim("a"));
        assert!(first.is_some() && second.is_some() && claims.claim("b").is_none());
        drop(first);
        assert!(claims.claim("b").is_none() && claims.is_held());
        drop(second);
        assert!(claims.claim("b").is_some());
        assert!(!claims.is_held());
    }
}
