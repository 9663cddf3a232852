//! The log has a bound in time and number. Failures, which strangers make, have one of their own, and so have refused
//! telephones and short-lived tokens, which machines show or ask for all day.

use super::Audit;
use crate::{
    Result,
    store::{
        now,
        rows::audit_events::{Column, Entity},
    },
};
use chrono::TimeDelta;
use domain::AuditKind;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// How long what happened is kept.
const KEPT: TimeDelta = TimeDelta::days(365);
/// What has a bound of its own, so that however much there is of it nothing else is pushed out.
const APART: [&[AuditKind]; 3] = [
    &[AuditKind::SignInFailed, AuditKind::SecondFactorFailed],
    &[AuditKind::TelephoneRefused],
    &[AuditKind::TokenExchanged],
];
/// How much is kept of each of those.
const OF_EACH: u64 = 20_000;
/// How much of all else is kept.
const OTHERS: u64 = 100_000;
/// How many are removed in one transaction.
const STEP: u64 = 500;

impl Audit {
    /// Removes what is too old or too much, the oldest first; how many.
    pub(crate) async fn purge(&self) -> Result<u64> {
        let words = |kinds: &[AuditKind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
        let apart = APART.map(|kinds| (Condition::all().add(Column::Kind.is_in(words(kinds))), OF_EACH));
        let others = Condition::all().add(Column::Kind.is_not_in(words(&APART.concat())));
        let bounds = apart.into_iter().chain([(others, OTHERS)]);
        let old = Condition::all().add(Column::At.lt(now() - KEPT));
        let mut removed = self.remove(old).await?;
        for (which, most) in bounds {
            // The first one that is too much, and with it all that are older.
            let surplus: Option<Uuid> = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(which.clone())
                .order_by_desc(Column::Id)
                .offset(most)
                .limit(1)
                .into_tuple()
                .one(self.store.read())
                .await?;
            if let Some(surplus) = surplus {
                removed += self.remove(which.add(Column::Id.lte(surplus))).await?;
            }
        }
        Ok(removed)
    }

    /// Removes in small steps, so that nobody waits long to write.
    async fn remove(&self, which: Condition) -> Result<u64> {
        let mut removed = 0;
        loop {
            let ids: Vec<Uuid> = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(which.clone())
                .order_by_asc(Column::Id)
                .limit(STEP)
                .into_tuple()
                .all(self.store.read())
                .await?;
            if ids.is_empty() {
                return Ok(removed);
            }
            let write = self.store.write().await?;
            removed += Entity::delete_many().filter(Column::Id.is_in(ids)).exec(&write.tx).await?.rows_affected;
            write.commit().await?;
        }
    }
}
