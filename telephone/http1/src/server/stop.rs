use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Ends connections after the request under way. Looking whether that is so takes no lock, since every request does.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: AtomicBool,
    token: CancellationToken,
}

impl Stop {
    /// Ends them.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether they are to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Waits until they are.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }
}
