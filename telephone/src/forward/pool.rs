use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::connection::Connection;

/// How many idle connections are kept.
const MAX_IDLE: usize = 1024;
/// How long an idle connection is kept. Most servers close theirs after 60 s or more; some (Node.js) after 5 s.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How long a connection may take to be ready again after its response was read.
const SETTLE: Duration = Duration::from_secs(1);

/// Idle keep-alive connections to the local server, the latest used first: what is not needed grows old and is closed.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<VecDeque<(Connection, Instant)>>,
}

impl Pool {
    /// An idle connection that is, as far as can be known, still open.
    pub(super) fn take(&self) -> Option<Connection> {
        while let Some((connection, since)) = self.lock().pop_back() {
            if connection.sender.is_ready() && since.elapsed() < MAX_AGE {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose response has been read to its end, unless it is about to close, or the local server
    /// has answered before it had the whole request.
    pub(super) async fn put(&self, mut connection: Connection) {
        let ready =
            connection.sender.is_ready() || matches!(timeout(SETTLE, connection.sender.ready()).await, Ok(Ok(())));
        if !ready {
            return;
        }
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push_back((connection, Instant::now()));
        }
    }

    /// Closes the connections that are too old, and lets go of those that the local server has closed.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.lock()
            .retain(|(connection, since)| now.duration_since(*since) < MAX_AGE && !connection.sender.is_closed());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
