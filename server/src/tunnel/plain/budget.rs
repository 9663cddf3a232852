//! How much of whole messages may lie here: what version 2 never has to hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// For one session, in bytes.
const PER_SESSION: usize = 64 * 1024 * 1024;
/// For all sessions of the process, in bytes.
const PER_PROCESS: usize = 512 * 1024 * 1024;

static ALL: AtomicUsize = AtomicUsize::new(0);

/// How many bytes all sessions hold.
pub(super) fn held_bytes() -> usize {
    ALL.load(Ordering::Relaxed)
}

/// The share of one session, whichever of its lines it is taken on.
#[derive(Debug, Default)]
pub(in crate::tunnel) struct Budget(AtomicUsize);

/// Bytes that are accounted for until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// Accounts for `bytes`; `None` when they are more than there is room for.
    pub(super) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let mut held = Held { budget: self.clone(), bytes: 0 };
        held.resize(bytes).then_some(held)
    }
}

impl Held {
    /// Accounts for `bytes` in place of what it was; says whether there is room. If not, it stays as it was.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            if !take(&self.budget.0, more, PER_SESSION) {
                return false;
            }
            if !take(&ALL, more, PER_PROCESS) {
                self.budget.0.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
        } else {
            self.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        true
    }

    fn give_back(&self, bytes: usize) {
        self.budget.0.fetch_sub(bytes, Ordering::Relaxed);
        ALL.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

fn take(held: &AtomicUsize, more: usize, limit: usize) -> bool {
    held.try_update(Ordering::Relaxed, Ordering::Relaxed, |held| held.checked_add(more).filter(|sum| *sum <= limit))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_can_be_held_again() {
        let budget = Arc::new(Budget::default());
        let mut held = budget.hold(PER_SESSION / 2).expect("there is room");
        assert!(budget.hold(PER_SESSION / 2 + 1).is_none());
        assert!(!held.resize(PER_SESSION + 1));
        assert!(held.resize(PER_SESSION));
        assert!(budget.hold(1).is_none());
        assert!(held.resize(1));
        let rest = budget.hold(PER_SESSION - 1);
        assert!(rest.is_some());
        drop((held, rest));
        assert!(budget.hold(PER_SESSION).is_some());
    }
}
