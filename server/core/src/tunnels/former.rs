//! Names that were given back: visitors of who had one still come to its address, so that others do not get it at once.

use super::Tunnels;
use crate::{
    CoreError, Result, Viewer,
    store::{
        now,
        rows::{former_names, tunnels},
    },
};
use chrono::TimeDelta;
use domain::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use uuid::Uuid;

impl Tunnels {
    /// Keeps the name of a tunnel for its owner, which the tunnel is about to lose: no longer than it has had it, so that
    /// nobody can keep many names by taking and giving them back.
    pub(super) async fn keep_name(&self, connection: &impl ConnectionTrait, row: &tunnels::Model) -> Result<()> {
        let moment = now();
        former_names::Entity::delete_many()
            .filter(former_names::Column::KeptUntil.lte(moment))
            .exec(connection)
            .await?;
        let most = TimeDelta::from_std(self.name_cooldown).unwrap_or(TimeDelta::MAX);
        let had = moment - row.named_at.unwrap_or(row.created_at);
        let mine = Condition::all()
            .add(former_names::Column::Name.eq(row.subdomain.as_str()))
            .add(former_names::Column::OwnerId.eq(row.owner_id));
        let before = former_names::Entity::find().filter(mine.clone()).all(connection).await?;
        former_names::Entity::delete_many().filter(mine).exec(connection).await?;
        let before = before.into_iter().map(|kept| kept.kept_until).max();
        let kept = former_names::ActiveModel {
            id: Set(Uuid::now_v7()),
            name: Set(row.subdomain.clone()),
            owner_id: Set(row.owner_id),
            kept_until: Set((moment + most.min(had)).max(before.unwrap_or(moment))),
        };
        kept.insert(connection).await?;
        Ok(())
    }

    /// Refuses the name of a tunnel that was somebody else's until a short while ago, but to administrators.
    ///
    /// To be asked when the tunnel has it: then whoever had it before has given it back, and that is seen.
    pub(super) async fn check_name(
        &self,
        connection: &impl ConnectionTrait,
        viewer: &Viewer,
        row: &tunnels::Model,
    ) -> Result<()> {
        let Some(until) = kept_until(connection, viewer, &row.subdomain, row.owner_id).await? else { return Ok(()) };
        let until = until.format("%Y-%m-%d %H:%M UTC");
        let message = format!(
            "this subdomain was somebody else's until a short while ago, and is kept for them until {until}; choose another"
        );
        Err(CoreError::conflict("subdomain_taken", message))
    }
}

/// Until when a name is kept from who asks for `owner`; `None`: it is not.
pub(super) async fn kept_until(
    connection: &impl ConnectionTrait,
    viewer: &Viewer,
    name: &str,
    owner: Uuid,
) -> Result<Option<Timestamp>> {
    if viewer.is_admin() {
        return Ok(None);
    }
    let kept = former_names::Entity::find()
        .filter(former_names::Column::Name.eq(name))
        .filter(former_names::Column::OwnerId.ne(owner))
        .filter(former_names::Column::KeptUntil.gt(now()))
        .order_by_desc(former_names::Column::KeptUntil)
        .one(connection)
        .await?;
    Ok(kept.map(|kept| kept.kept_until))
}
