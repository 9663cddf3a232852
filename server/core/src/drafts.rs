//! What somebody has entered into a form that is refused and comes back, as far as it cannot go into an address.
//!
//! A form comes back by a redirect, and an address is stored and shown in many places: in the browser's history, in logs of
//! proxies; and it cannot be long. So what may be secret, and what is long, waits in the database, encrypted, for who has
//! entered it and for a short time. Any node can show it again.

use crate::{
    CoreError, Result, Viewer,
    store::{Newest, Store, now, rows::drafts},
    tickets::Seal,
};
use chrono::TimeDelta;
use domain::{DraftId, UserId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long it can be shown again.
const LIFE: TimeDelta = TimeDelta::minutes(15);
/// The most that is kept of one form, bytes.
const LARGEST: usize = 512 * 1024;
/// How many forms are kept for one account: who is refused once more does not go on with the first.
const FORMS: Newest<drafts::Entity> = {
    use drafts::Column;
    Newest { id: Column::Id, list: Column::UserId, age: Column::Id, most: 5 }
};

/// Fields of a form: their names, and what was entered.
pub type Fields = BTreeMap<String, String>;

/// Keeps what was entered.
#[derive(Debug)]
pub struct Drafts {
    pub(crate) store: Store,
    pub(crate) seal: Seal,
}

impl Drafts {
    /// Keeps fields of a form for this viewer. Returns what they can be asked for by; `None`: they are too large to be kept.
    ///
    /// # Errors
    /// `Unavailable`, `Internal`.
    pub async fn keep(&self, viewer: &Viewer, fields: &Fields) -> Result<Option<DraftId>> {
        let plain =
            serde_json::to_vec(fields).map_err(|error| CoreError::Internal(format!("writing a draft: {error}")))?;
        if plain.len() > LARGEST {
            return Ok(None);
        }
        let (id, user) = (DraftId(Uuid::now_v7()), viewer.id());
        let sealed = self.seal.seal(&purpose(id, user), &plain)?;
        let write = self.store.write().await?;
        let row = drafts::ActiveModel {
            id: Set(id.0),
            user_id: Set(user.0),
            sealed: Set(sealed),
            expires_at: Set(now() + LIFE),
        };
        row.insert(&write.tx).await?;
        FORMS.keep(&write.tx, user.0).await?;
        write.commit().await?;
        Ok(Some(id))
    }

    /// What was kept; nothing when it was entered by somebody else, or too long ago.
    ///
    /// # Errors
    /// `Unavailable`, `Internal`.
    pub async fn read(&self, viewer: &Viewer, id: DraftId) -> Result<Fields> {
        let user = viewer.id();
        let row = drafts::Entity::find_by_id(id.0)
            .filter(drafts::Column::UserId.eq(user.0))
            .filter(drafts::Column::ExpiresAt.gt(now()))
            .one(self.store.read())
            .await?;
        // A server that seals with another key since cannot read it.
        let plain = row.and_then(|row| self.seal.open(&purpose(id, user), &row.sealed));
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default())
    }

    /// Forgets what is too old; how much.
    pub(crate) async fn purge_expired(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let purged = drafts::Entity::delete_many().filter(drafts::Column::ExpiresAt.lte(now())).exec(&write.tx).await?;
        write.commit().await?;
        Ok(purged.rows_affected)
    }
}

fn purpose(id: DraftId, user: UserId) -> String {
    format!("draft {id} of {user}")
}
