//! How much of something there may be.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and more with time.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    most: u32,
    each: Duration,
    filled: Instant,
}

impl Budget {
    /// `most` at once, and one more each time that `each` has passed.
    pub(super) fn new(most: u32, each: Duration, now: Instant) -> Self {
        Self { left: most, most, each, filled: now }
    }

    /// Takes one; whether there was one. The clock is looked at only when there seems to be none.
    pub(super) fn take(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if self.left == 0 {
            self.fill(now());
        }
        let had = self.left > 0;
        self.left = self.left.saturating_sub(1);
        had
    }

    /// Gives some back.
    pub(super) fn give(&mut self, some: u32) {
        self.left = self.left.saturating_add(some).min(self.most);
    }

    fn fill(&mut self, now: Instant) {
        let earned = now.saturating_duration_since(self.filled).as_nanos() / self.each.as_nanos().max(1);
        self.filled = now;
        self.give(u32::try_from(earned).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_comes_back_with_time_and_no_more_than_there_may_be() {
        let start = Instant::now();
        let mut budget = Budget::new(3, Duration::from_secs(1), start);
        for _ in 0..3 {
            assert!(budget.take(|| start));
        }
        assert!(!budget.take(|| start));
        let later = start + Duration::from_secs(2);
        assert!(budget.take(|| later) && budget.take(|| later));
        assert!(!budget.take(|| later));
        budget.give(u32::MAX);
        for _ in 0..3 {
            assert!(budget.take(|| later));
        }
        assert!(!budget.take(|| later));
    }
}
