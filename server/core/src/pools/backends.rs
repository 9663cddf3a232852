//! Backends, for those who have them.

use super::{BackendQuery, Pools, backend_rows::find};
use crate::{
    Listing, Page, Result, Viewer,
    edit::scope,
    page,
    store::{
        contains, read_json,
        rows::backends::{Column, Entity, Model},
    },
};
use domain::{Backend, BackendId, BackendName, BackendPatch, BackendSpec, RevisionAction, ServiceId, Tag, Tags};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, SimpleExpr},
};
use uuid::Uuid;

/// Rows whose tags have this one among them, and perhaps some more: a `_` matches any character. Tags have none that JSON
/// would escape.
fn may_carry(tag: &Tag) -> SimpleExpr {
    Column::Tags.contains(format!("\"{tag}\""))
}

/// Those that carry the tag, or all.
fn carrying(rows: Vec<Model>, tag: Option<&Tag>) -> Result<Vec<Model>> {
    let Some(tag) = tag else { return Ok(rows) };
    let mut carrying = Vec::with_capacity(rows.len());
    for row in rows {
        if read_json::<Tags>(&row.tags)?.contains(tag) {
            carrying.push(row);
        }
    }
    Ok(carrying)
}

impl Pools {
    /// The viewer's backends, an administrator's view of all of them; newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit`, `cursor` and `search`.
    pub async fn backends(&self, viewer: &Viewer, query: BackendQuery, page: Page) -> Result<Listing<Backend>> {
        let limit = page.limit()?;
        let like = contains(query.search.as_deref())?.map(|like| {
            let lower = |column: Column| Func::lower(Expr::col(column));
            Condition::any().add(lower(Column::Name).like(like.clone())).add(lower(Column::Address).like(like))
        });
        let condition = scope(viewer, Column::OwnerId)
            .add(if query.deleted { Column::DeletedAt.is_not_null() } else { Column::DeletedAt.is_null() })
            .add_option(query.service.map(|service| Column::ServiceId.eq(service.0)))
            .add_option(query.tag.as_ref().map(may_carry))
            .add_option(like)
            .add_option(page.after::<Uuid>()?.map(|after| Column::Id.lt(after)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        let rows = carrying(rows, query.tag.as_ref())?;
        Ok(Listing { items: self.shown_backends(rows).await?, next_cursor })
    }

    /// All backends of a service that carry a tag, or all of them, as far as the viewer may see them; newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn carriers(&self, viewer: &Viewer, service: ServiceId, tag: Option<&Tag>) -> Result<Vec<Backend>> {
        let condition = scope(viewer, Column::OwnerId)
            .add(Column::DeletedAt.is_null())
            .add(Column::ServiceId.eq(service.0))
            .add_option(tag.map(may_carry));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).all(self.desk.read()).await?;
        self.shown_backends(carrying(rows, tag)?).await
    }

    /// One backend of the viewer, or any for an administrator; also a deleted one. It is named by its `id` or its `key`.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `ambiguous_name` when an administrator names one of several.
    pub async fn backend(&self, viewer: &Viewer, which: &BackendName) -> Result<Backend> {
        let row = find(self.desk.read(), viewer, which).await?;
        self.shown_backend(BackendId(row.id)).await
    }

    /// Makes a backend; the service `default`, when it names none, is made on first need.
    ///
    /// # Errors
    /// `backend_exists`, `backend_limit`, `NotFound` for a service or tunnel, `Invalid` for `address` and `owner`.
    pub async fn create_backend(&self, viewer: &Viewer, spec: BackendSpec) -> Result<Backend> {
        let mut edit = self.desk.open(viewer).await?;
        let id = edit.insert_backend(spec, RevisionAction::Created).await?.id;
        edit.commit().await?;
        self.shown_backend(BackendId(id)).await
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// As [`create_backend`](Self::create_backend); `backend_deleted` when it must be restored first.
    pub async fn update_backend(&self, viewer: &Viewer, which: &BackendName, patch: BackendPatch) -> Result<Backend> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        edit.require_unchanged(row.updated_at)?;
        let mut spec = edit.backend_spec(&row).await?;
        patch.apply(&mut spec);
        let id = edit.change_backend(row, spec, RevisionAction::Changed).await?.id;
        edit.commit().await?;
        self.shown_backend(BackendId(id)).await
    }

    /// Deletes a backend so that it can be restored. Doing it twice is doing it once.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_backend(&self, viewer: &Viewer, which: &BackendName) -> Result<Backend> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        edit.require_unchanged(row.updated_at)?;
        let id = row.id;
        edit.remove_backend(row, RevisionAction::Deleted).await?;
        edit.commit().await?;
        self.shown_backend(BackendId(id)).await
    }

    /// Brings back what was deleted.
    ///
    /// # Errors
    /// `NotFound`; `backend_exists` when its id was taken meanwhile; `service_deleted`, `backend_limit`.
    pub async fn restore_backend(&self, viewer: &Viewer, which: &BackendName) -> Result<Backend> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, which).await?;
        let id = row.id;
        edit.revive_backend(row).await?;
        edit.commit().await?;
        self.shown_backend(BackendId(id)).await
    }
}
