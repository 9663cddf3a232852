//! The backends that a tunnel is because its telephones say so: one for each service.

use super::{AnnouncementRefused, wish::check_tag};
use crate::{
    CoreError, Result,
    edit::Edit,
    store::{
        read_json,
        rows::{backends, services, tunnels},
        write_json,
    },
};
use domain::{BackendSpec, RevisionAction, ServiceId, Tag, Tags, TokenScope, TunnelId};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::NullOrdering};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The services that a tunnel is to join.
#[derive(Default)]
pub(super) struct Joins(BTreeMap<Uuid, Want>);

/// How it is to join one of them.
#[derive(Default)]
pub(super) struct Want {
    tags: BTreeSet<Tag>,
    /// What it gets for an announcement without a tag, when it has none from an earlier one: a telephone that comes
    /// back after a switch does not change sides by that.
    otherwise: BTreeSet<Tag>,
}

impl Joins {
    /// One more announcement: for this service, whose requests need the tag that is `enabled`.
    pub(super) fn want(&mut self, service: &services::Model, tag: Option<&Tag>, enabled: Option<&Tag>) {
        let want = self.0.entry(service.id).or_default();
        match tag {
            Some(tag) => want.tags.insert(tag.clone()),
            None => enabled.is_some_and(|enabled| want.otherwise.insert(enabled.clone())),
        };
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Uuid, &Want)> {
        self.0.iter().map(|(service, want)| (*service, want))
    }
}

impl Want {
    /// The tags of a backend that has these now.
    fn tags_over(&self, there: Option<&Tags>) -> Result<Tags, CoreError> {
        let mut tags = self.tags.clone();
        let kept = there.filter(|there| !there.is_empty());
        match kept {
            _ if self.otherwise.is_empty() => {}
            Some(kept) => tags.extend(kept.iter().cloned()),
            None => tags.extend(self.otherwise.iter().cloned()),
        }
        Tags::try_from(tags).map_err(|error| CoreError::invalid("tags", error))
    }

    /// The tags with which a tunnel is in the service, when that is as it is wanted.
    pub(super) fn met_by(&self, service: Uuid, rows: &[backends::Model]) -> Result<Option<Tags>> {
        if let Some(tags) = self.met_by_hand(service, rows)? {
            return Ok(Some(tags));
        }
        let Some(row) = announced(service, rows).filter(|row| row.deleted_at.is_none()) else { return Ok(None) };
        let tags: Tags = read_json(&row.tags)?;
        Ok((self.tags_over(Some(&tags))? == tags).then_some(tags))
    }

    /// The same for one that a person has put there, which is left as it is.
    fn met_by_hand(&self, service: Uuid, rows: &[backends::Model]) -> Result<Option<Tags>> {
        for row in rows.iter().filter(|row| !row.announced && row.service_id == service) {
            let tags: Tags = read_json(&row.tags)?;
            if self.tags.iter().chain(&self.otherwise).all(|tag| tags.contains(tag)) {
                return Ok(Some(tags));
            }
        }
        Ok(None)
    }
}

/// The backend that telephones have announced in a service, which may be withdrawn.
fn announced(service: Uuid, rows: &[backends::Model]) -> Option<&backends::Model> {
    rows.iter().find(|row| row.announced && row.service_id == service)
}

/// The backends that a tunnel is: those that are there, and those that telephones have announced before.
pub(super) async fn standing(
    connection: &impl ConnectionTrait,
    tunnel: &tunnels::Model,
) -> Result<Vec<backends::Model>> {
    let known = Condition::any().add(backends::Column::DeletedAt.is_null()).add(backends::Column::Announced.eq(true));
    Ok(backends::Entity::find()
        .filter(backends::Column::TunnelId.eq(tunnel.id))
        .filter(known)
        .order_by_with_nulls(backends::Column::DeletedAt, sea_orm::Order::Desc, NullOrdering::First)
        .order_by_asc(backends::Column::Id)
        .all(connection)
        .await?)
}

impl Edit<'_> {
    /// Makes the services that a tunnel has joined because of its telephones those that they announce now.
    pub(super) async fn join_pools(
        &mut self,
        tunnel: &tunnels::Model,
        scope: &TokenScope,
        joins: &Joins,
    ) -> Result<(), AnnouncementRefused> {
        let rows = standing(self.tx(), tunnel).await?;
        let mut kept = BTreeSet::new();
        for (service, want) in joins.iter() {
            if let Some(tags) = want.met_by_hand(service, &rows)? {
                check_tags(scope, &tags)?;
                continue;
            }
            let row = announced(service, &rows);
            let there = row.map(|row| read_json::<Tags>(&row.tags)).transpose()?;
            let tags = want.tags_over(there.as_ref())?;
            check_tags(scope, &tags)?;
            match row {
                None => self.insert_announced(tunnel, service, tags).await?,
                Some(row) => {
                    kept.insert(row.id);
                    self.announce_again(row.clone(), &tags).await?;
                }
            }
        }
        for row in rows.into_iter().filter(|row| row.announced && !kept.contains(&row.id)) {
            self.remove_backend(row, RevisionAction::Deleted).await?;
        }
        Ok(())
    }

    async fn insert_announced(&mut self, tunnel: &tunnels::Model, service: Uuid, tags: Tags) -> Result<()> {
        let spec = BackendSpec {
            service_id: Some(ServiceId(service)),
            tunnel_id: Some(TunnelId(tunnel.id)),
            tags,
            ..BackendSpec::default()
        };
        self.insert_backend_of(spec, RevisionAction::Created, true).await.map(drop)
    }

    async fn announce_again(&mut self, row: backends::Model, tags: &Tags) -> Result<()> {
        let changed = backends::Model { tags: write_json(tags)?, ..row.clone() };
        if row.deleted_at.is_some() {
            self.revive_backend(changed).await?;
        } else if changed != row {
            self.write_backend(row, changed, RevisionAction::Changed).await?;
        }
        Ok(())
    }
}

fn check_tags(scope: &TokenScope, tags: &Tags) -> Result<(), AnnouncementRefused> {
    if tags.is_empty() {
        return check_tag(scope, None);
    }
    tags.iter().try_for_each(|tag| check_tag(scope, Some(tag)))
}
