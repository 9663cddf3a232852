//! The latest requests, for a glance.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use domain::{RecentRequest, TunnelId, UserId};
use uuid::Uuid;

/// How many are kept of each tunnel and of each user.
const KEPT: usize = 50;
/// How many are taken in a second; under load the list shows some of the requests.
const RATE: i64 = 100;
/// Of how many tunnels and users. A busy server shows the latest of those that were busy last.
const SUBJECTS: usize = 2_000;

/// Bounded rings of the latest requests.
#[derive(Debug)]
pub(super) struct Recent {
    allowance: AtomicI64,
    rings: Mutex<HashMap<Uuid, VecDeque<RecentRequest>>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { allowance: AtomicI64::new(RATE), rings: Mutex::default() }
    }
}

impl Recent {
    /// Takes a request unless there were many in this second.
    pub fn record(&self, owner: UserId, request: impl FnOnce() -> RecentRequest) {
        // Read first: under load nobody writes to what every thread reads.
        if self.allowance.load(Relaxed) <= 0 || self.allowance.fetch_sub(1, Relaxed) <= 0 {
            return;
        }
        let request = request();
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if rings.len() > SUBJECTS {
            let oldest = rings.iter().min_by_key(|(_, ring)| ring.front().map(|request| request.at)).map(|(id, _)| *id);
            oldest.and_then(|id| rings.remove(&id));
        }
        for subject in [request.subject, owner.0, Uuid::nil()] {
            let ring = rings.entry(subject).or_default();
            ring.truncate(KEPT - 1);
            ring.push_front(request.clone());
        }
    }

    /// A new second begins.
    pub fn tick(&self) {
        self.allowance.store(RATE, Relaxed);
    }

    /// The latest, newest first.
    pub fn of(&self, subject: Uuid) -> Vec<RecentRequest> {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        rings.get(&subject).map(|ring| ring.iter().cloned().collect()).unwrap_or_default()
    }

    /// Those of a tunnel are nobody's business any more.
    pub fn forget(&self, tunnel: TunnelId) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        rings.remove(&tunnel.0);
    }
}
