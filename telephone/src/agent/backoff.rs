use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(30);
/// After this long a line has proved itself, and the next wait begins at the shortest again.
const STABLE: Duration = Duration::from_secs(60);
/// How many lines that were open may be dialled again at once, one after the other.
const AT_ONCE: u32 = 5;
/// Each time that lines were open for this long together, one more may.
const REGAIN: Duration = Duration::from_secs(5);

/// How long to wait before dialling again.
///
/// Not at all when a line that was open is lost, since most often the other end is still there, and whoever asks for the
/// tunnel waits; but a server that takes every line and loses it again is not dialled without end. When an attempt has
/// failed, or that has happened too often, it is anything from nothing to a limit that doubles each time ("full jitter"),
/// so that a thousand telephones that lost the same server do not come back at the same moment. How many those are only the
/// server knows: it says over how long they had better come back, and when each of them when it takes leave itself.
#[derive(Debug)]
pub(super) struct Backoff {
    limit: Duration,
    at_once: u32,
    /// How long lines were open since, as far as it is not counted in `at_once`.
    open: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { limit: FIRST, at_once: AT_ONCE, open: Duration::ZERO }
    }

    /// The wait after an attempt that failed.
    pub(super) fn next(&mut self) -> Duration {
        self.next_within(Duration::ZERO)
    }

    /// The same, where the telephones of the server are to come back over at least this long, of which no more counts than the
    /// longest wait there is.
    pub(super) fn next_within(&mut self, spread: Duration) -> Duration {
        self.at_once = 0;
        self.open = Duration::ZERO;
        self.wait(spread)
    }

    /// The wait after the server took leave, which may have said how long that is to be.
    pub(super) fn after_drain(&mut self, told: Option<Duration>) -> Duration {
        self.reset();
        told.map_or_else(|| self.next(), |wait| wait.min(LAST))
    }

    fn wait(&mut self, spread: Duration) -> Duration {
        let wait = rand::rng().random_range(Duration::ZERO..=self.limit.max(spread.min(LAST)));
        self.limit = (self.limit * 2).min(LAST);
        wait
    }

    /// The wait after a line was lost that was open for so long.
    pub(super) fn after_loss(&mut self, open: Duration) -> Duration {
        if open >= STABLE {
            self.reset();
        }
        self.open += open;
        while self.at_once < AT_ONCE && self.open >= REGAIN {
            self.open -= REGAIN;
            self.at_once += 1;
        }
        self.open = self.open.min(REGAIN);
        match self.at_once.checked_sub(1) {
            Some(left) => {
                self.at_once = left;
                Duration::ZERO
            }
            None => self.wait(Duration::ZERO),
        }
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

    /// How many of `losses` lines that were each open for so long are dialled again at once.
    fn at_once(backoff: &mut Backoff, losses: u32, open: Duration) -> u32 {
        (0..losses).map(|_| u32::from(backoff.after_loss(open).is_zero())).sum()
    }

    #[test]
    fn a_lost_line_is_dialled_at_once_but_not_again_and_again() {
        let mut backoff = Backoff::new();
        assert_eq!(at_once(&mut backoff, 100, Duration::ZERO), AT_ONCE);
        assert_eq!(backoff.limit, LAST);
        // What held for a while is worth a try each time, what holds for a moment is not.
        assert_eq!(at_once(&mut backoff, 10, REGAIN), 10);
        assert_eq!(at_once(&mut backoff, 10, REGAIN / 10), 1);
        assert_eq!(backoff.limit, LAST);
        assert_eq!(at_once(&mut backoff, 1, STABLE), 1);
        assert_eq!(backoff.limit, FIRST);
        // An attempt that fails shows that the other end is not there.
        assert!(backoff.next() <= FIRST);
        assert_eq!(at_once(&mut backoff, 100, Duration::ZERO), 0);
    }

    #[test]
    fn a_server_with_many_telephones_has_them_come_back_over_longer() {
        let spread = Duration::from_secs(10);
        let waits: Vec<_> = (0..100).map(|_| Backoff::new().next_within(spread)).collect();
        assert!(waits.iter().all(|wait| *wait <= spread), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait > spread / 2), "{waits:?}");
        assert!((0..100).all(|_| Backoff::new().next_within(spread * 10_000) <= LAST));
        let mut backoff = Backoff::new();
        assert_eq!(at_once(&mut backoff, 1, Duration::ZERO), 1, "one line alone may have been lost");
    }

    #[test]
    fn a_server_that_takes_leave_says_when() {
        let mut backoff = Backoff::new();
        for _ in 0..20 {
            backoff.next();
        }
        assert_eq!(backoff.after_drain(Some(Duration::from_millis(40))), Duration::from_millis(40));
        assert_eq!(backoff.after_drain(Some(Duration::MAX)), LAST);
        assert!(backoff.after_drain(None) <= FIRST);
    }
}
