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
    store::{Store, change_values, now, rows::sealing},
};
pub use anew::{Resealed, reseal};
use claim::Claim;
pub(crate) use claim::claim;
pub use lost::{GivenUp, give_up_sealed};
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, EntityTrait};

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

/// Claims the database for the key of this server, if it is the first, or refuses another one than the database's. A command
/// claims nothing: as long as the database has none, any key will do.
pub(crate) async fn adopt(store: &Store, settings: &Settings) -> std::result::Result<(), OpenError> {
    let adopted = try_adopt(store, settings.serves).await;
    let failed = |error: CoreError| OpenError::Start(error.cause().unwrap_or(&error.to_string()).to_owned());
    match adopted.map_err(failed)? {
        true => Ok(()),
        false => Err(OpenError::OtherKey { url: settings.database_url.to_string() }),
    }
}

/// Whether this server's key is the database's. That of the first server stays, whether it has sealed anything or not: a
/// second one with another key would otherwise go unnoticed until one of them seals.
async fn try_adopt(store: &Store, serves: bool) -> Result<bool> {
    let vault = store.vault();
    match Claim::look(store.read(), vault).await? {
        Claim::Ours => return Ok(true),
        Claim::Others => return Ok(false),
        Claim::Free if serves => {}
        Claim::Free => return Ok(true),
    }
    let write = store.write_rules().await?;
    // Another process may have been faster.
    let claim = Claim::look(&write.tx, vault).await?;
    if claim != Claim::Free {
        return Ok(claim == Claim::Ours);
    }
    name(&write.tx, vault.key_id()).await?;
    // What an earlier version wrote down as it was.
    overwrite(&write.tx).await?;
    change_values(&write.tx, &mut |subject, plain| vault.seal(subject, plain).map(Some)).await?;
    write.commit().await?;
    empty_log(store.read()).await;
    Ok(true)
}

/// The name of the database's key; `None`: no version that seals has been here.
async fn known(connection: &impl ConnectionTrait) -> Result<Option<String>> {
    Ok(sealing::Entity::find().one(connection).await?.map(|row| row.key_id))
}

/// From now on they are sealed with this one.
async fn name(tx: &DatabaseTransaction, key_id: &str) -> Result<()> {
    sealing::Entity::delete_many().exec(tx).await?;
    let row = sealing::Model { key_id: key_id.to_owned(), since: now() };
    Ok(crate::edit::insert::<sealing::Entity, _>(tx, row).await?)
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
