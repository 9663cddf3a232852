use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;

/// How many idle connections are kept.
const MAX_IDLE: usize = 1024;
/// How many of them may hold the buffers they were used with, a few KiB each, until they are swept.
const MAX_ROOMY: usize = 256;
/// How long an idle connection is kept. Most servers close theirs after 60 s or more; some (Node.js) after 5 s.
pub(super) const MAX_AGE: Duration = Duration::from_secs(30);

/// Connections to the local server.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Idle keep-alive connections, the latest used first: what is not needed grows old and is closed.
    idle: Mutex<VecDeque<(Connection, Instant)>>,
    /// Those that carry several requests at once.
    pub(super) http2: Arc<http2::Connections>,
    /// What TLS has agreed on last.
    pub(super) prefers_http1: AtomicBool,
}

impl Pool {
    /// An idle connection that is, as far as can be known at `now`, still open.
    pub(super) fn take(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some((mut connection, since)) = idle.pop_back() {
            if is_fresh(since, now) && connection.stream_mut().is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection that can be used again from `now` on. All of its response was read.
    pub(super) fn put(&self, mut connection: Connection, now: Instant) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            if idle.len() >= MAX_ROOMY {
                connection.shrink();
            }
            idle.push_back((connection, now));
        }
    }

    /// Closes the connections that are too old, and lets go of those that the local server has closed. What stays holds no
    /// buffer.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain_mut(|(connection, since)| {
            // Whoever was woken when there was something to read is let go of, too.
            let open = is_fresh(*since, now) && connection.is_open();
            connection.shrink();
            open
        });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that was put back after `now` is as fresh as can be.
fn is_fresh(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < MAX_AGE
}
