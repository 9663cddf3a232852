//! News within the process, for whoever keeps something in memory that the database decides.

use domain::{TokenId, TunnelId, UserId};
use std::sync::Arc;
use tokio::sync::broadcast;
use uuid::Uuid;

/// How many changes a subscriber may lag behind. It is then told so and reads everything again, so this bounds memory,
/// not correctness.
const BACKLOG: usize = 1024;

/// Something is different now; what, the services tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A tunnel was created, changed, paused, resumed, deleted or restored.
    Tunnel(TunnelId),
    /// A token was revoked or rotated: whoever signed in with it must go.
    TokenRevoked(TokenId),
    /// Browsers of this user were signed out.
    UserSessionsEnded(UserId),
    /// A service, backend, domain, route or region was created, changed, deleted or restored.
    Routing,
    /// Another process on the same database has changed what is routed by.
    Elsewhere,
    /// A telephone came to a tunnel or left it.
    Presence(TunnelId),
}

/// Tells of changes in this process.
#[derive(Debug, Clone)]
pub struct Changes {
    sender: broadcast::Sender<Change>,
    process: Arc<str>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), process: Uuid::now_v7().to_string().into() }
    }

    /// Changes from now on. Whoever gets `Lagged` reads again all that it keeps.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// What this process calls itself towards others on the same database, so that it does not listen to itself.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// Tells everybody who listens; it is nobody's fault when nobody does.
    pub fn publish(&self, change: Change) {
        self.sender.send(change).ok();
    }
}
