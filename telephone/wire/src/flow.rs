//! Credit: how many bytes of DATA one end may send before the other has asked for more.
//!
//! Each direction of each stream has a credit, and so has each direction of the whole connection; a DATA frame of n
//! bytes uses n of both. The receiver gives credit back with WINDOW frames.

/// The first credit of a stream, in bytes. A stream whose reader keeps up gets more, up to [`MAX_STREAM_WINDOW`].
pub const STREAM_WINDOW: u32 = 64 * 1024;
/// How far the window of one stream grows, in bytes: the most that a reader who stops reading can leave lying here.
pub const MAX_STREAM_WINDOW: u32 = 256 * 1024;
/// The credit of a whole connection, in bytes.
pub const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    size: u32,
    max: u32,
    allowed: u32,
    consumed: u32,
}

/// The peer sent more than it had credit for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more data than credit")]
pub struct WindowExceeded;

impl Window {
    /// A window of `size` bytes that may grow to `max`.
    pub fn new(size: u32, max: u32) -> Self {
        let size = size.min(MAX_CREDIT);
        Self { size, max: max.clamp(size, MAX_CREDIT), allowed: size, consumed: 0 }
    }

    /// Accounts for `bytes` that arrived.
    pub fn receive(&mut self, bytes: u32) -> Result<(), WindowExceeded> {
        self.allowed = self.allowed.checked_sub(bytes).ok_or(WindowExceeded)?;
        Ok(())
    }

    /// Accounts for `bytes` that were read and returns the credit to announce, once it is half a window.
    ///
    /// `waiting` says that the reader has read everything there was: it waits for the sender, who may therefore send
    /// further ahead next time, and the window doubles.
    pub fn consume(&mut self, bytes: u32, waiting: bool) -> Option<u32> {
        self.consumed = self.consumed.saturating_add(bytes);
        if self.consumed < self.size / 2 || self.consumed == 0 {
            return None;
        }
        let growth = if waiting { self.size.min(self.max - self.size) } else { 0 };
        let grant = std::mem::take(&mut self.consumed) + growth;
        self.size += growth;
        self.allowed += grant;
        Some(grant)
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
        let mut window = Window::new(100, 100);
        assert_eq!(window.receive(100), Ok(()));
        assert_eq!(window.receive(1), Err(WindowExceeded));
    }

    #[test]
    fn credit_is_given_back_by_half_windows() {
        let mut window = Window::new(100, 100);
        window.receive(100).expect("within the window");
        assert_eq!(window.consume(49, false), None);
        assert_eq!(window.consume(1, false), Some(50));
        assert_eq!(window.receive(51), Err(WindowExceeded));
        assert_eq!(window.receive(50), Ok(()));
    }

    #[test]
    fn a_window_grows_only_for_a_reader_that_keeps_up() {
        let mut window = Window::new(100, 250);
        window.receive(100).expect("within the window");
        assert_eq!(window.consume(60, false), Some(60));
        assert_eq!(window.size(), 100);
        assert_eq!(window.consume(40, true), None, "below half a window nothing is announced");
        window.receive(60).expect("within the window");
        assert_eq!(window.consume(60, true), Some(200));
        assert_eq!(window.size(), 200);
        window.receive(200).expect("within the window");
        assert_eq!(window.consume(200, true), Some(250));
        assert_eq!(window.size(), 250, "the cap holds");
    }

    #[test]
    fn reading_nothing_announces_nothing() {
        assert_eq!(Window::new(1, 1).consume(0, true), None);
    }
}
