use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::connection::Connection;

/// How many idle connections are kept.
const MAX_IDLE: usize = 64;
/// How long an idle connection is kept. Most servers close theirs after 60 s or more; some (Node.js) after 5 s.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How long a connection may take to be ready again after its response was read.
const SETTLE: Duration = Duration::from_secs(1);

/// Idle keep-alive connections to the local server, the latest used first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    /// An idle connection that is, as far as can be known, still open.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((connection, since)) = idle.pop() {
            if connection.sender.is_ready() && since.elapsed() < MAX_AGE {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose response has been read to its end, unless it is about to close, or the local server
    /// has answered before it had the whole request.
    pub(super) async fn put(&self, mut connection: Connection) {
        if !matches!(timeout(SETTLE, connection.sender.ready()).await, Ok(Ok(()))) {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(connection, since)| since.elapsed() < MAX_AGE && !connection.sender.is_closed());
        if idle.len() < MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }
}
