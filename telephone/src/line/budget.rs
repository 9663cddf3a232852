//! How much the lines of one session may take together, and those of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use wire::mux::{Mux, Settings};

/// From how much on no line may hold more than [`LEAST`] without its credit being held back, bytes.
const MAX_HELD: usize = 512 * 1024 * 1024;
/// How much a line may hold, and queue, in any case, bytes.
const LEAST: usize = 256 * 1024;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// How many bytes of bodies have come over the lines of this process and are not read yet.
pub fn held_bytes() -> usize {
    HELD.load(Relaxed)
}

/// What the lines of one session take together. Streams have a bound. Bytes that lie unread, or are queued, may be as many as
/// on one line that is alone; when they are, each line may have 256 KiB, so that none waits for another.
#[derive(Clone, Debug)]
pub struct SessionBudget(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    max_streams: usize,
    streams: AtomicUsize,
    held: AtomicUsize,
    queued: AtomicUsize,
}

impl SessionBudget {
    /// Of a session without lines, on which so many streams may be open at once.
    pub fn new(max_streams: u32) -> Self {
        let max_streams = usize::try_from(max_streams).unwrap_or(usize::MAX);
        let [streams, held, queued] = [const { AtomicUsize::new(0) }; 3];
        Self(Arc::new(Taken { max_streams, streams, held, queued }))
    }

    /// Whether as many streams are open as may be.
    pub fn is_full(&self) -> bool {
        self.0.streams.load(Relaxed) >= self.0.max_streams
    }
}

/// What one line takes of it; no longer when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    session: SessionBudget,
    streams: usize,
    held: usize,
    queued: usize,
    /// How much the line may hold when there is enough for all.
    plenty_held: usize,
    /// The same of what is queued.
    plenty_queued: usize,
    /// Whether there is enough for all, of what is held and of what is queued.
    enough: (bool, bool),
}

impl Share {
    pub(super) fn new(session: SessionBudget, settings: &Settings) -> Self {
        let (plenty_held, plenty_queued) = (settings.max_held, settings.max_queued);
        Self { session, streams: 0, held: 0, queued: 0, plenty_held, plenty_queued, enough: (true, true) }
    }

    /// Takes a place for a stream that is about to be opened, if there is one.
    pub(super) fn take_stream(&mut self) -> bool {
        let Taken { streams, max_streams, .. } = &*self.session.0;
        let is_free = streams.fetch_add(1, Relaxed) < *max_streams;
        if is_free {
            self.streams += 1;
        } else {
            streams.fetch_sub(1, Relaxed);
        }
        is_free
    }

    /// Counts what the line takes now, and tells it how much that may be. Says whether that is more than before, which
    /// somebody may wait for.
    pub(super) fn count(&mut self, mux: &mut Mux) -> bool {
        let taken = &*self.session.0;
        recount(&taken.streams, &mut self.streams, mux.active_streams());
        let (held, queued) = (mux.held(), mux.queued());
        if (held, queued) == (self.held, self.queued) && self.enough == (true, true) {
            return false;
        }
        recount(&HELD, &mut { self.held }, held);
        recount(&taken.held, &mut self.held, held);
        recount(&taken.queued, &mut self.queued, queued);
        let enough_held = held_bytes() < MAX_HELD && taken.held.load(Relaxed) < self.plenty_held;
        let enough_queued = taken.queued.load(Relaxed) < self.plenty_queued;
        let before = std::mem::replace(&mut self.enough, (enough_held, enough_queued));
        if before != self.enough {
            mux.set_max_held(allowance(enough_held, self.plenty_held));
            mux.set_max_queued(allowance(enough_queued, self.plenty_queued));
        }
        (enough_held && !before.0) || (enough_queued && !before.1)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Taken { streams, held, queued, .. } = &*self.session.0;
        HELD.fetch_sub(self.held, Relaxed);
        streams.fetch_sub(self.streams, Relaxed);
        held.fetch_sub(self.held, Relaxed);
        queued.fetch_sub(self.queued, Relaxed);
    }
}

/// Makes what was `counted` of this in `all` what it is now.
fn recount(all: &AtomicUsize, counted: &mut usize, now: usize) {
    match now.checked_sub(*counted) {
        Some(0) => {}
        Some(more) => _ = all.fetch_add(more, Relaxed),
        None => _ = all.fetch_sub(*counted - now, Relaxed),
    }
    *counted = now;
}

/// How much one line may have. Never nothing: a line whose readers go on gets its credit back.
fn allowance(is_enough: bool, plenty: usize) -> usize {
    if is_enough { plenty } else { plenty.min(LEAST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_have_less_when_all_have_much() {
        assert_eq!(allowance(true, 64 << 20), 64 << 20);
        assert_eq!(allowance(false, 64 << 20), LEAST);
        assert_eq!(allowance(false, 1), 1);
    }

    #[test]
    fn what_a_line_takes_is_free_again_when_it_is_gone() {
        let session = SessionBudget::new(2);
        let share = || Share::new(session.clone(), &Settings::default());
        let (mut one, mut other) = (share(), share());
        assert!(one.take_stream() && other.take_stream());
        assert!(session.is_full() && !one.take_stream() && !other.take_stream());
        drop(one);
        assert!(!session.is_full() && other.take_stream());
    }
}
