//! What was deleted long ago goes for good, and so does what one owner has deleted too much of: limits count what lives only.

use crate::{
    Result,
    store::{
        Newest, Store, batches, now, nowhere_in,
        rows::{
            alert_events, alerts, backends, capture_settings, domains, former_names, regions, revisions, routes,
            services, switches, tokens, tunnel_sessions, tunnels, users,
        },
    },
};
use chrono::TimeDelta;
use domain::Role;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{ExprTrait, SelectStatement},
};
use uuid::Uuid;

/// How long what was deleted can be restored.
const KEPT: TimeDelta = TimeDelta::days(90);
/// How long it can be looked up what became of what is gone for good.
const REVISIONS_KEPT: TimeDelta = TimeDelta::days(365);
/// How much of what one owner has deleted is kept, of each kind.
const MOST_DELETED: u64 = 1_000;
/// How much of it is removed in one transaction, for which everybody waits who changes what is routed by.
const STEP: usize = 64;
/// How many revisions are kept of what one member has and had.
const REVISIONS: Newest<revisions::Entity> = {
    use revisions::Column;
    Newest { id: Column::Id, list: Column::OwnerId, age: Column::Id, most: 100_000 }
};
/// How many names are kept for one owner.
const NAMES: Newest<former_names::Entity> = {
    use former_names::Column;
    Newest { id: Column::Id, list: Column::OwnerId, age: Column::Id, most: 1_000 }
};

/// The ids that a column holds, for whoever looks which are in use.
macro_rules! all {
    ($table:ident, $column:ident) => {
        $table::Entity::find()
            .select_only()
            .column($table::Column::$column)
            .filter($table::Column::$column.is_not_null())
            .into_query()
    };
}

/// Removes what one owner has deleted too much of, the oldest first, with what is told of it elsewhere; how many rows. What
/// something refers to that can be restored stays, however much that is: what refers to it has a bound.
macro_rules! purge_surplus {
    ($store:expr, $table:ident of $owners:expr, unless [$($by:ident::$column:ident),*], with [$($other:ident::$of:ident),*]) => {{
        use $table::{Column, Entity};
        let deleted = Deleted::<Entity> { id: Column::Id, owner: Column::OwnerId, at: Column::DeletedAt };
        let surplus = deleted.surplus($store, $owners).await?;
        let mut removed = 0;
        for batch in surplus.chunks(STEP).flat_map(batches) {
            let write = $store.write_rules().await?;
            // Of these, what was restored meanwhile stays.
            let going: Vec<Uuid> = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::Id.is_in(batch.iter().copied()))
                .filter(Column::DeletedAt.is_not_null())
                $(.filter(nowhere_in(Column::Id, $by::Column::$column)))*
                .into_tuple()
                .all(&write.tx)
                .await?;
            $(
                let told = $other::Column::$of.is_in(going.iter().copied());
                removed += $other::Entity::delete_many().filter(told).exec(&write.tx).await?.rows_affected;
            )*
            let gone = Column::Id.is_in(going.iter().copied());
            removed += Entity::delete_many().filter(gone).exec(&write.tx).await?.rows_affected;
            write.commit().await?;
        }
        removed
    }};
}

/// A table of what owners make and may delete.
struct Deleted<E: EntityTrait> {
    id: E::Column,
    owner: E::Column,
    at: E::Column,
}

impl<E: EntityTrait> Deleted<E> {
    /// What each of these owners has deleted beyond the newest, the oldest first.
    async fn surplus(&self, store: &Store, owners: Condition) -> Result<Vec<Uuid>> {
        let deleted = || E::find().select_only().filter(self.at.is_not_null());
        let owners: Vec<(Uuid, i64)> = deleted()
            .column(self.owner)
            .column_as(self.id.count(), "deleted")
            .filter(owners)
            .group_by(self.owner)
            .having(self.id.count().gt(MOST_DELETED.cast_signed()))
            .into_tuple()
            .all(store.read())
            .await?;
        let mut surplus: Vec<Uuid> = Vec::new();
        for (owner, count) in owners {
            let oldest = deleted()
                .column(self.id)
                .filter(self.owner.eq(owner))
                .order_by_asc(self.at)
                .order_by_asc(self.id)
                .limit(count.unsigned_abs().saturating_sub(MOST_DELETED))
                .into_tuple::<Uuid>();
            surplus.extend(oldest.all(store.read()).await?);
        }
        Ok(surplus)
    }
}

