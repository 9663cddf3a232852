//! The request inspector: what is kept of exchanges, and who may see it.
//!
//! The engine asks with [`Inspector::wanted`] whether it is to keep anything of an exchange, and hands over what it has
//! seen with [`Inspector::submit`]; neither ever waits. The recorder, off the hot path, masks what is secret, and writes
//! in batches. What it cannot keep up with is dropped and counted.

mod captured;
mod quota;
mod wishes;

use std::sync::Arc;

use domain::{CaptureSettings, RuleId, TunnelId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use captured::{Captured, CapturedBody, CapturedHead, CapturedMessage, Record};
use quota::Quota;
pub use quota::Room;
use wishes::Wishes;

/// How many records wait for the recorder. Each has taken its [`Room`], so this bounds only their number.
const QUEUE: usize = 4_096;

/// What is kept of exchanges.
#[derive(Debug)]
pub struct Inspector {
    wishes: Wishes,
    quota: Arc<Quota>,
    sender: mpsc::Sender<Record>,
    receiver: std::sync::Mutex<Option<mpsc::Receiver<Record>>>,
}

impl Inspector {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            wishes: Wishes::default(),
            quota: Arc::default(),
            sender,
            receiver: std::sync::Mutex::new(Some(receiver)),
        }
    }

    /// Whether something is to be kept of an exchange that begins now, and what: as the owner of the rule wants it, or
    /// else that of the tunnel. Whoever is told so hands over a [`Record`] in the end.
    pub fn wanted(&self, rule: Option<RuleId>, tunnel: Option<TunnelId>) -> Option<Arc<CaptureSettings>> {
        let settings = self.wishes.of(rule, tunnel)?;
        self.quota.take_turn(settings.sample_percent).then_some(settings)
    }

    /// Room in memory for so many bytes of an exchange, until it is dropped; `None` when there is none, which is counted
    /// as a loss only when the record is dropped as well.
    pub fn room(&self, bytes: usize) -> Option<Room> {
        Quota::room(&self.quota, bytes)
    }

    /// Hands a record over. If the recorder cannot keep up, it is dropped and counted.
    pub fn submit(&self, record: Record) {
        if self.sender.try_send(record).is_err() {
            self.quota.lost();
        }
    }

    /// Records what is handed over, until it is stopped.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let receiver = self.receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(mut receiver) = receiver else { return };
        let mut ticks = tokio::time::interval(quota::TICK);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.quota.tick(),
                record = receiver.recv() => match record {
                    Some(record) => tracing::trace!(?record, "recorded"),
                    None => return,
                },
            }
        }
    }
}
