//! News within the process, for whoever keeps something in memory that the database decides.

use crate::Touched;
use domain::{TokenId, TunnelId, UserId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

/// How many changes a subscriber may lag behind. It is then told so and reads everything again, so this bounds memory,
/// not correctness.
const BACKLOG: usize = 1024;

/// Something is different now; what, the services tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A tunnel was created, changed, paused, resumed, deleted or restored.
    Tunnel(TunnelId),
    /// A token was revoked or rotated, here or elsewhere: whoever signed in with it may have to go.
    TokenRevoked(TokenId),
    /// Browsers or programs of this user were signed out, as by another role, or a personal token was revoked.
    UserSessionsEnded(UserId),
    /// An account was deactivated or deleted: its telephones must go.
    AccountDeactivated(UserId),
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
    followers: Arc<Mutex<Vec<Weak<Mailbox>>>>,
    process: Arc<str>,
}

/// Gathers what is routed differently until it is [taken](Self::take). However much happens meanwhile, nothing gets lost,
/// and what happened twice is there once.
#[derive(Debug)]
pub struct Follower(Arc<Mailbox>);

#[derive(Debug, Default)]
struct Mailbox {
    gathered: Mutex<Gathered>,
    filled: Notify,
}

/// What a [`Follower`] has gathered.
#[derive(Debug, Default)]
pub struct Gathered {
    /// What is to be read anew.
    pub touched: Touched,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            followers: Arc::default(),
            process: Uuid::now_v7().to_string().into(),
        }
    }

    /// Changes from now on. Whoever gets `Lagged` reads again all that it keeps.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// Gathers what is routed differently from now on.
    pub fn follow(&self) -> Follower {
        let mailbox = Arc::default();
        let mut followers = lock(&self.followers);
        followers.retain(|follower| follower.strong_count() > 0);
        followers.push(Arc::downgrade(&mailbox));
        Follower(mailbox)
    }

    /// What this process calls itself towards others on the same database, so that it does not listen to itself.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// Tells everybody who listens; it is nobody's fault when nobody does. Of [`Change::Routing`] and
    /// [`Change::Elsewhere`], those who know more tell with [`publish_touched`](Self::publish_touched).
    pub fn publish(&self, change: Change) {
        match change {
            Change::Tunnel(id) => self.publish_touched(change, Touched::tunnel(id)),
            Change::Routing | Change::Elsewhere => self.publish_touched(change, Touched::everything()),
            Change::TokenRevoked(_)
            | Change::UserSessionsEnded(_)
            | Change::AccountDeactivated(_)
            | Change::Presence(_) => self.send(change),
        }
    }

    /// Tells that these things are routed differently now.
    pub(crate) fn publish_touched(&self, change: Change, touched: Touched) {
        self.post(|gathered| gathered.touched.add(touched.clone()));
        self.send(change);
    }

    fn send(&self, change: Change) {
        self.sender.send(change).ok();
    }

    fn post(&self, put: impl Fn(&mut Gathered)) {
        for follower in lock(&self.followers).iter().filter_map(Weak::upgrade) {
            put(&mut lock(&follower.gathered));
            follower.filled.notify_one();
        }
    }
}

impl Follower {
    /// Waits until there is something to take. There may be nothing after all, if somebody else took it.
    pub async fn filled(&self) {
        self.0.filled.notified().await;
    }

    /// What was gathered since the last time.
    pub fn take(&self) -> Gathered {
        std::mem::take(&mut lock(&self.0.gathered))
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        lock(&self.0.gathered).touched.is_empty()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
