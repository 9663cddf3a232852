//! How much of a request's body may come before somebody reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The window of a stream on a connection whose bodies nobody has read yet, bytes.
pub(super) const FIRST_WINDOW: u32 = 64 * 1024;
/// On one whose bodies are read: 64 KiB a round trip are 5 Mbit/s over a distance of 100 ms.
pub(super) const WINDOW: u32 = 256 * 1024;

/// What was read of the bodies of a connection, bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Uploads(Arc<AtomicU64>);

impl Uploads {
    pub(super) fn read(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether more may come at once from now on.
    pub(super) fn deserve_more(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= u64::from(FIRST_WINDOW)
    }
}
