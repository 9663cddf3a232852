//! Counting what is looked at for a short time only.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use domain::LatencySummary;
use histogram::AtomicHistogram;

use super::figures::{HISTOGRAM, MAX_LATENCY_US, summarise};

/// Counts the answers to some requests, such as those that a switch has sent to its new tag. Nothing of it is stored.
#[derive(Debug, Default)]
pub struct Tally {
    answered: AtomicU64,
    errors: AtomicU64,
    given_up: AtomicU64,
    /// How long an answer may take.
    limit: Option<Duration>,
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
    /// Requests whose clients left without an answer after a longer time than one may take.
    pub given_up: u64,
    /// How long all of these took.
    pub latency_ms: Option<LatencySummary>,
}

impl Tally {
    /// Nothing counted yet. Whether a client that leaves was patient enough is told by `limit`: how long an answer may
    /// take, if that matters.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// A request was answered with `status`, `latency` after it arrived.
    pub fn answered(&self, status: u16, latency: Duration) {
        self.answered.fetch_add(1, Relaxed);
        if status >= 500 {
            self.errors.fetch_add(1, Relaxed);
        }
        self.took(latency);
    }

    /// A client left without an answer, so long after its request arrived. Who leaves before an answer is late says nothing
    /// about it.
    pub fn given_up(&self, waited: Duration) {
        if self.limit.is_some_and(|limit| waited > limit) {
            self.given_up.fetch_add(1, Relaxed);
            self.took(waited);
        }
    }

    fn took(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).min(MAX_LATENCY_US);
        let latencies = self.latencies.get_or_init(|| AtomicHistogram::with_config(&HISTOGRAM));
        // Cut to the largest value there is, so that it always fits.
        latencies.increment(micros).ok();
    }

    /// How many requests were counted since [`take`](Self::take) was last asked for.
    pub fn counted(&self) -> u64 {
        self.answered.load(Relaxed) + self.given_up.load(Relaxed)
    }

    /// What was counted since this was last asked for.
    pub fn take(&self) -> Tallied {
        Tallied {
            answered: self.answered.swap(0, Relaxed),
            errors: self.errors.swap(0, Relaxed),
            given_up: self.given_up.swap(0, Relaxed),
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
        assert_eq!(tally.take(), Tallied { answered: 0, errors: 0, given_up: 0, latency_ms: None });
        tally.answered(200, Duration::from_millis(10));
        tally.answered(502, Duration::from_secs(1));
        let seen = tally.take();
        assert_eq!((seen.answered, seen.errors), (2, 1));
        assert!(seen.latency_ms.is_some_and(|latency| latency.p50 < 11.0 && latency.p99 > 900.0));
        assert_eq!(tally.take().answered, 0);
    }

    #[test]
    fn who_waited_too_long_counts_without_an_answer() {
        let tally = Tally::new(Some(Duration::from_millis(200)));
        tally.given_up(Duration::from_millis(100));
        assert_eq!(tally.counted(), 0);
        tally.given_up(Duration::from_millis(300));
        assert_eq!(tally.counted(), 1);
        let seen = tally.take();
        assert_eq!((seen.answered, seen.errors, seen.given_up), (0, 0, 1));
        assert!(seen.latency_ms.is_some_and(|latency| latency.p95 > 290.0));
        let without = Tally::default();
        without.given_up(Duration::from_secs(300));
        assert_eq!(without.counted(), 0);
    }
}
