//! How long a name is kept for somebody who has not shown that it is theirs.

use super::rows::taken;
use crate::{
    Result,
    edit::Edit,
    store::{now, rows::domains},
};
use chrono::TimeDelta;
use domain::{RevisionAction, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use uuid::Uuid;

/// A claim that is not verified holds against others for so long after its owner's last change, which is for as long as
/// it is checked...
const HELD: TimeDelta = TimeDelta::days(7);
/// ...and no longer than this, whatever its owner changes.
const HELD_AT_MOST: TimeDelta = TimeDelta::days(30);
/// What was deleted for longer is verified anew when it is restored.
const STAYS_VERIFIED: TimeDelta = TimeDelta::days(7);

impl Edit<'_> {
    /// Looks for whoever has a name, and tells whose claim has to [make room](Self::make_room) for a domain of `owner`:
    /// somebody else's that is not verified and has had its time. Also for administrators, who can delete what is in their
    /// way. This is the first question of a turn: of a hundred who want a name at once, ninety-nine wait for it and for
    /// nothing else.
    ///
    /// # Errors
    /// `domain_taken`.
    pub(super) async fn look_for(&self, host: &str, owner: Uuid) -> Result<Option<domains::Model>> {
        let row = domains::Entity::find()
            .filter(domains::Column::Host.eq(host))
            .filter(domains::Column::DeletedAt.is_null())
            .one(self.tx())
            .await?;
        match row {
            Some(row) if row.owner_id == owner || row.verified_at.is_some() || !has_lapsed(&row, now()) => {
                Err(taken(host))
            }
            lapsed => Ok(lapsed),
        }
    }

    /// Takes away what [`look_for`](Self::look_for) has found.
    pub(super) async fn make_room(&mut self, lapsed: Option<domains::Model>) -> Result<()> {
        let Some(claim) = lapsed else { return Ok(()) };
        // Who is next is none of the former owner's business.
        self.name_actor(false);
        self.remove_domain(claim, None, RevisionAction::Deleted).await?;
        self.name_actor(true);
        Ok(())
    }

    /// Since when a domain that is restored counts as verified: as before, unless it was away for long or somebody else
    /// has shown meanwhile that the name is theirs.
    pub(super) async fn still_verified(&self, row: &domains::Model) -> Result<Option<Timestamp>> {
        let (Some(verified), Some(deleted)) = (row.verified_at, row.deleted_at) else {
            return Ok(row.verified_at.or(self.actor().is_admin().then(now)));
        };
        if self.actor().is_admin() {
            return Ok(Some(verified));
        }
        let others = domains::Entity::find()
            .filter(domains::Column::Host.eq(row.host.as_str()))
            .filter(domains::Column::OwnerId.ne(row.owner_id))
            .filter(domains::Column::VerifiedAt.is_not_null())
            .filter(domains::Column::DeletedAt.gte(deleted))
            .count(self.tx())
            .await?;
        Ok((others == 0 && now() - deleted < STAYS_VERIFIED).then_some(verified))
    }
}

fn has_lapsed(row: &domains::Model, now: Timestamp) -> bool {
    now - row.updated_at >= HELD || now - row.created_at >= HELD_AT_MOST
}