/// Removes what was deleted long ago or is too much, with what is known of it; how many rows.
pub(crate) async fn run(store: &Store) -> Result<u64> {
    let removed = purge_old(store).await? + purge_surplus(store).await? + purge_settings(store).await?;
    let of_members = Condition::all().add(revisions::Column::OwnerId.not_in_subquery(administrators()));
    let removed = removed + REVISIONS.keep_all(store, of_members).await?;
    Ok(removed + NAMES.keep_all(store, Condition::all()).await?)
}

/// The ids of administrators, also of former accounts.
pub(crate) fn administrators() -> SelectStatement {
    users::Entity::find()
        .select_only()
        .column(users::Column::Id)
        .filter(users::Column::Role.eq(Role::Admin.as_str()))
        .into_query()
}

/// Removes services, backends, domains, routes, regions and tokens that were deleted long ago. Tunnels stay, since what they
/// carried is still shown.
async fn purge_old(store: &Store) -> Result<u64> {
    let write = store.write_rules().await?;
    let limit = now() - KEPT;
    macro_rules! purge {
        ($table:ident, $($unless:expr),*) => {
            $table::Entity::delete_many()
                .filter($table::Column::DeletedAt.lt(limit))
                $(.filter($table::Column::Id.not_in_subquery($unless)))*
                .exec(&write.tx)
                .await?
                .rows_affected
        };
    }
    // First what refers to others. What is referred to by something younger goes with the last of those.
    let mut removed = purge!(routes,) + purge!(backends,);
    removed += purge!(domains, all!(routes, DomainId));
    removed += purge!(services, all!(backends, ServiceId), all!(routes, ServiceId), all!(domains, ServiceId));
    removed += purge!(regions,) + purge!(tokens,);
    removed += switches::Entity::delete_many()
        .filter(switches::Column::EndedAt.lt(limit))
        .filter(switches::Column::SubjectId.not_in_subquery(all!(domains, Id)))
        .filter(switches::Column::SubjectId.not_in_subquery(all!(routes, Id)))
        .exec(&write.tx)
        .await?
        .rows_affected;
    let object = revisions::Column::ObjectId;
    removed += revisions::Entity::delete_many()
        .filter(revisions::Column::At.lt(now() - REVISIONS_KEPT))
        .filter(object.not_in_subquery(all!(services, Id)))
        .filter(object.not_in_subquery(all!(backends, Id)))
        .filter(object.not_in_subquery(all!(domains, Id)))
        .filter(object.not_in_subquery(all!(routes, Id)))
        .filter(object.not_in_subquery(all!(regions, Id)))
        .filter(object.not_in_subquery(all!(tunnels, Id)))
        .exec(&write.tx)
        .await?
        .rows_affected;
    write.commit().await?;
    Ok(removed)
}

/// Removes what one owner has deleted too much of. Administrators may have hundreds of thousands of rules, and delete as many
/// at once; of those they keep all for as long as it can be restored.
async fn purge_surplus(store: &Store) -> Result<u64> {
    let anybodys = Condition::all;
    macro_rules! members {
        ($table:ident) => {
            Condition::all().add($table::Column::OwnerId.not_in_subquery(administrators()))
        };
    }
    // First what refers to others, as above.
    let mut removed = purge_surplus!(store, routes of members!(routes), unless [], with [switches::SubjectId]);
    removed += purge_surplus!(store, backends of members!(backends), unless [], with []);
    removed += purge_surplus!(
        store, domains of members!(domains), unless [routes::DomainId], with [switches::SubjectId]
    );
    removed += purge_surplus!(
        store, services of members!(services),
        unless [backends::ServiceId, routes::ServiceId, domains::ServiceId], with []
    );
    removed += purge_surplus!(
        store, tunnels of anybodys(),
        unless [backends::TunnelId, routes::TunnelId, domains::TunnelId],
        with [tunnel_sessions::TunnelId]
    );
    removed += purge_surplus!(store, tokens of anybodys(), unless [], with []);
    removed += purge_surplus!(store, alerts of anybodys(), unless [], with [alert_events::AlertId]);
    Ok(removed)
}

/// Removes what is to be recorded of things that are gone for good.
async fn purge_settings(store: &Store) -> Result<u64> {
    use capture_settings::Column::SubjectId;
    let write = store.write().await?;
    let removed = capture_settings::Entity::delete_many()
        .filter(nowhere_in(SubjectId, tunnels::Column::Id))
        .filter(nowhere_in(SubjectId, domains::Column::Id))
        .filter(nowhere_in(SubjectId, routes::Column::Id))
        .exec(&write.tx)
        .await?;
    write.commit().await?;
    Ok(removed.rows_affected)
}
