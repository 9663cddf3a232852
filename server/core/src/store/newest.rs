//! Lists that grow with use, of which only the newest entries are kept.

use super::Store;
use crate::Result;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Value, sea_query::ExprTrait,
};
use uuid::Uuid;

/// How many are removed in one transaction.
const STEP: u64 = 500;

/// What is kept of the lists that are in one table.
pub(crate) struct Newest<E: EntityTrait> {
    /// What names an entry.
    pub(crate) id: E::Column,
    /// What all entries of one list have in common.
    pub(crate) list: E::Column,
    /// The newer, the greater.
    pub(crate) age: E::Column,
    /// How many are kept of each list.
    pub(crate) most: u64,
}

impl<E: EntityTrait> Newest<E> {
    /// Forgets the oldest of one list when it has too many.
    pub(crate) async fn keep(&self, tx: &impl ConnectionTrait, list: impl Into<Value>) -> Result<(), DbErr> {
        let surplus = E::find()
            .select_only()
            .column(self.id)
            .filter(self.list.eq(list.into()))
            .order_by_desc(self.age)
            .offset(self.most)
            // SQLite knows an offset only behind a limit.
            .limit(i64::MAX.unsigned_abs())
            .into_query();
        E::delete_many().filter(self.id.in_subquery(surplus)).exec(tx).await.map(drop)
    }

    /// Forgets the oldest of every list that has too many entries `among` all; how many. For lists that are named by ids,
    /// and entries whose age is an id.
    pub(crate) async fn keep_all(&self, store: &Store, among: Condition) -> Result<u64> {
        let most = i64::try_from(self.most).unwrap_or(i64::MAX);
        let lists: Vec<Uuid> = E::find()
            .select_only()
            .column(self.list)
            .filter(among.clone().add(self.list.is_not_null()))
            .group_by(self.list)
            .having(self.list.count().gt(most))
            .into_tuple()
            .all(store.read())
            .await?;
        let mut removed = 0;
        for list in lists {
            removed += keep_newest::<E>(store, self.age, &among.clone().add(self.list.eq(list)), self.most).await?;
        }
        Ok(removed)
    }
}

/// Removes what is too much of these, the oldest first; how many. The newer one is, the greater its id.
pub(crate) async fn keep_newest<E: EntityTrait>(
    store: &Store,
    id: E::Column,
    which: &Condition,
    most: u64,
) -> Result<u64> {
    // The first one that is too much, and with it all that are older.
    let surplus: Option<Uuid> = E::find()
        .select_only()
        .column(id)
        .filter(which.clone())
        .order_by_desc(id)
        .offset(most)
        .limit(1)
        .into_tuple()
        .one(store.read())
        .await?;
    match surplus {
        Some(surplus) => remove_in_steps::<E>(store, id, &which.clone().add(id.lte(surplus))).await,
        None => Ok(0),
    }
}

/// Removes these, the oldest first; how many. In small steps, so that nobody waits long to write.
pub(crate) async fn remove_in_steps<E: EntityTrait>(store: &Store, id: E::Column, which: &Condition) -> Result<u64> {
    let mut removed = 0;
    loop {
        let ids: Vec<Uuid> = E::find()
            .select_only()
            .column(id)
            .filter(which.clone())
            .order_by_asc(id)
            .limit(STEP)
            .into_tuple()
            .all(store.read())
            .await?;
        if ids.is_empty() {
            return Ok(removed);
        }
        let write = store.write().await?;
        removed += E::delete_many().filter(id.is_in(ids)).exec(&write.tx).await?.rows_affected;
        write.commit().await?;
    }
}
