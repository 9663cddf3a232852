//! Removing exchanges that are too old or too many, in small steps.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chrono::TimeDelta;
use domain::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DatabaseBackend, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Inspector;
use super::write::{Usage, break_off_older, count};
use crate::Result;
use crate::store::rows::{capture_usage, domains, routes, tunnel_requests, tunnels};
use crate::store::{Store, batches, now};
use tunnel_requests::{Column, Entity};

/// How often it is looked whether something has to go.
const EVERY: Duration = Duration::from_secs(10);
/// How many go in one step: a transaction of some milliseconds.
const STEP: u64 = 200;
/// The pause between two steps, in which others write.
const PAUSE: Duration = Duration::from_millis(20);
/// Subjects in one question.
const SUBJECTS: u64 = 500;

/// Removes up to `most` exchanges, oldest first, in one transaction; how many.
pub(super) async fn remove(store: &Store, which: Condition, most: u64) -> Result<u64> {
    remove_enough(store, which, most, i64::MAX).await
}

/// As [`remove`], but no more of them than take `enough` bytes.
async fn remove_enough(store: &Store, which: Condition, most: u64, enough: i64) -> Result<u64> {
    let write = store.write().await?;
    let mut rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::SubjectId, Column::Stored])
        .filter(which)
        .order_by(Column::Id, Order::Asc)
        .limit(most)
        .into_tuple::<(Uuid, Uuid, i64)>()
        .all(&write.tx)
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mut freed = 0;
    rows.retain(|(.., stored)| {
        let needed = freed < enough;
        freed += stored;
        needed
    });
    let mut usage = Usage::new();
    for (_, subject, stored) in &rows {
        let of = usage.entry(*subject).or_default();
        *of = (of.0 - 1, of.1 - stored);
    }
    let ids: Vec<_> = rows.iter().map(|(id, ..)| *id).collect();
    for ids in batches(&ids) {
        Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(&write.tx).await?;
    }
    count(&write.tx, &usage).await?;
    write.commit().await?;
    Ok(rows.len() as u64)
}

