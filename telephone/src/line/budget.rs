//! How much lies unread in all lines of this process together.

use std::sync::atomic::{AtomicUsize, Ordering};

use wire::mux::Mux;

/// From how much on no line may hold more than [`LEAST`] without its credit being held back, bytes.
const MAX_HELD: usize = 512 * 1024 * 1024;
/// How much a line may hold in any case, bytes.
const LEAST: usize = 256 * 1024;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// How many bytes of bodies have come over the lines of this process and are not read yet.
pub fn held_bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// What one line holds, as it is counted among all; counted no longer when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    counted: usize,
    /// How much the line may hold when there is enough for all.
    plenty: usize,
}

impl Share {
    pub(super) fn new(plenty: usize) -> Self {
        Self { counted: 0, plenty }
    }

    /// Counts what the line holds now, and tells it how much that may be.
    pub(super) fn count(&mut self, mux: &mut Mux) {
        let held = mux.held();
        if held == self.counted {
            return;
        }
        let all = if held > self.counted {
            let more = held - self.counted;
            HELD.fetch_add(more, Ordering::Relaxed) + more
        } else {
            let less = self.counted - held;
            HELD.fetch_sub(less, Ordering::Relaxed) - less
        };
        self.counted = held;
        mux.set_max_held(allowance(all, self.plenty));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// How much one line may hold while all hold `all`. Never nothing: a line whose readers go on gets its credit back.
fn allowance(all: usize, plenty: usize) -> usize {
    if all < MAX_HELD { plenty } else { plenty.min(LEAST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_hold_less_when_all_hold_much() {
        assert_eq!(allowance(0, 64 << 20), 64 << 20);
        assert_eq!(allowance(MAX_HELD, 64 << 20), LEAST);
        assert_eq!(allowance(MAX_HELD, 1), 1);
    }
}
