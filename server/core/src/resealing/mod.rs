//! With which key the secrets in a database are sealed: noticing that it is another one, sealing what an earlier version
//! wrote down as it was, and going over to a new key.
//!
//! The database names the key. What is sealed and that name change in one transaction, so that whatever interrupts it leaves
//! a database that one of the two keys opens, and says which.

mod anew;
mod claim;
mod lost;

use crate::{
    CoreError, OpenError, Result, Settings,
    store::{
        Store, change_values, now,
        rows::{alerts, domains, revisions, routes, sealing, signing_keys, users},
    },
};
pub use anew::{Resealed, reseal};
pub(crate) use claim::Claim;
pub use lost::{GivenUp, give_up_sealed};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect,
};

/// Why secrets could not be sealed with another key. In every case the database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Somebody works with the database, and would go on with the old key.
    #[error("the database {url} is in use by {connections} connections of switchboard; stop every server on it first")]
    InUse {
        /// The database, without its password.
        url: String,
        /// How many there are.
        connections: i64,
    },
    /// It failed on the way.
    #[error("nothing was changed: {0}")]
    Failed(String),
}

impl From<CoreError> for ResealError {
    fn from(error: CoreError) -> Self {
        Self::Failed(error.cause().map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})")))
    }
}

impl From<DbErr> for ResealError {
    fn from(error: DbErr) -> Self {
        CoreError::from(error).into()
    }
}

/// Takes the key of this server for the one that this database's secrets are sealed with, or refuses it. What an earlier
/// version wrote down as it was is sealed.
pub(crate) async fn adopt(store: &Store, settings: &Settings) -> std::result::Result<(), OpenError> {
    let adopted = try_adopt(store).await;
    let failed = |error: CoreError| OpenError::Start(error.cause().unwrap_or(&error.to_string()).to_owned());
    match adopted.map_err(failed)? {
        true => Ok(()),
        false => Err(OpenError::OtherKey { url: settings.database_url.to_string() }),
    }
}

async fn try_adopt(store: &Store) -> Result<bool> {
    let vault = store.vault();
    if known(store.read()).await?.is_some_and(|known| known == vault.key_id()) {
        return Ok(true);
    }
    let write = store.write_rules().await?;
    let before = known(&write.tx).await?;
    let mut claim = Claim::look(&write.tx, vault).await?;
    match claim {
        // Another process was faster.
        Claim::Ours => return Ok(true),
        Claim::Others => return Ok(false),
        Claim::Free => claim.take(&write.tx, vault).await?,
    }
    if before.is_none() {
        overwrite(&write.tx).await?;
        change_values(&write.tx, &mut |subject, plain| vault.seal(subject, plain).map(Some)).await?;
    }
    write.commit().await?;
    empty_log(store.read()).await;
    Ok(true)
}

/// The name of the key that things are sealed with; `None`: no version that seals has been here.
async fn known(connection: &impl ConnectionTrait) -> Result<Option<String>> {
    Ok(sealing::Entity::find().one(connection).await?.map(|row| row.key_id))
}

/// From now on they are sealed with this one.
async fn name(tx: &DatabaseTransaction, key_id: &str) -> Result<()> {
    sealing::Entity::delete_many().exec(tx).await?;
    let row = sealing::Model { key_id: key_id.to_owned(), since: now() };
    Ok(crate::edit::insert::<sealing::Entity, _>(tx, row).await?)
}

/// Whether another key would be missed.
async fn is_anything_sealed(tx: &DatabaseTransaction) -> Result<bool> {
    macro_rules! any {
        ($table:ident, $column:ident, $condition:expr) => {
            $table::Entity::find()
                .select_only()
                .column($table::Column::$column)
                .filter($condition)
                .limit(1)
                .into_tuple::<Option<String>>()
                .one(tx)
                .await?
                .is_some()
        };
    }
    Ok(any!(signing_keys, Id, signing_keys::Column::Sealed.is_not_null())
        || any!(users, Email, users::Column::TotpSeed.is_not_null())
        || any!(alerts, Name, alerts::Column::Webhook.is_not_null())
        || any!(domains, Host, domains::Column::HeaderRules.contains("\"sealed:"))
        || any!(routes, Mount, routes::Column::HeaderRules.contains("\"sealed:"))
        || any!(revisions, Before, revisions::Column::Before.starts_with("sealed:"))
        || any!(revisions, After, revisions::Column::After.starts_with("sealed:")))
}

/// Has SQLite write zeros over what this transaction replaces, which otherwise stays in the file until its place is needed.
async fn overwrite(tx: &DatabaseTransaction) -> Result<()> {
    if tx.get_database_backend() == DatabaseBackend::Sqlite {
        tx.execute_unprepared("PRAGMA secure_delete = ON").await?;
    }
    Ok(())
}

/// What was replaced is also in the log of writes of SQLite, until that is empty. Where somebody reads at the moment it is
/// emptied with the next writes.
async fn empty_log(connection: &impl ConnectionTrait) {
    if connection.get_database_backend() == DatabaseBackend::Sqlite
        && let Err(error) = connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await
    {
        tracing::info!(%error, "the log of writes could not be emptied yet");
    }
}
