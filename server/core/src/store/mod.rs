//! The database: connection, rows, and how its errors become ours. One file an aggregate.

mod batches;
mod connect;
mod convert;
mod in_use;
mod newest;
mod nowhere;
pub(crate) mod rows;
mod sqlite_file;
mod vault;
mod write;

use crate::CoreError;
pub(crate) use batches::batches;
pub(crate) use connect::{connect_alone, lock_migrations, open, steps};
pub(crate) use convert::{contains, parse, pattern, read_front, read_json, read_word, shared_front, write_json};
use domain::Timestamp;
pub(crate) use in_use::connections_of_servers;
pub(crate) use newest::{Newest, keep_newest, remove_in_steps};
pub(crate) use nowhere::nowhere_in;
use sea_orm::{
    AccessMode, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel, RuntimeErr, SqlErr,
    TransactionOptions, TransactionTrait, sqlx,
};
use std::sync::Arc;
pub(crate) use vault::{DIRECTIONS, NO_HEADERS, Vault, change_rows, change_values};
pub(crate) use write::Write;
use write::Writers;

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    connection: DatabaseConnection,
    writers: Writers,
    vault: Vault,
}

impl Store {
    /// `writer` is SQLite's connection for writing.
    pub(crate) fn new(connection: DatabaseConnection, writer: Option<DatabaseConnection>, vault: Vault) -> Self {
        Self { connection, writers: writer.map_or_else(|| Writers::Many(Arc::default()), Writers::One), vault }
    }

    /// What opens what is sealed in it.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// For reading.
    pub(crate) fn read(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// For reading several things as they are at one moment.
    pub(crate) async fn read_at_once(&self) -> Result<DatabaseTransaction, CoreError> {
        // SQLite does that in every transaction, and knows no other.
        let postgres = self.connection.get_database_backend() == DatabaseBackend::Postgres;
        let options = TransactionOptions {
            isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            ..Default::default()
        };
        Ok(self.connection.begin_with_options(options).await?)
    }

    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        if let Writers::One(writer) = &self.writers {
            writer.clone().close().await?;
        }
        self.connection.clone().close().await
    }
}

/// Now, cut to what both databases store alike.
pub(crate) fn now() -> Timestamp {
    in_millis(chrono::Utc::now())
}

/// A moment as both databases keep it.
pub(crate) fn in_millis(moment: Timestamp) -> Timestamp {
    Timestamp::from_timestamp_millis(moment.timestamp_millis()).unwrap_or(moment)
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
