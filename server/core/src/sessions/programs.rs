//! The programs that a user is signed in with, as people see them.

use super::ApiSessions;
use crate::{
    CoreError, Listing, Page, Result, Viewer,
    audit::Entry,
    page,
    store::{now, rows::api_sessions},
};
use domain::{AuditKind, ProgramSession, ProgramSessionId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

impl ApiSessions {
    /// The viewer's programs, the newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, viewer: &Viewer, page: Page) -> Result<Listing<ProgramSession>> {
        self.of(viewer.id(), viewer, page).await
    }

    /// Those of this user, as the viewer sees them.
    pub(super) async fn of(&self, user: UserId, viewer: &Viewer, page: Page) -> Result<Listing<ProgramSession>> {
        let limit = page.limit()?;
        let mut query = api_sessions::Entity::find()
            .filter(api_sessions::Column::UserId.eq(user.0))
            .filter(api_sessions::Column::ExpiresAt.gt(now()));
        if let Some(after) = page.after::<Uuid>()? {
            query = query.filter(api_sessions::Column::Id.lt(after));
        }
        let newest = query.order_by_desc(api_sessions::Column::Id);
        let mut rows = newest.limit(limit as u64 + 1).all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        let items = rows.into_iter().map(|row| shown(row, viewer)).collect();
        Ok(Listing { items, next_cursor })
    }

    /// Ends one of the viewer's sessions. Its access tokens are good for nothing from then on, on every node.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn end(&self, viewer: &Viewer, id: ProgramSessionId) -> Result<()> {
        self.end_one(viewer.id(), id, Entry::by(viewer, AuditKind::SessionsEnded)).await
    }

    /// Ends a session of this user, and writes down who did it.
    pub(super) async fn end_one(&self, user: UserId, id: ProgramSessionId, entry: Entry) -> Result<()> {
        let write = self.store.write().await?;
        let ended = api_sessions::Entity::delete_many()
            .filter(api_sessions::Column::Id.eq(id.0))
            .filter(api_sessions::Column::UserId.eq(user.0))
            .exec(&write.tx)
            .await?;
        if ended.rows_affected == 0 {
            return Err(CoreError::NotFound("session"));
        }
        entry.with("one program").write(&write.tx).await?;
        self.ended(write, user).await
    }

    /// Ends all of the viewer's sessions but the one that asks; how many.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn end_others(&self, viewer: &Viewer) -> Result<u64> {
        let write = self.store.write().await?;
        let mut others = api_sessions::Entity::delete_many().filter(api_sessions::Column::UserId.eq(viewer.id().0));
        if let Some(current) = viewer.program() {
            others = others.filter(api_sessions::Column::Id.ne(current.0));
        }
        let ended = others.exec(&write.tx).await?.rows_affected;
        if ended > 0 {
            let whose = if viewer.program().is_some() { "all other programs" } else { "all programs" };
            Entry::by(viewer, AuditKind::SessionsEnded).with(whose).write(&write.tx).await?;
            self.ended(write, viewer.id()).await?;
        }
        Ok(ended)
    }
}

fn shown(row: api_sessions::Model, viewer: &Viewer) -> ProgramSession {
    let id = ProgramSessionId(row.id);
    ProgramSession {
        id,
        current: viewer.program() == Some(id),
        user_agent: row.user_agent,
        address: row.address.and_then(|address| address.parse().ok()),
        created_at: row.created_at,
        last_seen_at: row.last_seen_at.unwrap_or(row.created_at),
        expires_at: row.expires_at,
    }
}
