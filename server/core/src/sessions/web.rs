//! Browsers.

use super::Lifetime;
use crate::{
    Change, Changes, CoreError, Result, Viewer,
    audit::Entry,
    news,
    store::{Newest, Store, now, rows::web_sessions, unique_violation},
};
use chrono::TimeDelta;
use domain::{AuditKind, Timestamp, UserId, WebSession, WebSessionId};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use std::net::IpAddr;
use uuid::Uuid;

/// How many browsers a user may be signed in with; a further one signs out the one that was used the longest ago.
const MAX_PER_USER: u64 = 50;
const LATEST: Newest<web_sessions::Entity> = {
    use web_sessions::Column;
    Newest { id: Column::Id, list: Column::UserId, age: Column::LastSeenAt, most: MAX_PER_USER }
};

/// What is stored of a browser's session. The cookie's value is not: only its SHA-256, as key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSessionRecord {
    /// Who is signed in; `None`: nobody yet.
    pub user_id: Option<UserId>,
    /// A JSON object, kept as it is.
    pub data: String,
    /// The browser, as it said itself; cut after 256 characters.
    pub user_agent: Option<String>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// When it ends if it is not used until then.
    pub expires_at: Timestamp,
}

/// Sessions of browsers.
#[derive(Debug)]
pub struct WebSessions {
    pub(crate) store: Store,
    pub(crate) changes: Changes,
    pub(crate) lifetime: Lifetime,
}

