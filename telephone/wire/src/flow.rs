//! Credit: how many bytes of DATA one end may send before the other has asked for more.
//!
//! Each direction of each stream has a credit, and so has each direction of the whole connection; a DATA frame of n
//! bytes uses n of both. The receiver gives credit back with WINDOW frames.

use std::time::Duration;

/// The first credit of a stream, in bytes. A stream whose reader keeps up gets more, up to [`MAX_STREAM_WINDOW`].
pub const STREAM_WINDOW: u32 = 64 * 1024;
/// How far the window of one stream grows, in bytes: enough for 40 MB/s over a round trip of 100 ms.
pub const MAX_STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// The first credit of a whole connection, in bytes.
pub const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// How far the window of a whole connection grows, in bytes.
pub const MAX_CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// No credit ever exceeds this, as in RFC 9113 §6.9.1.
pub const MAX_CREDIT: u32 = (1 << 31) - 1;

/// The sending side: what may still be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit(u32);

/// A grant would have lifted a credit above [`MAX_CREDIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("credit above {MAX_CREDIT} bytes")]
pub struct CreditOverflow;

impl Credit {
    /// A credit of `initial` bytes.
    pub fn new(initial: u32) -> Self {
        Self(initial.min(MAX_CREDIT))
    }

    /// What is left, in bytes.
    pub fn available(self) -> usize {
        self.0 as usize
    }

    /// Uses up to `wanted` bytes and says how many.
    pub fn take(&mut self, wanted: usize) -> usize {
        let taken = wanted.min(self.available());
        // `taken` is at most `self.0`, so neither the cast nor the subtraction loses anything.
        self.0 -= taken as u32;
        taken
    }

    /// Adds what the peer granted.
    pub fn grant(&mut self, bytes: u32) -> Result<(), CreditOverflow> {
        self.0 = self.0.checked_add(bytes).filter(|sum| *sum <= MAX_CREDIT).ok_or(CreditOverflow)?;
        Ok(())
    }
}

/// The receiving side: what the peer may still send, and what has been read since credit was last given back.
///
/// The window grows towards the bandwidth-delay product. When half a window is used up within two round trips, the
/// sender was, or soon will be, held up by the credit and not by the network, and the window doubles; so it comes to
/// rest at no more than four to eight times what is under way in one round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    size: u32,
    first: u32,
    max: u32,
    allowed: u32,
    consumed: u32,
    announced: Duration,
}

/// The time and the distance of the peer, as far as they are known. The state machine has no clock: it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Now, as the time since any fixed moment.
    pub now: Duration,
    /// The latest round trip; `None` while it is unknown.
    pub round_trip: Option<Duration>,
}

impl Pace {
    /// Whether what began at `since` took so little time that only the credit can have limited it.
    fn is_quick(self, since: Duration) -> bool {
        self.round_trip.is_none_or(|round_trip| self.now.saturating_sub(since) <= 2 * round_trip)
    }
}

/// The peer sent more than it had credit for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more data than credit")]
pub struct WindowExceeded;

impl Window {
    /// A window of `size` bytes, opened at `now`, that may grow to `max`.
    pub fn new(size: u32, max: u32, now: Duration) -> Self {
        let size = size.min(MAX_CREDIT);
        let max = max.clamp(size, MAX_CREDIT);
        Self { size, first: size, max, allowed: size, consumed: 0, announced: now }
    }

    /// Accounts for `bytes` that arrived.
    pub fn receive(&mut self, bytes: u32) -> Result<(), WindowExceeded> {
        self.allowed = self.allowed.checked_sub(bytes).ok_or(WindowExceeded)?;
        Ok(())
    }

    /// Accounts for `bytes` that were read and returns the credit to announce, once it is half a window.
    ///
    /// `spare` is by how much the window may grow: nothing for a reader that has left much of what there was, because it
    /// is the reader who is slow.
    pub fn consume(&mut self, bytes: u32, spare: u32, pace: Pace) -> Option<u32> {
        self.consumed = self.consumed.saturating_add(bytes);
        if self.consumed < self.size / 2 || self.consumed == 0 {
            return None;
        }
        let quick = pace.is_quick(self.announced);
        let growth = if quick { self.size.min(self.max - self.size).min(spare) } else { 0 };
        let grant = std::mem::take(&mut self.consumed) + growth;
        self.announced = pace.now;
        self.size += growth;
        self.allowed += grant;
        Some(grant)
    }

