//! Requests that must not happen twice though they are sent twice (draft-ietf-httpapi-idempotency-key-header): who sends
//! one again with the same key gets the answer of the first.
//!
//! A key is claimed before anything is done, and the claim is released when nothing came of it. A claim whose process ended
//! on the way stays until it expires: whether something was made is not known then, so it is not done again.

use crate::{
    CoreError, Result, Secret, Viewer,
    sealing::Sealer,
    store::{Newest, Store, now, rows::idempotency_keys as rows, unique_violation},
};
use chrono::TimeDelta;
use domain::{ApiScope, UserId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How long an answer is kept.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// How many keys of one user are remembered; beyond it the oldest are forgotten.
const LATEST: Newest<rows::Entity> =
    Newest { id: rows::Column::Id, list: rows::Column::UserId, age: rows::Column::Id, most: 1_000 };

/// The keys of requests, and their answers.
#[derive(Debug)]
pub struct Idempotency {
    store: Store,
    sealer: Sealer,
}

/// A key, and who used it for what. Different rights are different callers, so that nobody gets an answer with a token that
/// would not have been given it.
#[derive(Debug)]
pub struct IdempotencyKey {
    user: UserId,
    key_hash: [u8; 32],
    request_hash: [u8; 32],
}

/// A key that is being used for the first time.
#[derive(Debug)]
pub struct ClaimedKey {
    id: Uuid,
    key_hash: [u8; 32],
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// Those of its header fields that are its own.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// What is known of a key.
#[derive(Debug)]
pub enum Begun {
    /// Nothing: the request is to be done.
    First(ClaimedKey),
    /// The same was asked before, and answered so.
    Again(KeptAnswer),
    /// It was used for something else.
    Different,
    /// The same was asked before, and is not answered yet, or never was.
    UnderWay,
}

impl IdempotencyKey {
    /// A key as the client named it. `scopes` are those of its personal token; `None`: it has signed in. `request` is all
    /// that was asked for.
    pub fn new(viewer: &Viewer, scopes: Option<&BTreeSet<ApiScope>>, key: &str, request: &[&[u8]]) -> Self {
        let scopes: Option<Vec<_>> = scopes.map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect());
        let scopes = scopes.map_or_else(|| "all".to_owned(), |scopes| scopes.join(" "));
        let user = viewer.id();
        let key_hash = hash(&[user.0.as_bytes(), scopes.as_bytes(), key.as_bytes()]);
        Self { user, key_hash, request_hash: hash(request) }
    }
}

/// SHA-256 of several texts, each with its length, so that none runs into the next.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Idempotency {
    pub(crate) fn new(store: Store, secret: &Secret) -> Result<Self> {
        Ok(Self { store, sealer: Sealer::new(secret, b"idempotency")? })
    }

    /// Claims a key, or tells what is known of it.
    pub async fn begin(&self, key: &IdempotencyKey) -> Result<Begun> {
        let write = self.store.write().await?;
        let known = rows::Entity::find().filter(rows::Column::KeyHash.eq(key.key_hash.to_vec())).one(&write.tx).await?;
        if let Some(row) = known {
            if row.expires_at > now() {
                return self.judge(key, row);
            }
            rows::Entity::delete_by_id(row.id).exec(&write.tx).await?;
        }
        let id = Uuid::now_v7();
        let row = rows::ActiveModel {
            id: Set(id),
            user_id: Set(key.user.0),
            key_hash: Set(key.key_hash.to_vec()),
            request_hash: Set(key.request_hash.to_vec()),
            answer: Set(None),
            expires_at: Set(now() + KEPT),
        };
        match row.insert(&write.tx).await {
            Ok(_) => {}
            // Claimed by another process since we looked.
            Err(error) if unique_violation(&error).is_some() => return Ok(Begun::UnderWay),
            Err(error) => return Err(error.into()),
        }
        LATEST.keep(&write.tx, key.user.0).await?;
        write.commit().await?;
        Ok(Begun::First(ClaimedKey { id, key_hash: key.key_hash }))
    }

    fn judge(&self, key: &IdempotencyKey, row: rows::Model) -> Result<Begun> {
        if !bool::from(row.request_hash.ct_eq(&key.request_hash)) {
            return Ok(Begun::Different);
        }
        // What was sealed with a key that is no longer ours is an answer that nobody knows.
        let Some(answer) = row.answer.and_then(|sealed| self.sealer.open(&key.key_hash, &sealed)) else {
            return Ok(Begun::UnderWay);
        };
        let answer = serde_json::from_slice(&answer);
        answer.map(Begun::Again).map_err(|error| CoreError::Internal(format!("a kept answer: {error}")))
    }

    /// Keeps the answer for whoever asks again.
    pub async fn finish(&self, claim: ClaimedKey, answer: &KeptAnswer) -> Result<()> {
        let plain =
            serde_json::to_vec(answer).map_err(|error| CoreError::Internal(format!("an answer to keep: {error}")))?;
        let sealed = self.sealer.seal(&claim.key_hash, &plain)?;
        let write = self.store.write().await?;
        rows::Entity::update_many()
            .col_expr(rows::Column::Answer, sealed.into())
            .filter(rows::Column::Id.eq(claim.id))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// Forgets a key that nothing came of.
    pub async fn release(&self, claim: ClaimedKey) -> Result<()> {
        let write = self.store.write().await?;
        rows::Entity::delete_by_id(claim.id).exec(&write.tx).await?;
        write.commit().await
    }

    /// Forgets keys that are too old; how many.
    pub(crate) async fn purge_expired(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let purged = rows::Entity::delete_many().filter(rows::Column::ExpiresAt.lte(now())).exec(&write.tx).await?;
        write.commit().await?;
        Ok(purged.rows_affected)
    }
}
