//! Writing what the engine hands over, in batches.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::feed::Recorded;
use super::prepare::{Batch, Preparer, failed};
use super::write::{break_off, write};
use super::{Inspector, Record};
use crate::{CoreError, Result};
use std::sync::Arc;

/// The most records in a batch …
const MOST: usize = 200;
/// … and the most bytes of bodies and messages, so that no transaction takes long …
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// … and how long the first of them waits.
const LONGEST: Duration = Duration::from_millis(200);
/// How often it is looked meanwhile whether the batch is full.
const LOOK: Duration = Duration::from_millis(20);
/// How long a batch may take to be written. Whoever else writes waits five seconds for its turn.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing is tried after the database took nothing.
const AGAIN: Duration = Duration::from_secs(2);
/// How long what is left is written for when the server stops.
const LAST: Duration = Duration::from_secs(2);
/// After so many bytes it is looked at once whether something has to go.
const PURGE_AFTER: u64 = 64 * 1024 * 1024;

/// The recorder's own memory.
struct Recorder<'i> {
    inspector: &'i Inspector,
    receiver: Receiver<Record>,
    /// What the next batch has already.
    gathered: Vec<Record>,
    preparer: Option<Preparer>,
    /// Until when nothing is tried.
    paused: Option<Instant>,
    /// What was written since it was last looked whether something has to go, bytes.
    written: u64,
}

impl Inspector {
    /// Records what is handed over, until it is stopped.
    pub(super) async fn record(&self, receiver: Receiver<Record>, stop: &CancellationToken) {
        let preparer = Some(Preparer::new(self.settings.node.clone()));
        let mut recorder = Recorder { inspector: self, receiver, gathered: vec![], preparer, paused: None, written: 0 };
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                gathered = recorder.gather(LONGEST) => match gathered {
                    Some(records) => recorder.take(records).await,
                    None => return,
                },
            }
        }
        let rest = async {
            while !(recorder.gathered.is_empty() && recorder.receiver.is_empty()) {
                let Some(records) = recorder.gather(Duration::ZERO).await else { return };
                recorder.take(records).await;
            }
        };
        timeout(LAST, rest).await.ok();
    }
}

