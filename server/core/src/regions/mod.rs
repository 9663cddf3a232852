//! Regions, which administrators make.

mod rows;

use crate::{Administrator, Listing, Page, Result, Viewer, edit::Desk, page, store::rows::regions};
use domain::{Region, RegionId, RegionPatch, RegionSpec, RevisionAction};
pub(crate) use rows::find_region;
use rows::{check_url, shown, spec_of};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// Regions.
#[derive(Debug)]
pub struct Regions {
    pub(crate) desk: Desk,
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
}
