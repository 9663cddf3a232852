use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many requests of one second are told of.
const A_SECOND: u64 = 100;

/// Which requests listeners are told of: nobody can follow thousands a second, and telling them costs as much as
/// forwarding a small request does.
#[derive(Debug)]
pub(super) struct Told {
    since: Instant,
    second: AtomicU64,
    in_second: AtomicU64,
    untold: AtomicU64,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            second: AtomicU64::new(0),
            in_second: AtomicU64::new(0),
            untold: AtomicU64::new(0),
        }
    }

    /// Whether one more request is to be told of at `now`; one that is not is counted.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let second = now.duration_since(self.since).as_secs();
        // Two threads that begin a second at once may let a few more pass, which does no harm.
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.in_second.store(0, Ordering::Relaxed);
        }
        let admitted = self.in_second.fetch_add(1, Ordering::Relaxed) < A_SECOND;
        if !admitted {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// How many requests were not told of since this was last asked; `None` for none.
    pub(super) fn take_untold(&self) -> Option<u64> {
        Some(self.untold.swap(0, Ordering::Relaxed)).filter(|untold| *untold > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn no_more_are_told_than_can_be_followed_and_all_are_counted() {
        let told = Told::new();
        let admitted = (0..1_000).filter(|_| told.admits(told.since)).count();
        assert_eq!((admitted as u64, told.take_untold()), (A_SECOND, Some(1_000 - A_SECOND)));
        assert!(told.admits(told.since + Duration::from_secs(1)));
        assert_eq!(told.take_untold(), None);
    }
}
