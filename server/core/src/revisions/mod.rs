//! Who changed what, and putting it back.

mod restore;

use crate::{
    CoreError, Listing, Page, Result, Viewer,
    edit::{Desk, scope},
    page,
    store::{
        Vault, parse, read_json,
        rows::revisions::{Column, Entity, Model},
    },
};
use domain::{Revision, RevisionId, RevisionKind, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// Revisions: the newest 200 of each object.
#[derive(Debug)]
pub struct Revisions {
    pub(crate) desk: Desk,
}

/// Which revisions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevisionQuery {
    /// Only those of things of this kind.
    pub kind: Option<RevisionKind>,
    /// Only those of this object.
    pub object: Option<Uuid>,
}

/// Which side of a revision is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionSide {
    /// As it was before the change.
    Before,
    /// As it was after the change.
    After,
}

impl Revisions {
    /// The revisions of the viewer's things, an administrator's view of all of them; newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, viewer: &Viewer, query: RevisionQuery, page: Page) -> Result<Listing<Revision>> {
        let limit = page.limit()?;
        let condition = scope(viewer, Column::OwnerId)
            .add_option(query.kind.map(|kind| Column::Kind.eq(kind.as_str())))
            .add_option(query.object.map(|object| Column::ObjectId.eq(object)))
            .add_option(page.after::<Uuid>()?.map(|after| Column::Id.lt(after)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(limit as u64 + 1);
        let mut rows = rows.all(self.desk.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: rows.into_iter().map(|row| self.shown(row)).collect::<Result<_>>()?, next_cursor })
    }

    /// One revision.
    ///
    /// # Errors
    /// `NotFound`, also when it is of someone else's.
    pub async fn get(&self, viewer: &Viewer, id: RevisionId) -> Result<Revision> {
        self.shown(find(self.desk.read(), viewer, id).await?)
    }

    fn shown(&self, row: Model) -> Result<Revision> {
        let vault = self.desk.store().vault();
        let read = |side: &str, text: Option<&str>| {
            text.map(|text| read_json(&vault.open(&Vault::document_of(row.id, side), text)?)).transpose()
        };
        let (before, after) = (read("before", row.before.as_deref())?, read("after", row.after.as_deref())?);
        Ok(Revision {
            id: RevisionId(row.id),
            at: row.at,
            actor_id: row.actor_id.map(UserId),
            actor_email: row.actor_email.as_deref().map(parse).transpose()?,
            owner_id: UserId(row.owner_id),
            kind: parse(&row.kind)?,
            object_id: row.object_id,
            object_name: row.object_name,
            action: parse(&row.action)?,
            before,
            after,
        })
    }
}

async fn find(connection: &impl ConnectionTrait, viewer: &Viewer, id: RevisionId) -> Result<Model> {
    let row = Entity::find_by_id(id.0).filter(scope(viewer, Column::OwnerId)).one(connection).await?;
    row.ok_or(CoreError::NotFound("revision"))
}
