use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(30);
/// After this long a line has proved itself, and the next wait begins at the shortest again.
const STABLE: Duration = Duration::from_secs(60);
/// A line that held for this long is dialled again at once when it is lost.
const WORTH_A_TRY: Duration = Duration::from_secs(5);

/// How long to wait before dialling again: not at all when a line that held is lost, since most often the other end is
/// still there; then anything from nothing to a limit that doubles each time ("full jitter"), so that a thousand
/// telephones that lost the same server do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    limit: Duration,
    at_once: bool,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { limit: FIRST, at_once: true }
    }

    /// The wait after an attempt that failed.
    pub(super) fn next(&mut self) -> Duration {
        self.at_once = false;
        let wait = rand::rng().random_range(Duration::ZERO..=self.limit);
        self.limit = (self.limit * 2).min(LAST);
        wait
    }

    /// The wait after a line was lost that was open for so long.
    pub(super) fn after_loss(&mut self, open: Duration) -> Duration {
        if open >= STABLE {
            self.reset();
        }
        if self.at_once || open >= WORTH_A_TRY {
            self.at_once = false;
            return Duration::ZERO;
        }
        self.next()
    }

    /// All was well: begin at the beginning.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_within_a_limit_that_doubles_up_to_half_a_minute() {
        let mut backoff = Backoff::new();
        for round in 0..20 {
            let limit = (FIRST * 2_u32.pow(round.min(10))).min(LAST);
            assert!(backoff.next() <= limit);
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }

    #[test]
    fn a_lost_line_is_dialled_at_once_but_not_again_and_again() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.after_loss(Duration::ZERO), Duration::ZERO);
        let waits: Duration = (0..20).map(|_| backoff.after_loss(Duration::ZERO)).sum();
        assert!(waits > Duration::ZERO);
        assert_eq!(backoff.after_loss(WORTH_A_TRY), Duration::ZERO);
        assert!(backoff.limit > FIRST);
        assert_eq!(backoff.after_loss(STABLE), Duration::ZERO);
        assert_eq!(backoff.limit, FIRST);
    }
}
