//! Opening the database.

use super::Store;
use crate::{DatabaseUrl, OpenError};
use migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, TransactionTrait,
    sqlx::{
        ConnectOptions as _, Connection,
        postgres::PgConnectOptions,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use sea_orm_migration::MigratorTrait;
use std::{path::Path, time::Duration};

/// Any number that no other program on the same PostgreSQL server uses for its own locks.
const MIGRATION_LOCK: i64 = 0x5357_4954_4348_0001;

/// Connects and brings the tables up to date.
pub(crate) async fn open(url: &DatabaseUrl) -> Result<Store, OpenError> {
    let connection = match (url.sqlite_path(), url.postgres_url()) {
        (Some(path), _) => sqlite(path).await?,
        (None, Some(address)) => postgres(url, address.as_str()).await?,
        (None, None) => unreachable!("a database is one of the two"),
    };
    migrate(&connection)
        .await
        .map_err(|error| OpenError::Migration { url: url.to_string(), cause: error.to_string() })?;
    Ok(Store::new(connection))
}

async fn sqlite(path: &Path) -> Result<DatabaseConnection, OpenError> {
    let not_writable = |cause: String| OpenError::NotWritable { path: path.display().to_string(), cause };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(folder).await.map_err(|error| not_writable(error.to_string()))?;
    }
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        // Readers beside one writer; each connection is a thread.
        .max_connections(8)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        // SQLite ends a transaction by itself when the disk is full, and the driver goes on counting it: what would be
        // transactions then are steps within one that never ends and holds up everybody else.
        .map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .map_sqlx_sqlite_opts(move |options| {
            options
                .in_memory(false)
                .shared_cache(false)
                .filename(&file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was answered with success also survives a power cut. Writes are few (traffic is stored every ten
                // seconds, uses are noted once a minute), so waiting for the disk costs nothing that is felt.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(5))
        });
    let connection = Database::connect(options).await.map_err(|error| not_writable(error.to_string()))?;
    // A file that can be read but not written opens well; this is the first to notice.
    connection.execute_unprepared("PRAGMA user_version = 0").await.map_err(|error| not_writable(error.to_string()))?;
    Ok(connection)
}

async fn postgres(url: &DatabaseUrl, address: &str) -> Result<DatabaseConnection, OpenError> {
    let mut options = ConnectOptions::new(address);
    options
        .max_connections(16)
        .min_connections(1)
        .connect_timeout(Duration::from_secs(5))
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(300))
        .statement_timeout(Duration::from_secs(10))
        .set_application_name("switchboard")
        .sqlx_logging(false)
        // That a table of migrations is there already is no news, least of all to who runs a command.
        .map_sqlx_postgres_opts(|options| options.options([("client_min_messages", "warning")]));
    let unreachable = |cause: String| OpenError::Unreachable { url: url.to_string(), cause };
    // A pool goes on trying and then only says that it waited; one connection says at once what is wrong.
    let probe = address.parse::<PgConnectOptions>().map_err(|error| unreachable(error.to_string()))?;
    match tokio::time::timeout(Duration::from_secs(5), probe.connect()).await {
        Ok(connected) => connected.map_err(|error| unreachable(error.to_string()))?.close().await,
        Err(_) => return Err(unreachable("no answer within 5 s".into())),
    }
    .map_err(|error| unreachable(error.to_string()))?;
    Database::connect(options).await.map_err(|error| unreachable(error.to_string()))
}

async fn migrate(connection: &DatabaseConnection) -> Result<(), DbErr> {
    if connection.get_database_backend() == sea_orm::DatabaseBackend::Sqlite {
        return Migrator::up(connection, None).await;
    }
    // Several processes may start at once; the steps are one transaction, and one process makes them.
    let transaction = connection.begin().await?;
    transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}