impl Recorder<'_> {
    /// Waits for a record, and for those that follow soon. Nothing is lost when the wait is given up.
    ///
    /// Once there is one it looks from time to time rather than wait for the next: each wait would have the thread that
    /// serves the next request wake this one.
    async fn gather(&mut self, longest: Duration) -> Option<Vec<Record>> {
        if self.gathered.is_empty() {
            let first = self.receiver.recv().await?;
            self.gathered.push(first);
        }
        let mut bytes: usize = self.gathered.iter().map(size).sum();
        let until = Instant::now() + longest;
        loop {
            while self.gathered.len() < MOST && bytes < MOST_BYTES {
                let Ok(next) = self.receiver.try_recv() else { break };
                bytes += size(&next);
                self.gathered.push(next);
            }
            let now = Instant::now();
            if self.gathered.len() >= MOST || bytes >= MOST_BYTES || now >= until {
                return Some(std::mem::take(&mut self.gathered));
            }
            sleep_until(until.min(now + LOOK)).await;
        }
    }

    async fn take(&mut self, records: Vec<Record>) {
        let exchanges = records.iter().filter(|record| !matches!(record, Record::Messages(..))).count() as u64;
        if self.paused.is_some_and(|until| Instant::now() < until) {
            self.drop_all(&records, exchanges);
            return;
        }
        let ends = ends(&records);
        if self.inspector.full.load(Relaxed) {
            self.fail(exchanges, &ends, "what is pinned takes all of --capture-disk; unpin or delete some".to_owned());
            return;
        }
        match self.write(records).await {
            Ok(batch) => self.recorded(batch),
            Err(error) => {
                let cause = error.cause().map_or_else(|| error.to_string(), str::to_owned);
                self.fail(exchanges, &ends, cause);
            }
        }
        self.close_lost().await;
        if self.written > PURGE_AFTER {
            self.written = 0;
            if let Err(error) = self.inspector.purge_now().await {
                tracing::debug!(cause = error.cause(), "old exchanges could not be removed: {error}");
            }
        }
    }

    /// Masks, packs and writes.
    async fn write(&mut self, records: Vec<Record>) -> Result<Batch> {
        let node = || Preparer::new(self.inspector.settings.node.clone());
        let mut preparer = self.preparer.take().unwrap_or_else(node);
        let records = records.into_iter().map(|record| {
            let subject = match &record {
                Record::Begun(captured) | Record::Ended(captured) => {
                    self.inspector.wishes.subject(captured.rule, captured.tunnel)
                }
                Record::Messages(..) => None,
            };
            (record, subject)
        });
        let records: Vec<_> = records.collect();
        let prepared = tokio::task::spawn_blocking(move || (preparer.prepare(records), preparer)).await;
        let (batch, preparer) = prepared.map_err(|error| failed(&error))?;
        self.preparer = Some(preparer);
        let store = &self.inspector.store;
        match timeout(WRITE_TIMEOUT, Box::pin(write(store, &batch))).await {
            Ok(Ok(())) => Ok(batch),
            // One record that the database does not take must not take the others along.
            Ok(Err(CoreError::Internal(_))) if batch.exchanges.len() + batch.messages.len() > 1 => {
                self.one_by_one(batch).await
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(CoreError::Unavailable("it did not answer within 10 seconds".to_owned())),
        }
    }

    async fn one_by_one(&self, batch: Batch) -> Result<Batch> {
        let mut written = Batch::default();
        let exchanges =
            batch.exchanges.into_iter().map(|exchange| Batch { exchanges: vec![exchange], ..Batch::default() });
        let messages =
            batch.messages.into_iter().map(|messages| Batch { messages: vec![messages], ..Batch::default() });
        for one in exchanges.chain(messages) {
            match timeout(WRITE_TIMEOUT, Box::pin(write(&self.inspector.store, &one))).await {
                Ok(Ok(())) => {
                    written.exchanges.extend(one.exchanges);
                    written.messages.extend(one.messages);
                }
                Ok(Err(CoreError::Internal(cause))) => {
                    self.inspector.dropped_database.fetch_add(one.exchanges.len() as u64, Relaxed);
                    tracing::warn!(cause, "an exchange was not recorded");
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(CoreError::Unavailable("it did not answer within 10 seconds".to_owned())),
            }
        }
        Ok(written)
    }

    fn recorded(&mut self, batch: Batch) {
        let inspector = self.inspector;
        self.paused = None;
        if let Some(trouble) = inspector.set_trouble(None) {
            let dropped = inspector.dropped_database.load(Relaxed);
            tracing::info!(trouble, dropped, "exchanges are recorded again");
        }
        let stored = batch
            .exchanges
            .iter()
            .map(|exchange| exchange.row.stored)
            .chain(batch.messages.iter().map(|messages| messages.stored));
        self.written += stored.sum::<i64>().unsigned_abs();
        for exchange in batch.exchanges {
            if exchange.summary.end != domain::ExchangeEnd::Open {
                inspector.recorded.fetch_add(1, Relaxed);
            }
            let owner = exchange.row.owner_id;
            inspector.feed.send(Recorded { owner, exchange: Arc::new(exchange.summary) }).ok();
        }
    }

    fn fail(&mut self, exchanges: u64, ends: &[Uuid], cause: String) {
        self.inspector.dropped_database.fetch_add(exchanges, Relaxed);
        self.inspector.lost_ends(ends);
        self.paused = Some(Instant::now() + AGAIN);
        if self.inspector.set_trouble(Some(cause.clone())).is_none() {
            tracing::warn!(
                cause,
                "the database takes no exchanges: they are dropped until it does; nothing else is affected"
            );
        }
    }

    fn drop_all(&self, records: &[Record], exchanges: u64) {
        self.inspector.dropped_database.fetch_add(exchanges, Relaxed);
        self.inspector.lost_ends(&ends(records));
    }

    /// Of those whose end got lost nothing more is heard.
    async fn close_lost(&mut self) {
        if self.paused.is_some() {
            return;
        }
        let lost = self.inspector.take_lost_ends();
        if lost.is_empty() {
            return;
        }
        if let Some(preparer) = &mut self.preparer {
            lost.iter().for_each(|id| preparer.forget(domain::RequestId(*id)));
        }
        if !matches!(timeout(WRITE_TIMEOUT, break_off(&self.inspector.store, &lost)).await, Ok(Ok(()))) {
            self.inspector.lost_ends(&lost);
        }
    }
}

/// The exchanges that were open and of which this is the last record.
pub(super) fn ends(records: &[Record]) -> Vec<Uuid> {
    let ended = |record: &Record| match record {
        Record::Ended(captured) if captured.kind != domain::ExchangeKind::Http => Some(captured.id.0),
        _ => None,
    };
    records.iter().filter_map(ended).collect()
}

fn size(record: &Record) -> usize {
    match record {
        Record::Begun(captured) | Record::Ended(captured) => {
            1_024 + captured.request_body.bytes.len() + captured.response_body.bytes.len()
        }
        Record::Messages(_, messages) => messages.iter().map(|message| 64 + message.payload.len()).sum(),
    }
}
