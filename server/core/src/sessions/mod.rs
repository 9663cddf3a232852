//! Who stays signed in: browsers by cookie, programs by access and refresh token.

mod api;
mod lifetime;
mod others;
mod programs;
mod seen;
mod web;

use crate::{
    Result,
    store::rows::{api_sessions, web_sessions},
};
pub use api::{ApiSessions, ApiTokens};
use domain::{UserId, WebSessionId};
pub(crate) use lifetime::Lifetime;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
pub(crate) use seen::last_seen;
pub use web::{WebSessionRecord, WebSessions};

/// Ends all sessions of a user but one browser's.
pub(crate) async fn end_all(connection: &impl ConnectionTrait, user: UserId, keep: Option<WebSessionId>) -> Result<()> {
    let mut browsers = web_sessions::Entity::delete_many().filter(web_sessions::Column::UserId.eq(user.0));
    if let Some(keep) = keep {
        browsers = browsers.filter(web_sessions::Column::Id.ne(keep.0));
    }
    browsers.exec(connection).await?;
    api_sessions::Entity::delete_many().filter(api_sessions::Column::UserId.eq(user.0)).exec(connection).await?;
    Ok(())
}
