//! The request inspector: what is kept of exchanges, and who may see it.
//!
//! The engine asks with [`Inspector::wanted`] whether it is to keep anything of an exchange, and hands over what it has
//! seen with [`Inspector::submit`]; neither ever waits. The recorder, off the hot path, masks what is secret, and writes
//! in batches. What it cannot keep up with is dropped and counted.

mod access;
mod captured;
mod decode;
mod elsewhere;
mod feed;
mod find;
mod one;
mod pack;
mod prepare;
mod purge;
mod quota;
mod recorder;
mod redact;
mod replay;
mod rows;
mod settings;
mod wishes;
mod write;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{CaptureSettings, RecorderHealth, RuleId, TunnelId};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use access::Inspected;
pub use captured::{Captured, CapturedBody, CapturedHead, CapturedMessage, Record};
pub use feed::{ExchangeFeed, ExchangeNews};
pub use find::Found;
pub use one::StoredBody;
use quota::Quota;
pub use quota::Room;
use wishes::Wishes;

use crate::store::Store;
use crate::{Changes, InspectorSettings, Result, Viewer};

/// How many records wait for the recorder. Each has taken its [`Room`], so this bounds only their number.
const QUEUE: usize = 4_096;
/// How many pieces of news of other nodes wait to be read.
const QUEUE_ELSEWHERE: usize = 16;
/// How many exchanges whose end got lost are remembered until that is written down.
const MOST_LOST: usize = 10_000;

/// What is kept of exchanges.
#[derive(Debug)]
pub struct Inspector {
    store: Store,
    changes: Changes,
    settings: InspectorSettings,
    wishes: Wishes,
    settings_turn: tokio::sync::Mutex<()>,
    purge_turn: tokio::sync::Mutex<()>,
    quota: Arc<Quota>,
    sender: mpsc::Sender<Record>,
    receiver: Mutex<Option<mpsc::Receiver<Record>>>,
    feed: broadcast::Sender<feed::Recorded>,
    /// What other nodes record, where somebody watches.
    elsewhere: broadcast::Sender<feed::Heard>,
    told: mpsc::Sender<elsewhere::Told>,
    told_receiver: Mutex<Option<mpsc::Receiver<elsewhere::Told>>>,
    recorded: AtomicU64,
    dropped_database: AtomicU64,
    /// Nothing can be removed to make room.
    full: AtomicBool,
    trouble: Mutex<Option<String>>,
    lost: Mutex<Vec<Uuid>>,
}

impl Inspector {
    pub(crate) fn new(store: Store, changes: Changes, settings: InspectorSettings) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (told, told_receiver) = mpsc::channel(QUEUE_ELSEWHERE);
        Self {
            store,
            changes,
            wishes: Wishes::new(settings.level),
            settings_turn: tokio::sync::Mutex::default(),
            purge_turn: tokio::sync::Mutex::default(),
            quota: Arc::new(Quota::new(settings.rate)),
            settings,
            sender,
            receiver: Mutex::new(Some(receiver)),
            feed: broadcast::Sender::new(feed::BACKLOG),
            elsewhere: broadcast::Sender::new(feed::BACKLOG),
            told,
            told_receiver: Mutex::new(Some(told_receiver)),
            recorded: AtomicU64::new(0),
            dropped_database: AtomicU64::new(0),
            full: AtomicBool::new(false),
            trouble: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    /// Whether something is to be kept of an exchange that begins now, and what: as the owner of the rule wants it, or
    /// else that of the tunnel. Whoever is told so hands over a [`Record`] in the end.
    pub fn wanted(&self, rule: Option<RuleId>, tunnel: Option<TunnelId>) -> Option<Arc<CaptureSettings>> {
        if self.settings.rate == 0 {
            return None;
        }
        self.wishes.of(rule, tunnel, |settings| self.quota.take_turn(settings.sample_percent))
    }

    /// Room in memory for an exchange that begins, in bytes, until it is dropped. Without it nothing is recorded, which is
    /// counted.
    pub fn room(&self, bytes: usize) -> Option<Room> {
        let room = Quota::room(&self.quota, bytes);
        if room.is_none() {
            self.quota.lost();
        }
        room
    }

    /// Hands a record over. If the recorder cannot keep up, it is dropped and counted.
    pub fn submit(&self, record: Record) {
        if let Err(refused) = self.sender.try_send(record) {
            let (mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record)) = refused;
            self.lose(record);
        }
    }

    /// Drops a record, and counts it.
    pub fn lose(&self, record: Record) {
        self.quota.lost();
        self.lost_ends(&recorder::ends(&[record]));
    }

    /// Exchanges as they are recorded, by this process and by others on the same PostgreSQL database.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's.
    pub async fn follow(&self, viewer: &Viewer, of: Inspected) -> Result<ExchangeFeed> {
        let owner = self.owner(viewer, of).await?;
        let (receiver, elsewhere) = (self.feed.subscribe(), self.elsewhere.subscribe());
        Ok(ExchangeFeed { of, owner, receiver, elsewhere, next: tokio::time::Instant::now() })
    }

    /// Whether all that was to be recorded is.
    pub fn health(&self) -> RecorderHealth {
        let (dropped_rate, dropped_busy) = self.quota.dropped();
        RecorderHealth {
            recorded: self.recorded.load(Relaxed),
            dropped_rate,
            dropped_busy,
            dropped_database: self.dropped_database.load(Relaxed),
            trouble: lock(&self.trouble).clone(),
        }
    }

    /// Records what is handed over, and removes what is too old or too much, until it is stopped.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let receiver = lock(&self.receiver).take();
        let Some(receiver) = receiver else { return };
        // Turns come whatever the database does.
        let turns = async {
            let mut ticks = tokio::time::interval(quota::TICK);
            loop {
                ticks.tick().await;
                self.quota.tick();
            }
        };
        let beside = async { tokio::join!(turns, self.follow_settings(), self.purge(), self.read_elsewhere()) };
        tokio::select! {
            () = Box::pin(self.record(receiver, &stop)) => {}
            _ = Box::pin(beside) => {}
        }
    }

    /// How many bytes of a subject may be pinned: all that it may have.
    fn most_pinned(&self, subject: Uuid) -> i64 {
        i64::from(self.wishes.one(subject).keep_mib) << 20
    }

    /// Says what is wrong now; what was before.
    fn set_trouble(&self, trouble: Option<String>) -> Option<String> {
        std::mem::replace(&mut *lock(&self.trouble), trouble)
    }

    fn lost_ends(&self, ids: &[Uuid]) {
        if !ids.is_empty() {
            let mut lost = lock(&self.lost);
            let room = MOST_LOST.saturating_sub(lost.len());
            lost.extend(ids.iter().take(room));
        }
    }

    fn take_lost_ends(&self) -> Vec<Uuid> {
        std::mem::take(&mut *lock(&self.lost))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
