//! Browsers.

use crate::{Result, Viewer};
use domain::{Timestamp, UserId, WebSession, WebSessionId};
use std::net::IpAddr;

/// What is stored of a browser's session. The cookie's value is not: only its SHA-256, as key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSessionRecord {
    /// Who is signed in; `None`: nobody yet.
    pub user_id: Option<UserId>,
    /// A JSON object, kept as it is.
    pub data: String,
    /// The browser, as it said itself.
    pub user_agent: Option<String>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Sessions of browsers.
#[derive(Debug)]
pub struct WebSessions(());

impl WebSessions {
    /// Stores a new session; `false`: there is one with this key, nothing was changed.
    pub async fn insert(&self, _key_hash: [u8; 32], _record: WebSessionRecord) -> Result<bool> {
        todo!()
    }
    /// Stores a session, new or not.
    pub async fn save(&self, _key_hash: [u8; 32], _record: WebSessionRecord) -> Result<()> {
        todo!()
    }
    /// The session with this key, unless it has ended.
    pub async fn load(&self, _key_hash: [u8; 32]) -> Result<Option<WebSessionRecord>> {
        todo!()
    }
    /// The id under which the session with this key appears in [`list`](Self::list).
    pub async fn id_of(&self, _key_hash: [u8; 32]) -> Result<Option<WebSessionId>> {
        todo!()
    }
    /// Removes a session.
    pub async fn remove(&self, _key_hash: [u8; 32]) -> Result<()> {
        todo!()
    }
    /// The viewer's sessions, last used first.
    pub async fn list(&self, _viewer: &Viewer, _current: Option<[u8; 32]>) -> Result<Vec<WebSession>> {
        todo!()
    }
    /// Ends one of the viewer's sessions.
    pub async fn end(&self, _viewer: &Viewer, _id: WebSessionId) -> Result<()> {
        todo!()
    }
    /// Ends all of the viewer's sessions but this one; how many.
    pub async fn end_others(&self, _viewer: &Viewer, _current: Option<[u8; 32]>) -> Result<u64> {
        todo!()
    }
    /// Removes what has ended by itself; how many.
    pub async fn purge_expired(&self) -> Result<u64> {
        todo!()
    }
}
