use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

/// Ends connections after the request under way. Looking whether that is so takes no lock, since every request does.
#[derive(Debug, Default)]
pub struct Stop {
    /// One of the levels below.
    level: AtomicU8,
    token: CancellationToken,
}

/// They go on.
const RUNNING: u8 = 0;
/// Each goes on until its next response, which says that it is the last.
const LEAVING: u8 = 1;
/// They end.
const STOPPED: u8 = 2;

impl Stop {
    /// Ends each with its next response, however long that takes: nobody who keeps a connection finds it closed. Or has
    /// them go on after all.
    pub fn leave(&self, leaving: bool) {
        let (from, to) = if leaving { (RUNNING, LEAVING) } else { (LEAVING, RUNNING) };
        // Otherwise they are at that already, or end anyway.
        let _ = self.level.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Ends them.
    pub fn stop(&self) {
        self.level.store(STOPPED, Ordering::Release);
        self.token.cancel();
    }

    /// Whether a response is to be the last of its connection.
    pub fn is_leaving(&self) -> bool {
        self.level.load(Ordering::Acquire) != RUNNING
    }

    /// Whether they are to end.
    pub fn is_stopped(&self) -> bool {
        self.level.load(Ordering::Acquire) == STOPPED
    }

    /// Waits until they are.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }
}
