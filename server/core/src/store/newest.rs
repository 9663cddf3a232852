//! Lists that grow with use, of which only the newest entries are kept.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value,
};

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
}