impl Inspector {
    /// Removes what has to go, again and again.
    pub(super) async fn purge(&self) {
        let started = Uuid::now_v7();
        let mut closed = false;
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            closed = closed || self.close_older(started).await;
            if let Err(error) = self.purge_now().await {
                tracing::debug!(cause = error.cause(), "old exchanges could not be removed: {error}");
            }
        }
    }

    /// What was open when this node was stopped has broken off; whether that is written down.
    async fn close_older(&self, started: Uuid) -> bool {
        let sqlite = self.store.read().get_database_backend() == DatabaseBackend::Sqlite;
        let node = (!sqlite).then_some(self.settings.node.as_str());
        let closed = break_off_older(&self.store, node, started).await;
        if let Err(error) = &closed {
            tracing::debug!(cause = error.cause(), "what was open at the last stop could not be closed: {error}");
        }
        closed.is_ok()
    }

    /// Removes what has to go now: what is older than its owner wants to keep, what is too much of one tunnel, domain or
    /// route or of all together, and what belongs to nobody any more; how many exchanges. It happens every ten seconds
    /// while the services run.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn purge_now(&self) -> Result<u64> {
        let _turn = self.purge_turn.lock().await;
        let mut removed = 0;
        let mut after = Uuid::nil();
        loop {
            let subjects = capture_usage::Entity::find()
                .filter(capture_usage::Column::SubjectId.gt(after))
                .order_by_asc(capture_usage::Column::SubjectId)
                .limit(SUBJECTS)
                .all(self.store.read())
                .await?;
            let Some(last) = subjects.last() else { break };
            after = last.subject_id;
            let living = living(&self.store, subjects.iter().map(|subject| subject.subject_id).collect()).await?;
            for subject in &subjects {
                removed += if living.contains(&subject.subject_id) {
                    self.purge_subject(subject).await?
                } else {
                    remove_subject(&self.store, subject.subject_id).await?
                };
            }
        }
        Ok(removed + self.purge_all().await?)
    }

    /// What is too old or too much of one subject.
    async fn purge_subject(&self, subject: &capture_usage::Model) -> Result<u64> {
        let settings = self.wishes.one(subject.subject_id);
        let of = || Condition::all().add(Column::SubjectId.eq(subject.subject_id)).add(Column::Pinned.eq(false));
        // Ids begin with the time, and there is an index of them.
        let oldest = earliest_id(now() - TimeDelta::hours(settings.keep_hours.into()));
        let mut removed = in_steps(&self.store, &of().add(Column::Id.lt(oldest))).await?;
        let most = i64::from(settings.keep_mib) << 20;
        let mut stored = self.stored(Some(subject.subject_id)).await?;
        while stored > most {
            let went = remove_enough(&self.store, of(), STEP, stored - most).await?;
            removed += went;
            if went == 0 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            stored = self.stored(Some(subject.subject_id)).await?;
        }
        Ok(removed)
    }

    /// What is too much of all together.
    async fn purge_all(&self) -> Result<u64> {
        let most = i64::try_from(self.settings.disk).unwrap_or(i64::MAX);
        let mut removed = 0;
        let mut full = false;
        let mut stored = self.stored(None).await?;
        while !full && stored > most {
            let unpinned = Condition::all().add(Column::Pinned.eq(false));
            let went = remove_enough(&self.store, unpinned, STEP, stored - most).await?;
            removed += went;
            full = went == 0;
            tokio::time::sleep(PAUSE).await;
            stored = self.stored(None).await?;
        }
        self.full.store(full, Relaxed);
        Ok(removed)
    }

    /// How much is stored, of one subject or of all, bytes.
    async fn stored(&self, subject: Option<Uuid>) -> Result<i64> {
        let stored = capture_usage::Entity::find()
            .select_only()
            .column_as(Expr::col(capture_usage::Column::Stored).sum().cast_as("bigint"), "stored")
            .filter(Condition::all().add_option(subject.map(|id| capture_usage::Column::SubjectId.eq(id))))
            .into_tuple::<Option<i64>>()
            .one(self.store.read())
            .await?;
        Ok(stored.flatten().unwrap_or_default())
    }
}

/// The smallest id of that time (RFC 9562 section 5.7).
fn earliest_id(at: Timestamp) -> Uuid {
    let ms = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(ms << 80)
}

/// Removes all of these in steps.
async fn in_steps(store: &Store, which: &Condition) -> Result<u64> {
    let mut removed = 0;
    loop {
        // Mostly there are none, and then nobody has to wait for a turn to write.
        let any = Entity::find().select_only().column(Column::Id).filter(which.clone()).limit(1);
        if any.into_tuple::<Uuid>().one(store.read()).await?.is_none() {
            return Ok(removed);
        }
        let went = remove(store, which.clone(), STEP).await?;
        removed += went;
        if went < STEP {
            return Ok(removed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes all that one subject has, pinned ones too.
async fn remove_subject(store: &Store, subject: Uuid) -> Result<u64> {
    let removed = in_steps(store, &Condition::all().add(Column::SubjectId.eq(subject))).await?;
    let write = store.write().await?;
    capture_usage::Entity::delete_many()
        .filter(capture_usage::Column::SubjectId.eq(subject))
        .filter(capture_usage::Column::Exchanges.lte(0))
        .exec(&write.tx)
        .await?;
    write.commit().await?;
    Ok(removed)
}

/// Those of these tunnels, domains and routes that are there and not deleted.
async fn living(store: &Store, ids: Vec<Uuid>) -> Result<HashSet<Uuid>> {
    let mut living = HashSet::new();
    macro_rules! add {
        ($table:ident) => {
            let found = $table::Entity::find()
                .select_only()
                .column($table::Column::Id)
                .filter($table::Column::Id.is_in(ids.clone()))
                .filter($table::Column::DeletedAt.is_null())
                .into_tuple::<Uuid>()
                .all(store.read())
                .await?;
            living.extend(found);
        };
    }
    add!(tunnels);
    add!(domains);
    add!(routes);
    Ok(living)
}
