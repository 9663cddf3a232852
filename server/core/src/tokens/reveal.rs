//! New secrets on their way to the page that shows them once: the form is answered with a redirect, so that a reload
//! does not create another token, and the secret must appear in no address.

use domain::UserId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

const KEPT: Duration = Duration::from_secs(600);
const CAPACITY: usize = 1_000;

/// Who may see it, and what it is the secret of.
type Key = (UserId, Uuid);

/// Secrets that wait to be shown.
#[derive(Debug)]
pub(crate) struct Reveals<S>(Mutex<HashMap<Key, (Instant, S)>>);

impl<S> Default for Reveals<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S> Reveals<S> {
    pub(crate) fn keep(&self, key: Key, secret: S) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| since.elapsed() < KEPT);
        if kept.len() >= CAPACITY
            && let Some(oldest) = kept.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| *key)
        {
            kept.remove(&oldest);
        }
        kept.insert(key, (Instant::now(), secret));
    }

    pub(crate) fn take(&self, key: Key) -> Option<S> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| since.elapsed() < KEPT);
        kept.remove(&key).map(|(_, secret)| secret)
    }
}
