//! What other nodes on the same PostgreSQL database record, for whoever watches here.
//!
//! A node tells which exchanges it has recorded, four times a second at most; one at which somebody watches reads them.
//! What cannot be told or read is counted as missed, so that whoever watches asks for the list.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use uuid::Uuid;

use super::Inspector;
use super::feed::{Heard, Recorded};
use super::rows::summary;
use crate::Result;
use crate::news::{self, EXCHANGES};
use crate::store::rows::tunnel_requests::{Column, Entity};

/// How long is between two pieces of news at least.
const PAUSE: Duration = Duration::from_millis(250);
/// The most exchanges in one of them: more than are recorded in that time by default, and they fit into a notification.
const MOST: usize = 300;

/// What one node tells the others: ids of exchanges, and how many more there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    ids: Vec<Uuid>,
    missed: u64,
}

impl Told {
    fn add(&mut self, recorded: std::result::Result<Recorded, u64>) {
        match recorded {
            // One that has ended at once is told once.
            Ok(recorded) if self.ids.contains(&recorded.exchange.id.0) => {}
            Ok(recorded) if self.ids.len() < MOST => self.ids.push(recorded.exchange.id.0),
            Ok(_) => self.missed += 1,
            Err(missed) => self.missed += missed,
        }
    }

    fn to_text(&self) -> String {
        let ids = self.ids.iter().map(|id| format!(" {}", URL_SAFE_NO_PAD.encode(id)));
        std::iter::once(self.missed.to_string()).chain(ids).collect()
    }

    /// `None` when it is not understood.
    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let missed = words.next()?.parse().ok()?;
        let id = |word| Uuid::from_slice(&URL_SAFE_NO_PAD.decode(word).ok()?).ok();
        let ids = words.take(MOST).map(id).collect::<Option<_>>()?;
        Some(Self { ids, missed })
    }
}

impl Inspector {
    /// Tells other nodes what is recorded here.
    pub(crate) async fn tell_others(&self) {
        let mut recorded = self.feed.subscribe();
        loop {
            let mut told = Told::default();
            match recorded.recv().await {
                Ok(recorded) => told.add(Ok(recorded)),
                Err(RecvError::Lagged(missed)) => told.add(Err(missed)),
                Err(RecvError::Closed) => return,
            }
            loop {
                match recorded.try_recv() {
                    Ok(recorded) => told.add(Ok(recorded)),
                    Err(TryRecvError::Lagged(missed)) => told.add(Err(missed)),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            let news = format!("{} {}", self.changes.process(), told.to_text());
            if let Err(error) = news::notify(self.store.read(), EXCHANGES, news).await {
                tracing::debug!(%error, "other nodes were not told of recorded exchanges");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Another node has told something. Never waits.
    pub(crate) fn heard(&self, text: &str) {
        if self.elsewhere.receiver_count() == 0 {
            return;
        }
        let told = Told::from_text(text).unwrap_or_else(|| Told { ids: vec![], missed: 1 });
        if self.told.try_send(told).is_err() {
            self.heard_nothing();
        }
    }

    /// Other nodes may have told something that was not heard.
    pub(crate) fn heard_nothing(&self) {
        // It is nobody's fault when nobody watches.
        self.elsewhere.send(Heard::Missed(1)).ok();
    }

    /// Reads what other nodes have told of.
    pub(super) async fn read_elsewhere(&self) {
        let receiver = super::lock(&self.told_receiver).take();
        let Some(mut receiver) = receiver else { return };
        while let Some(Told { ids, mut missed }) = receiver.recv().await {
            match self.read(&ids).await {
                Ok(all) => all.into_iter().for_each(|recorded| {
                    self.elsewhere.send(Heard::Exchange(recorded)).ok();
                }),
                Err(error) => {
                    tracing::debug!(cause = error.cause(), "what other nodes recorded could not be read: {error}");
                    missed += 1;
                }
            }
            if missed > 0 {
                self.elsewhere.send(Heard::Missed(missed)).ok();
            }
        }
    }

    /// In the order of the ids; what is gone again is left out.
    async fn read(&self, ids: &[Uuid]) -> Result<Vec<Recorded>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(self.store.read()).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        let rows = ids.iter().filter_map(|id| rows.remove(id));
        rows.map(|row| Ok(Recorded { owner: row.owner_id, exchange: Arc::new(summary(row)?) })).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_fits_and_is_understood() {
        let told = Told { ids: (0..MOST).map(|_| Uuid::now_v7()).collect(), missed: u64::MAX };
        let text = told.to_text();
        assert!(text.len() < 7_900, "{}", text.len());
        assert_eq!(Told::from_text(&text).unwrap(), told);
        assert_eq!(Told::from_text("0").unwrap(), Told::default());
        for wrong in ["", "x", "0 x", "0  "] {
            assert_eq!(Told::from_text(wrong), None, "{wrong:?}");
        }
    }
}
