use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;

/// How many idle connections are kept.
const MAX_IDLE: usize = 1024;
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
    /// An idle connection that is, as far as can be known, still open.
    pub(super) fn take(&self) -> Option<Connection> {
        while let Some((mut connection, since)) = self.lock().pop_back() {
            if since.elapsed() < MAX_AGE && connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection that can be used again.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push_back((connection, Instant::now()));
        }
    }

    /// Closes the connections that are too old, and lets go of those that the local server has closed.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain_mut(|(connection, since)| now.duration_since(*since) < MAX_AGE && connection.is_open());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