impl WebSessions {
    /// Stores a new session; `false`: there is one with this key, nothing was changed.
    pub async fn insert(&self, key_hash: [u8; 32], record: WebSessionRecord) -> Result<bool> {
        let write = self.store.write().await?;
        match new_row(key_hash, &record).insert(&write.tx).await {
            Ok(_) => {}
            Err(error) if unique_violation(&error).is_some() => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if let Some(user) = record.user_id {
            LATEST.keep(&write.tx, user.0).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// Stores what has become of a session, which ends when the record says, and at the latest when it has lasted as long as
    /// one may. One that has ended stays so: what was begun before its end does not bring it back.
    pub async fn save(&self, key_hash: [u8; 32], record: WebSessionRecord) -> Result<()> {
        let changed = web_sessions::ActiveModel {
            id: NotSet,
            key_hash: NotSet,
            created_at: NotSet,
            ..new_row(key_hash, &record)
        };
        let write = self.store.write().await?;
        web_sessions::Entity::update_many()
            .set(changed)
            .filter(web_sessions::Column::KeyHash.eq(key_hash.to_vec()))
            .filter(self.lifetime.standing(now()))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// The session with this key, unless it has ended. Notes that it was used, at most once a minute.
    pub async fn load(&self, key_hash: [u8; 32]) -> Result<Option<WebSessionRecord>> {
        let moment = now();
        let Some(row) = find(self.store.read(), key_hash).await? else { return Ok(None) };
        let expires_at = self.lifetime.end_of(&row);
        if expires_at <= moment {
            return Ok(None);
        }
        if moment - row.last_seen_at >= TimeDelta::minutes(1)
            && let Err(error) = self.note_use(row.id).await
        {
            // Somebody who is signed in stays so while nothing can be written.
            tracing::warn!(cause = error.cause(), "the use of a session was not noted: {error}");
        }
        Ok(Some(WebSessionRecord {
            user_id: row.user_id.map(UserId),
            data: row.data,
            user_agent: row.user_agent,
            address: row.address.and_then(|address| address.parse().ok()),
            expires_at,
        }))
    }

    async fn note_use(&self, id: Uuid) -> Result<()> {
        let write = self.store.write().await?;
        web_sessions::Entity::update_many()
            .col_expr(web_sessions::Column::LastSeenAt, Expr::value(now()))
            .filter(web_sessions::Column::Id.eq(id))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// The id under which the session with this key appears in [`list`](Self::list).
    pub async fn id_of(&self, key_hash: [u8; 32]) -> Result<Option<WebSessionId>> {
        Ok(find(self.store.read(), key_hash).await?.map(|row| WebSessionId(row.id)))
    }

    /// Removes a session; one that is not there is removed already.
    pub async fn remove(&self, key_hash: [u8; 32]) -> Result<()> {
        let write = self.store.write().await?;
        let Some(row) = find(&write.tx, key_hash).await? else { return Ok(()) };
        web_sessions::Entity::delete_by_id(row.id).exec(&write.tx).await?;
        let change = row.user_id.map(|user| Change::UserSessionsEnded(UserId(user)));
        if let Some(change) = change {
            news::tell_of(&write.tx, &self.changes, change).await?;
        }
        write.commit().await?;
        change.into_iter().for_each(|change| self.changes.publish(change));
        Ok(())
    }

    /// The viewer's sessions, last used first.
    pub async fn list(&self, viewer: &Viewer, current: Option<[u8; 32]>) -> Result<Vec<WebSession>> {
        self.of(viewer.id(), current).await
    }

    pub(super) async fn of(&self, user: UserId, current: Option<[u8; 32]>) -> Result<Vec<WebSession>> {
        let rows = web_sessions::Entity::find()
            .filter(web_sessions::Column::UserId.eq(user.0))
            .filter(self.lifetime.standing(now()))
            .order_by_desc(web_sessions::Column::LastSeenAt)
            .limit(MAX_PER_USER)
            .all(self.store.read())
            .await?;
        let session = |row: web_sessions::Model| WebSession {
            id: WebSessionId(row.id),
            current: current.is_some_and(|current| row.key_hash == current),
            user_agent: row.user_agent,
            address: row.address.and_then(|address| address.parse().ok()),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: self.lifetime.end(row.created_at),
        };
        Ok(rows.into_iter().map(session).collect())
    }

    /// Ends one of the viewer's sessions.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn end(&self, viewer: &Viewer, id: WebSessionId) -> Result<()> {
        self.end_one(viewer.id(), id, Entry::by(viewer, AuditKind::SessionsEnded)).await
    }

    /// Ends a session of this user, and writes down who did it.
    pub(super) async fn end_one(&self, user: UserId, id: WebSessionId, entry: Entry) -> Result<()> {
        let write = self.store.write().await?;
        let ended = web_sessions::Entity::delete_many()
            .filter(web_sessions::Column::Id.eq(id.0))
            .filter(web_sessions::Column::UserId.eq(user.0))
            .exec(&write.tx)
            .await?;
        if ended.rows_affected == 0 {
            return Err(CoreError::NotFound("session"));
        }
        let change = Change::UserSessionsEnded(user);
        news::tell_of(&write.tx, &self.changes, change).await?;
        entry.with("one browser").write(&write.tx).await?;
        write.commit().await?;
        self.changes.publish(change);
        Ok(())
    }

    /// Ends all of the viewer's sessions but this one; how many.
    pub async fn end_others(&self, viewer: &Viewer, current: Option<[u8; 32]>) -> Result<u64> {
        let write = self.store.write().await?;
        let mut others = web_sessions::Entity::delete_many().filter(web_sessions::Column::UserId.eq(viewer.id().0));
        if let Some(current) = current {
            others = others.filter(web_sessions::Column::KeyHash.ne(current.to_vec()));
        }
        let ended = others.exec(&write.tx).await?.rows_affected;
        if ended > 0 {
            let change = Change::UserSessionsEnded(viewer.id());
            news::tell_of(&write.tx, &self.changes, change).await?;
            Entry::by(viewer, AuditKind::SessionsEnded).with("all other browsers").write(&write.tx).await?;
            write.commit().await?;
            self.changes.publish(change);
        }
        Ok(ended)
    }

    /// Removes what has ended by itself; how many.
    pub async fn purge_expired(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let purged =
            web_sessions::Entity::delete_many().filter(self.lifetime.standing(now()).not()).exec(&write.tx).await?;
        write.commit().await?;
        Ok(purged.rows_affected)
    }
}

async fn find(connection: &impl ConnectionTrait, key_hash: [u8; 32]) -> Result<Option<web_sessions::Model>> {
    Ok(web_sessions::Entity::find().filter(web_sessions::Column::KeyHash.eq(key_hash.to_vec())).one(connection).await?)
}

fn new_row(key_hash: [u8; 32], record: &WebSessionRecord) -> web_sessions::ActiveModel {
    let moment = now();
    web_sessions::ActiveModel {
        id: Set(Uuid::now_v7()),
        key_hash: Set(key_hash.to_vec()),
        user_id: Set(record.user_id.map(|user| user.0)),
        data: Set(record.data.clone()),
        user_agent: Set(record.user_agent.as_ref().map(|agent| agent.chars().take(256).collect())),
        address: Set(record.address.map(|address| address.to_string())),
        created_at: Set(moment),
        last_seen_at: Set(moment),
        expires_at: Set(record.expires_at),
    }
}