    /// By how much the window has grown, in bytes.
    pub fn grown(&self) -> u32 {
        self.size - self.first
    }

    /// The window's present size in bytes.
    pub fn size(&self) -> u32 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_used_up_and_granted_again() {
        let mut credit = Credit::new(10);
        assert_eq!(credit.take(7), 7);
        assert_eq!(credit.take(7), 3);
        assert_eq!(credit.take(7), 0);
        assert_eq!(credit.grant(5), Ok(()));
        assert_eq!(credit.available(), 5);
    }

    #[test]
    fn credit_never_exceeds_its_maximum() {
        let mut credit = Credit::new(MAX_CREDIT);
        assert_eq!(credit.grant(1), Err(CreditOverflow));
        assert_eq!(credit.grant(u32::MAX), Err(CreditOverflow));
        assert_eq!(credit.available(), MAX_CREDIT as usize);
    }

    #[test]
    fn a_window_takes_exactly_its_size() {
        let mut window = Window::new(100, 100, Duration::ZERO);
        assert_eq!(window.receive(100), Ok(()));
        assert_eq!(window.receive(1), Err(WindowExceeded));
    }

    /// A round trip of 10 ms, `millis` after the beginning.
    fn at(millis: u64) -> Pace {
        Pace { now: Duration::from_millis(millis), round_trip: Some(Duration::from_millis(10)) }
    }

    #[test]
    fn credit_is_given_back_by_half_windows() {
        let mut window = Window::new(100, 100, Duration::ZERO);
        window.receive(100).expect("within the window");
        assert_eq!(window.consume(49, 0, at(1)), None);
        assert_eq!(window.consume(1, 0, at(1)), Some(50));
        assert_eq!(window.receive(51), Err(WindowExceeded));
        assert_eq!(window.receive(50), Ok(()));
    }

    #[test]
    fn a_window_grows_only_for_a_reader_that_keeps_up() {
        let mut window = Window::new(100, 250, Duration::ZERO);
        window.receive(100).expect("within the window");
        assert_eq!(window.consume(60, 0, at(1)), Some(60));
        assert_eq!(window.grown(), 0);
        assert_eq!(window.consume(40, 1000, at(2)), None, "below half a window nothing is announced");
        window.receive(60).expect("within the window");
        assert_eq!(window.consume(60, 1000, at(3)), Some(200));
        assert_eq!((window.size(), window.grown()), (200, 100));
        window.receive(200).expect("within the window");
        assert_eq!(window.consume(200, 20, at(4)), Some(220), "no more than there is to spare");
        window.receive(220).expect("within the window");
        assert_eq!(window.consume(220, 1000, at(5)), Some(250));
        assert_eq!(window.size(), 250, "the cap holds");
    }

    #[test]
    fn a_window_rests_where_the_network_is_the_limit() {
        let mut window = Window::new(1_000, MAX_STREAM_WINDOW, Duration::ZERO);
        let mut now = 0;
        // 1,000 bytes a millisecond and a round trip of 10 ms: the product is 10,000 bytes.
        for _ in 0..100 {
            let half = window.size() / 2;
            window.receive(half).expect("within the window");
            now += u64::from(half / 1_000);
            window.consume(half, u32::MAX, at(now)).expect("half a window is announced");
        }
        assert!((40_000..=80_000).contains(&window.size()), "{}", window.size());
    }

    #[test]
    fn while_the_distance_is_unknown_a_window_grows() {
        let mut window = Window::new(100, 200, Duration::ZERO);
        window.receive(50).expect("within the window");
        assert_eq!(window.consume(50, 1000, Pace { now: Duration::from_secs(9), round_trip: None }), Some(150));
    }

    #[test]
    fn reading_nothing_announces_nothing() {
        assert_eq!(Window::new(1, 1, Duration::ZERO).consume(0, 0, at(0)), None);
    }
}
