//! Counting what is looked at for a short time only.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use domain::LatencySummary;
use histogram::AtomicHistogram;

use super::figures::{HISTOGRAM, MAX_LATENCY_US, summarise};

/// Counts the answers to some requests, such as those to one tag of a service while traffic is switched to it. Nothing of
/// it is stored.
#[derive(Debug, Default)]
pub struct Tally {
    answered: AtomicU64,
    errors: AtomicU64,
    /// Made with the first answer.
    latencies: OnceLock<AtomicHistogram>,
}

/// What a [`Tally`] counted between two looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tallied {
    /// Answers.
    pub answered: u64,
    /// Those of them with a 5xx status.
    pub errors: u64,
    /// How long they took.
    pub latency_ms: Option<LatencySummary>,
}

impl Tally {
    /// A request was answered with `status`, `latency` after it arrived.
    pub fn answered(&self, status: u16, latency: Duration) {
        self.answered.fetch_add(1, Relaxed);
        if status >= 500 {
            self.errors.fetch_add(1, Relaxed);
        }
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).min(MAX_LATENCY_US);
        let latencies = self.latencies.get_or_init(|| AtomicHistogram::with_config(&HISTOGRAM));
        // Cut to the largest value there is, so that it always fits.
        latencies.increment(micros).ok();
    }

    /// How many answers were counted since [`take`](Self::take) was last asked for.
    pub fn answers(&self) -> u64 {
        self.answered.load(Relaxed)
    }

    /// What was counted since this was last asked for.
    pub fn take(&self) -> Tallied {
        Tallied {
            answered: self.answered.swap(0, Relaxed),
            errors: self.errors.swap(0, Relaxed),
            latency_ms: self.latencies.get().and_then(|latencies| summarise(&latencies.drain())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_sees_what_came_since_the_last() {
        let tally = Tally::default();
        assert_eq!(tally.take(), Tallied { answered: 0, errors: 0, latency_ms: None });
        tally.answered(200, Duration::from_millis(10));
        tally.answered(502, Duration::from_secs(1));
        let seen = tally.take();
        assert_eq!((seen.answered, seen.errors), (2, 1));
        assert!(seen.latency_ms.is_some_and(|latency| latency.p50 < 11.0 && latency.p99 > 900.0));
        assert_eq!(tally.take().answered, 0);
    }
}
