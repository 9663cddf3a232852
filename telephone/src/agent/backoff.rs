use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(30);

/// How long to wait before dialling again: anything from nothing to a limit that doubles each time ("full jitter"), so
/// that a thousand telephones that lost the same server do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    limit: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { limit: FIRST }
    }

    /// The next wait.
    pub(super) fn next(&mut self) -> Duration {
        let wait = rand::rng().random_range(Duration::ZERO..=self.limit);
        self.limit = (self.limit * 2).min(LAST);
        wait
    }

    /// All was well for a while: begin at the beginning.
    pub(super) fn reset(&mut self) {
        self.limit = FIRST;
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
}
