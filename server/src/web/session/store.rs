//! `tower-sessions`' store over [`server_core::WebSessions`]. A cookie's value is not kept, only its SHA-256: who reads
//! the database cannot sign in with what is there.

use std::fmt;

use async_trait::async_trait;
use domain::{Timestamp, UserId};
use serde::de::DeserializeOwned;
use server_core::{CoreError, Services, WebSessionRecord};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use super::visitor::{ADDRESS, USER_AGENT, USER_ID};
use crate::api::error::describe;

/// Keeps sessions in the database.
#[derive(Clone)]
pub(crate) struct Store(Services);

impl Store {
    pub(super) fn new(services: Services) -> Self {
        Self(services)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// What a session is filed under.
pub(crate) fn key_hash(id: Id) -> [u8; 32] {
    Sha256::digest(id.to_string()).into()
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let row = row(record)?;
        while !self.0.web_sessions().insert(key_hash(record.id), row.clone()).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.0.web_sessions().save(key_hash(record.id), row(record)?).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(row) = self.0.web_sessions().load(key_hash(*id)).await.map_err(backend)? else { return Ok(None) };
        let expiry_date = OffsetDateTime::from_unix_timestamp(row.expires_at.timestamp())
            .map_err(|error| Error::Decode(error.to_string()))?;
        if expiry_date <= OffsetDateTime::now_utc() {
            return Ok(None);
        }
        let data = serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.web_sessions().remove(key_hash(*id)).await.map_err(backend)
    }
}

fn row(record: &Record) -> Result<WebSessionRecord> {
    let expires_at = Timestamp::from_timestamp(record.expiry_date.unix_timestamp(), 0)
        .ok_or_else(|| Error::Encode("the expiry is out of range".to_owned()))?;
    Ok(WebSessionRecord {
        user_id: value::<UserId>(record, USER_ID),
        data: serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?,
        user_agent: value(record, USER_AGENT),
        address: value(record, ADDRESS),
        expires_at,
    })
}

fn value<T: DeserializeOwned>(record: &Record, key: &str) -> Option<T> {
    record.data.get(key).and_then(|value| T::deserialize(value).ok())
}

fn backend(error: CoreError) -> Error {
    Error::Backend(describe(&error))
}
