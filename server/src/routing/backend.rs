//! How a backend is doing. Kept across routing tables.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use domain::{BackendId, HealthStatus, Resilience};
use server_routing::balance::{WARM, slow_start};

use crate::health::HealthSink;

/// From here moments are counted, since an atomic holds a number.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since [`START`], never 0.
fn millis() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// One backend at run time. Every change is a single atomic operation, so that nobody waits for anybody.
#[derive(Debug)]
pub struct Backend {
    /// Its id.
    pub id: BackendId,
    in_flight: AtomicU32,
    answered: AtomicU64,
    failed: AtomicU64,
    /// Failures since the last success.
    failing: AtomicU32,
    /// Until when it is left out because it failed, as [`millis`]; 0: it never was.
    ejected_until: AtomicU64,
    /// A [`HealthStatus`].
    health: AtomicU8,
    /// When it came back, as [`millis`]; 0: it was never away.
    back_since: AtomicU64,
}

/// A request that a backend works on; it is over when this is dropped.
#[derive(Debug)]
#[must_use = "the request is over when this is dropped"]
pub struct InUse(Arc<Backend>);

impl InUse {
    /// Whose work it is.
    pub fn backend(&self) -> &Backend {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Backend {
    pub(super) fn new(id: BackendId) -> Self {
        Self {
            id,
            in_flight: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failing: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            health: AtomicU8::new(HealthStatus::Unknown as u8),
            back_since: AtomicU64::new(0),
        }
    }

    /// Gives it a request, unless it has `most` of them; 0: as many as come.
    pub fn begin(self: &Arc<Self>, most: u32) -> Option<InUse> {
        let in_use = InUse(self.clone());
        let before = self.in_flight.fetch_add(1, Relaxed);
        (most == 0 || before < most).then_some(in_use)
    }

    /// How many requests it works on.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// How many requests it has answered, and in how many it failed, since this process was started.
    pub fn counts(&self) -> (u64, u64) {
        (self.answered.load(Relaxed), self.failed.load(Relaxed))
    }

    /// It answered.
    pub fn succeeded(&self) {
        self.answered.fetch_add(1, Relaxed);
        // Read first: what is not written stays in every thread's cache.
        if self.failing.load(Relaxed) != 0 {
            self.failing.store(0, Relaxed);
        }
    }

    /// It could not be reached, broke off, or said that there is nothing behind it. After so many times in a row as
    /// `rules` say it is left out for a while.
    pub fn failed(&self, rules: &Resilience) {
        self.failed.fetch_add(1, Relaxed);
        let in_a_row = self.failing.fetch_add(1, Relaxed) + 1;
        if rules.eject_after == 0 || in_a_row < rules.eject_after {
            return;
        }
        self.failing.store(0, Relaxed);
        let now = millis();
        let until = now + u64::from(rules.eject_seconds) * 1000;
        self.back_since.store(until, Relaxed);
        if self.ejected_until.swap(until, Relaxed) <= now {
            let seconds = rules.eject_seconds;
            tracing::warn!(backend = %self.id, in_a_row, seconds, "a backend fails again and again and is left out");
        }
    }

    /// Whether it is left out because it failed.
    pub fn is_ejected(&self) -> bool {
        let until = self.ejected_until.load(Relaxed);
        until != 0 && millis() < until
    }

    /// What the health check has found.
    pub fn health(&self) -> HealthStatus {
        match self.health.load(Relaxed) {
            healthy if healthy == HealthStatus::Healthy as u8 => HealthStatus::Healthy,
            unhealthy if unhealthy == HealthStatus::Unhealthy as u8 => HealthStatus::Unhealthy,
            _ => HealthStatus::Unknown,
        }
    }

    /// How much of its share it takes so soon after it came back, in thousandths, when `seconds` lead to all of it.
    pub(super) fn warmth(&self, seconds: u32) -> u32 {
        let since = self.back_since.load(Relaxed);
        if seconds == 0 || since == 0 {
            return WARM;
        }
        slow_start(*START + Duration::from_millis(since), Instant::now(), Duration::from_secs(seconds.into()))
    }
}

impl HealthSink for Backend {
    fn set_health(&self, health: HealthStatus) {
        let before = self.health.swap(health as u8, Relaxed);
        if before == HealthStatus::Unhealthy as u8 && health == HealthStatus::Healthy {
            self.back_since.store(millis(), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn backend() -> Arc<Backend> {
        Arc::new(Backend::new(BackendId(uuid::Uuid::now_v7())))
    }

    #[test]
    fn requests_in_flight_are_counted_and_bounded() {
        let backend = backend();
        let first = backend.begin(1).unwrap();
        assert!(backend.begin(1).is_none());
        assert_eq!(backend.in_flight(), 1);
        let second = backend.begin(0).unwrap();
        assert_eq!(backend.in_flight(), 2);
        drop((first, second));
        assert_eq!(backend.in_flight(), 0);
    }

    #[test]
    fn only_failures_in_a_row_leave_it_out() {
        let rules = Resilience { eject_after: 3, eject_seconds: 60, ..Resilience::default() };
        let backend = backend();
        for _ in 0..5 {
            backend.failed(&rules);
            backend.failed(&rules);
            backend.succeeded();
        }
        assert!(!backend.is_ejected());
        for _ in 0..3 {
            backend.failed(&rules);
        }
        assert!(backend.is_ejected());
        assert_eq!(backend.counts(), (5, 13));
        let never = Resilience { eject_after: 0, ..rules };
        let other = self::backend();
        (0..100).for_each(|_| other.failed(&never));
        assert!(!other.is_ejected());
    }

    #[test]
    fn whoever_comes_back_begins_with_a_part_of_its_share() {
        let backend = backend();
        assert_eq!(backend.warmth(3600), WARM);
        backend.set_health(HealthStatus::Healthy);
        assert_eq!(backend.warmth(3600), WARM, "it was not away before its first check");
        backend.set_health(HealthStatus::Unhealthy);
        backend.set_health(HealthStatus::Healthy);
        assert!(backend.warmth(3600) < WARM / 2);
        assert_eq!(backend.warmth(0), WARM);
    }
}
