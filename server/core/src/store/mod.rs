//! The database: connection, rows, and how its errors become ours. One file an aggregate.

mod batches;
mod connect;
mod convert;
mod in_use;
pub(crate) mod rows;
mod sqlite_file;
mod vault;

use crate::{CoreError, resealing::Claim};
pub(crate) use batches::batches;
pub(crate) use connect::{connect_alone, lock_migrations, open, steps};
pub(crate) use convert::{contains, parse, pattern, read_front, read_json, read_word, shared_front, write_json};
use domain::Timestamp;
pub(crate) use in_use::connections_of_servers;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    RuntimeErr, SqlErr, SqliteTransactionMode, TransactionOptions, TransactionTrait, sqlx,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};
pub(crate) use vault::{DIRECTIONS, NO_HEADERS, Vault, change_rows, change_values};

/// How long a writer waits for the one before it, as long as SQLite itself would.
const WRITER_WAIT: Duration = Duration::from_secs(5);

/// Any number that no other program on the same PostgreSQL server uses for its own locks.
const RULES_LOCK: i64 = 0x5357_4954_4348_0002;
/// The same for who administers.
const ACCOUNTS_LOCK: i64 = 0x5357_4954_4348_0003;

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    connection: DatabaseConnection,
    /// SQLite has one writer at a time and lets the others poll; waiting here is fair and wakes at once.
    writer: Option<Arc<Mutex<()>>>,
    vault: Vault,
}

/// A transaction that writes; nothing of it happened unless [`commit`](Self::commit) returned.
pub(crate) struct Write<'a> {
    pub(crate) tx: DatabaseTransaction,
    _turn: Option<MutexGuard<'a, ()>>,
}

impl Store {
    pub(crate) fn new(connection: DatabaseConnection, vault: Vault) -> Self {
        let sqlite = connection.get_database_backend() == DatabaseBackend::Sqlite;
        Self { connection, writer: sqlite.then(Arc::default), vault }
    }

    /// What opens what is sealed in it.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// For reading.
    pub(crate) fn read(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// For writing.
    pub(crate) async fn write(&self) -> Result<Write<'_>, CoreError> {
        let turn = match &self.writer {
            Some(writer) => Some(
                tokio::time::timeout(WRITER_WAIT, writer.lock())
                    .await
                    .map_err(|_| CoreError::Unavailable("waited 5 s for the turn to write".into()))?,
            ),
            None => None,
        };
        // Immediate: a transaction that reads first and writes then would otherwise fail when another wrote meanwhile.
        let options = TransactionOptions {
            sqlite_transaction_mode: self.writer.is_some().then_some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        Ok(Write { tx: self.connection.begin_with_options(options).await?, _turn: turn })
    }

    /// For writing what is routed by: one such transaction at a time, also when several processes share the database, so
    /// that what was looked at before it is written cannot change in between.
    pub(crate) async fn write_rules(&self) -> Result<Write<'_>, CoreError> {
        self.write_alone(RULES_LOCK).await
    }

    /// The same for roles and states of accounts, so that there is always an administrator.
    pub(crate) async fn write_accounts(&self) -> Result<Write<'_>, CoreError> {
        self.write_alone(ACCOUNTS_LOCK).await
    }

    /// For writing what is sealed, with the key that everything else is sealed with; see [`Claim`].
    ///
    /// # Errors
    /// `Internal` when that is not this server's.
    pub(crate) async fn write_sealed(&self) -> Result<Write<'_>, CoreError> {
        let write = self.write_rules().await?;
        self.claim_key(&write).await?;
        Ok(write)
    }

    /// The same for accounts.
    pub(crate) async fn write_sealed_accounts(&self) -> Result<Write<'_>, CoreError> {
        let write = self.write_accounts().await?;
        self.lock(&write, RULES_LOCK).await?;
        self.claim_key(&write).await?;
        Ok(write)
    }

    async fn claim_key(&self, write: &Write<'_>) -> Result<(), CoreError> {
        Claim::look(&write.tx, &self.vault).await?.take(&write.tx, &self.vault).await
    }

    async fn write_alone(&self, lock: i64) -> Result<Write<'_>, CoreError> {
        let write = self.write().await?;
        self.lock(&write, lock).await?;
        Ok(write)
    }

    /// Waits until no other transaction has this lock. Of SQLite there is one at a time anyway.
    async fn lock(&self, write: &Write<'_>, lock: i64) -> Result<(), CoreError> {
        if self.writer.is_none() {
            write.tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
        }
        Ok(())
    }

    /// For reading several things as they are at one moment.
    pub(crate) async fn read_at_once(&self) -> Result<DatabaseTransaction, CoreError> {
        // SQLite does that in every transaction, and knows no other.
        let postgres = self.writer.is_none();
        let options = TransactionOptions {
            isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            ..Default::default()
        };
        Ok(self.connection.begin_with_options(options).await?)
    }

    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.connection.clone().close().await
    }
}

impl Write<'_> {
    pub(crate) async fn commit(self) -> Result<(), CoreError> {
        Ok(self.tx.commit().await?)
    }
}

/// Now, cut to what both databases store alike.
pub(crate) fn now() -> Timestamp {
    let now = chrono::Utc::now();
    Timestamp::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
}

/// The text of a violated unique index: SQLite names table and column, PostgreSQL the index; ours contain both words.
pub(crate) fn unique_violation(error: &DbErr) -> Option<String> {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(text)) => Some(text),
        _ => None,
    }
}

impl From<DbErr> for CoreError {
    fn from(error: DbErr) -> Self {
        if is_away(&error) { Self::Unavailable(error.to_string()) } else { Self::Internal(error.to_string()) }
    }
}

/// Whether the database, rather than the statement, is the trouble.
fn is_away(error: &DbErr) -> bool {
    let runtime = match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return true,
        DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
        _ => return false,
    };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    match error.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // SQLite: 5 busy, 10 I/O error, 13 disk full (and their extended codes, in the higher bits).
        // PostgreSQL: 08 connection, 53 resources, 57 operator intervention (statement timeout among them).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| match code.parse::<u32>() {
            Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 10 | 13),
            _ => ["08", "53", "57"].iter().any(|class| code.starts_with(class)),
        }),
        _ => false,
    }
}
