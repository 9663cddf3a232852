//! How many connections a backend has at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound on the connections of one backend, over all threads.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    bound: usize,
    /// How many requests wait for one.
    waiting: AtomicUsize,
}

/// One connection; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl Places {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(bound)), bound, waiting: AtomicUsize::new(0) }
    }

    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    pub(super) fn taken(&self) -> usize {
        self.bound - self.free.available_permits()
    }

    pub(super) fn try_take(&self) -> Option<Place> {
        self.free.clone().try_acquire_owned().ok().map(Place)
    }

    /// The next free one; `None` never comes, since the bound is never lifted.
    pub(super) async fn take(&self) -> Option<Place> {
        self.free.clone().acquire_owned().await.ok().map(Place)
    }

    /// Counts one who waits, until it is dropped. Meanwhile connections are not kept for later.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(&self.waiting)
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
