//! Where somebody else is signed in, for administrators.

use super::{ApiSessions, WebSessions};
use crate::{
    Administrator, CoreError, Listing, Page, Result,
    audit::Entry,
    store::{Store, rows::users},
};
use domain::{AuditKind, ProgramSession, ProgramSessionId, UserId, WebSession, WebSessionId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

impl WebSessions {
    /// The browsers that an account is signed in with, last used first. `current` is the key of the one that asks.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn list_of(&self, _: &Administrator, user: UserId, current: Option<[u8; 32]>) -> Result<Vec<WebSession>> {
        account(&self.store, user).await?;
        self.of(user, current).await
    }

    /// Signs one of them out.
    ///
    /// # Errors
    /// `NotFound`, also when it is another account's.
    pub async fn end_of(&self, admin: &Administrator, user: UserId, id: WebSessionId) -> Result<()> {
        self.end_one(user, id, entry(&self.store, admin, user).await?).await
    }
}

impl ApiSessions {
    /// The programs that an account is signed in with, the newest first.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for `limit` and `cursor`.
    pub async fn list_of(&self, admin: &Administrator, user: UserId, page: Page) -> Result<Listing<ProgramSession>> {
        account(&self.store, user).await?;
        self.of(user, admin, page).await
    }

    /// Ends one of these sessions. Its access tokens are good for nothing from then on, on every node.
    ///
    /// # Errors
    /// `NotFound`, also when it is another account's.
    pub async fn end_of(&self, admin: &Administrator, user: UserId, id: ProgramSessionId) -> Result<()> {
        self.end_one(user, id, entry(&self.store, admin, user).await?).await
    }
}

async fn entry(store: &Store, admin: &Administrator, user: UserId) -> Result<Entry> {
    let email = account(store, user).await?.email;
    Ok(Entry::by(admin, AuditKind::SessionsEnded).on(Some(user), &email))
}

async fn account(store: &Store, user: UserId) -> Result<users::Model> {
    let query = users::Entity::find_by_id(user.0).filter(users::Column::DeletedAt.is_null());
    query.one(store.read()).await?.ok_or(CoreError::NotFound("account"))
}
