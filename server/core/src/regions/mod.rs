//! Regions, which administrators make, and the nodes that are there.

mod rows;

use crate::{
    Administrator, CoreError, Listing, Page, Result, Viewer,
    edit::Desk,
    page,
    store::{
        now, parse,
        rows::{nodes, regions},
    },
};
use chrono::TimeDelta;
use domain::{Node, NodeId, Region, RegionId, RegionName, RegionPatch, RegionSpec, RevisionAction, Timestamp};
pub(crate) use rows::find_region;
use rows::{check_url, shown, spec_of};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// After how long a node that says nothing is forgotten.
const FORGET_NODES: TimeDelta = TimeDelta::days(7);

/// The longest text that a node tells of itself, characters.
const MAX_TEXT: usize = 300;

/// Regions and nodes.
#[derive(Debug)]
pub struct Regions {
    pub(crate) desk: Desk,
}

/// What a node tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNews {
    /// What its operator calls it; one process at a time has a name.
    pub name: String,
    /// Where it is.
    pub region: Option<RegionName>,
    /// Which version it runs.
    pub version: String,
    /// Where it is reached.
    pub public_url: String,
    /// When it started.
    pub started_at: Timestamp,
}

impl Regions {
    /// All regions, newest first; everybody who is signed in may know them.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, _: &Viewer, page: Page) -> Result<Listing<Region>> {
        let limit = page.limit()?;
        let mut query = regions::Entity::find().filter(regions::Column::DeletedAt.is_null());
        if let Some(after) = page.after::<Uuid>()? {
            query = query.filter(regions::Column::Id.lt(after));
        }
        let rows = query.order_by_desc(regions::Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: rows.into_iter().map(shown).collect::<Result<_>>()?, next_cursor })
    }

    /// One region; also a deleted one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, _: &Viewer, id: RegionId) -> Result<Region> {
        shown(find_region(self.desk.read(), id).await?)
    }

    /// Makes a region.
    ///
    /// # Errors
    /// `region_exists`, `Invalid` for `public_url`.
    pub async fn create(&self, admin: &Administrator, spec: RegionSpec) -> Result<Region> {
        let spec = check_url(spec)?;
        let mut edit = self.desk.open(admin).await?;
        let row = edit.insert_region(&spec, RevisionAction::Created).await?;
        edit.commit().await?;
        shown(row)
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// As [`create`](Self::create); `NotFound`, `region_deleted`.
    pub async fn update(&self, admin: &Administrator, id: RegionId, patch: RegionPatch) -> Result<Region> {
        let mut edit = self.desk.open(admin).await?;
        let row = find_region(edit.tx(), id).await?;
        edit.require_unchanged(row.updated_at)?;
        let mut spec = spec_of(&row)?;
        patch.apply(&mut spec);
        let row = edit.change_region(row, check_url(spec)?, RevisionAction::Changed).await?;
        edit.commit().await?;
        shown(row)
    }

    /// Deletes a region so that it can be restored. Doing it twice is doing it once.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, admin: &Administrator, id: RegionId) -> Result<Region> {
        let mut edit = self.desk.open(admin).await?;
        let row = find_region(edit.tx(), id).await?;
        edit.require_unchanged(row.updated_at)?;
        let row = edit.remove_region(row, RevisionAction::Deleted).await?;
        edit.commit().await?;
        shown(row)
    }

    /// Brings back what was deleted.
    ///
    /// # Errors
    /// `NotFound`; `region_exists` when its name was taken meanwhile.
    pub async fn restore(&self, admin: &Administrator, id: RegionId) -> Result<Region> {
        let mut edit = self.desk.open(admin).await?;
        let row = find_region(edit.tx(), id).await?;
        let row = edit.revive_region(row).await?;
        edit.commit().await?;
        shown(row)
    }

    /// The nodes, by name, as they last told of themselves.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`; when the database is away.
    pub async fn nodes(&self, _: &Viewer, page: Page) -> Result<Listing<Node>> {
        let limit = page.limit()?;
        let mut query = nodes::Entity::find();
        if let Some(after) = page.after::<String>()? {
            query = query.filter(nodes::Column::Name.gt(after));
        }
        let rows = query.order_by_asc(nodes::Column::Name).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.name.clone())?;
        Ok(Listing { items: rows.into_iter().map(shown_node).collect::<Result<_>>()?, next_cursor })
    }

    /// A node says that it is there. Those that have said nothing for a week are forgotten.
    ///
    /// # Errors
    /// `Invalid` for a text that is too long; when the database is away.
    pub async fn announce(&self, news: &NodeNews) -> Result<Node> {
        for (field, text) in [("name", &news.name), ("version", &news.version), ("public_url", &news.public_url)] {
            if text.is_empty() || text.chars().count() > MAX_TEXT {
                return Err(CoreError::invalid(field, format!("use 1 to {MAX_TEXT} characters")));
            }
        }
        let write = self.desk.store().write_rules().await?;
        let moment = now();
        nodes::Entity::delete_many().filter(nodes::Column::SeenAt.lt(moment - FORGET_NODES)).exec(&write.tx).await?;
        let known = nodes::Entity::find().filter(nodes::Column::Name.eq(&news.name)).one(&write.tx).await?;
        let row = nodes::Model {
            id: known.as_ref().map_or_else(Uuid::now_v7, |row| row.id),
            name: news.name.clone(),
            region: news.region.as_ref().map(ToString::to_string),
            version: news.version.clone(),
            public_url: news.public_url.clone(),
            started_at: news.started_at,
            seen_at: moment,
        };
        if known.is_some() {
            crate::edit::update::<nodes::Entity, _>(&write.tx, row.clone()).await?;
        } else {
            crate::edit::insert::<nodes::Entity, _>(&write.tx, row.clone()).await?;
        }
        write.commit().await?;
        shown_node(row)
    }
}

fn shown_node(row: nodes::Model) -> Result<Node> {
    Ok(Node {
        id: NodeId(row.id),
        name: row.name,
        region: row.region.as_deref().map(parse).transpose()?,
        version: row.version,
        public_url: row.public_url,
        started_at: row.started_at,
        seen_at: row.seen_at,
    })
}
