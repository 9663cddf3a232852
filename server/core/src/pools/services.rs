//! Services, for those who have them.

use super::{Pools, ServiceQuery, service_rows::find};
use crate::{
    CoreError, Listing, Page, Result, ServiceRef, Viewer,
    edit::scope,
    page,
    store::{
        contains,
        rows::services::{Column, Entity},
    },
};
use domain::{RevisionAction, Service, ServicePatch, ServiceSpec};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func},
};
use uuid::Uuid;

impl Pools {
    /// The viewer's services, an administrator's view of all of them; newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit`, `cursor` and `search`.
    pub async fn services(&self, viewer: &Viewer, query: ServiceQuery, page: Page) -> Result<Listing<Service>> {
        let limit = page.limit()?;
        let condition = scope(viewer, Column::OwnerId)
            .add(if query.deleted { Column::DeletedAt.is_not_null() } else { Column::DeletedAt.is_null() })
            .add_option(contains(query.search.as_deref())?.map(|like| Func::lower(Expr::col(Column::Name)).like(like)))
            .add_option(page.after::<Uuid>()?.map(|after| Column::Id.lt(after)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: self.shown_services(rows).await?, next_cursor })
    }

    /// One service of the viewer, or any for an administrator; also a deleted one.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `ambiguous_name` when an administrator names one of several.
    pub async fn service(&self, viewer: &Viewer, which: &ServiceRef) -> Result<Service> {
        let row = find(self.desk.read(), viewer, which).await?;
        self.shown_service(row.id).await
    }

    /// Makes a service.
    ///
    /// # Errors
    /// `service_exists`, `service_limit`, `Invalid` for `owner`.
    pub async fn create_service(&self, viewer: &Viewer, spec: ServiceSpec) -> Result<Service> {
        let mut edit = self.desk.open(viewer).await?;
        let owner = edit.owner_named(spec.owner.as_ref()).await?;
        let id = edit.insert_service(&owner, spec, RevisionAction::Created).await?.id;
        edit.commit().await?;
        self.shown_service(id).await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// As [`create_service`](Self::create_service); `Invalid` for a number out of its range; `NotFound`;
    /// `service_deleted` when it must be restored first.
    pub async fn update_service(&self, viewer: &Viewer, which: &ServiceRef, patch: ServicePatch) -> Result<Service> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        edit.require_unchanged(row.updated_at)?;
        let mut spec = super::service_rows::spec_of(&row)?;
        patch.apply(&mut spec).map_err(|error| CoreError::invalid(error.field, error))?;
        let id = edit.change_service(row, spec, RevisionAction::Changed).await?.id;
        edit.commit().await?;
        self.shown_service(id).await
    }

    /// Deletes a service with its backends, so that it can be restored with them. Doing it twice is doing it once.
    ///
    /// # Errors
    /// `NotFound`; `service_in_use` while domains or routes lead to it, with how many.
    pub async fn delete_service(&self, viewer: &Viewer, which: &ServiceRef) -> Result<Service> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        edit.require_unchanged(row.updated_at)?;
        let id = row.id;
        edit.remove_service(row, RevisionAction::Deleted).await?;
        edit.commit().await?;
        self.shown_service(id).await
    }

    /// Brings back what was deleted.
    ///
    /// # Errors
    /// `NotFound`; `service_exists` or `backend_exists` when a name was taken meanwhile; the limits.
    pub async fn restore_service(&self, viewer: &Viewer, which: &ServiceRef) -> Result<Service> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        let id = row.id;
        edit.revive_service(row).await?;
        edit.commit().await?;
        self.shown_service(id).await
    }
}
