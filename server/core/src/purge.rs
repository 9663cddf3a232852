//! What was deleted long ago goes for good.

use crate::{
    Result,
    store::{
        Store, now,
        rows::{backends, domains, regions, revisions, routes, services, switches, tunnels},
    },
};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

/// How long what was deleted can be restored.
const KEPT: TimeDelta = TimeDelta::days(90);
/// How long it can be looked up what became of what is gone for good.
const REVISIONS_KEPT: TimeDelta = TimeDelta::days(365);

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

/// Removes services, backends, domains, routes and regions that were deleted long ago, with what is known of them; how
/// many rows. Tunnels stay, since what they carried is still shown.
pub(crate) async fn run(store: &Store) -> Result<u64> {
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
    removed += purge!(regions,);
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
