//! Opening the database.

use super::{Store, Vault, sqlite_file, write::TURN_WAIT};
use crate::{DatabaseUrl, OpenError};
use migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
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
pub(crate) async fn open(url: &DatabaseUrl, vault: Vault) -> Result<Store, OpenError> {
    let (connection, writer) = match (url.sqlite_path(), url.postgres_url()) {
        (Some(path), _) => {
            let (readers, writer) = sqlite(path, url).await?;
            (readers, Some(writer))
        }
        (None, Some(address)) => (postgres(url, address.as_str(), serving).await?, None),
        (None, None) => unreachable!("a database is one of the two"),
    };
    migrate(writer.as_ref().unwrap_or(&connection), url).await?;
    Ok(Store::new(connection, writer, vault))
}

/// One connection for work that takes as long as it takes. The tables stay as they are. A SQLite file that is missing is
/// made only when told to.
pub(crate) async fn connect_alone(url: &DatabaseUrl, make: bool) -> Result<DatabaseConnection, OpenError> {
    match (url.sqlite_path(), url.postgres_url()) {
        (Some(path), _) => {
            if !make && !path.exists() {
                return Err(OpenError::Missing { path: path.display().to_string() });
            }
            sqlite_file::prepare(path).await?;
            let mut options = sqlite_options(path, Access::Write);
            options.max_connections(1);
            Database::connect(options).await.map_err(|error| sqlite_file::refused(path, &error))
        }
        (None, Some(address)) => {
            postgres(url, address.as_str(), |options| {
                options.max_connections(1).set_application_name("switchboard backup");
            })
            .await
        }
        (None, None) => unreachable!("a database is one of the two"),
    }
}

/// The connections that read, and the one that writes.
async fn sqlite(path: &Path, url: &DatabaseUrl) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
    sqlite_file::prepare(path).await?;
    let refused = |error| sqlite_file::refused(path, &error);
    // What is refused stays as it is: a connection that may write brings what was written last into the file when it ends.
    let reader = Database::connect(sqlite_options(path, Access::Read)).await.map_err(refused)?;
    let checked = match sqlite_file::check(path, &reader).await {
        Ok(()) => refuse_newer(&reader, url).await.map_err(|error| match error {
            MigrationRefused::Newer(error) => error,
            MigrationRefused::Failed(error) => refused(error),
        }),
        damaged => damaged,
    };
    let closed = reader.close().await.map_err(refused);
    checked.and(closed)?;
    let mut writing = sqlite_options(path, Access::Write);
    writing.max_connections(1);
    let writer = Database::connect(writing).await.map_err(refused)?;
    // A file that can be read but not written opens well; this is the first to notice.
    writer.execute_unprepared("PRAGMA user_version = 0").await.map_err(refused)?;
    let readers = Database::connect(sqlite_options(path, Access::Write)).await.map_err(refused)?;
    Ok((readers, writer))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

fn sqlite_options(path: &Path, access: Access) -> ConnectOptions {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        // Each connection is a thread.
        .max_connections(8)
        .min_connections(1)
        .acquire_timeout(TURN_WAIT)
        // There is no network in which a connection could get lost, and asking costs two changes of threads.
        .test_before_acquire(false)
        .sqlx_logging(false)
        // SQLite ends a transaction by itself when the disk is full, and the driver goes on counting it: what would be
        // transactions then are steps within one that never ends and holds up everybody else.
        .map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .map_sqlx_sqlite_opts(move |options| {
            let options = options
                .in_memory(false)
                .shared_cache(false)
                .filename(&file)
                .create_if_missing(false)
                .busy_timeout(Duration::from_secs(5));
            if access == Access::Read {
                return options.read_only(true);
            }
            options
                .journal_mode(SqliteJournalMode::Wal)
                // What was answered with success also survives a power cut. Writes are few (traffic is stored every ten
                // seconds, uses are noted once a minute), so waiting for the disk costs nothing that is felt.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
        });
    options
}

/// For a server: several connections, and no statement may hold one up.
fn serving(options: &mut ConnectOptions) {
    options
        .max_connections(16)
        .idle_timeout(Duration::from_secs(300))
        .statement_timeout(Duration::from_secs(10))
        .set_application_name("switchboard");
}

async fn postgres(
    url: &DatabaseUrl,
    address: &str,
    purpose: impl FnOnce(&mut ConnectOptions),
) -> Result<DatabaseConnection, OpenError> {
    let mut options = ConnectOptions::new(address);
    options
        .min_connections(1)
        .connect_timeout(Duration::from_secs(5))
        .acquire_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        // That a table of migrations is there already is no news, least of all to who runs a command.
        .map_sqlx_postgres_opts(|options| options.options([("client_min_messages", "warning")]));
    purpose(&mut options);
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

async fn migrate(connection: &DatabaseConnection, url: &DatabaseUrl) -> Result<(), OpenError> {
    let migrated = async {
        // One transaction, so that whatever ends it leaves tables that the next start knows; several processes may start
        // at once, and one of them makes the steps.
        let sqlite = connection.get_database_backend() == DatabaseBackend::Sqlite;
        let options = TransactionOptions {
            sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = connection.begin_with_options(options).await?;
        if !sqlite {
            lock_migrations(&transaction).await?;
        }
        refuse_newer(&transaction, url).await?;
        Migrator::up(&transaction, None).await?;
        Ok(transaction.commit().await?)
    };
    migrated.await.map_err(|refused| match refused {
        MigrationRefused::Newer(error) => error,
        MigrationRefused::Failed(error) => OpenError::Migration { url: url.to_string(), cause: error.to_string() },
    })
}

enum MigrationRefused {
    Newer(OpenError),
    Failed(DbErr),
}

impl From<DbErr> for MigrationRefused {
    fn from(error: DbErr) -> Self {
        Self::Failed(error)
    }
}

/// Until the end of the transaction, nobody else changes the tables of a PostgreSQL database.
pub(crate) async fn lock_migrations(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await.map(drop)
}

/// Tables that a later version has changed may mean something else than this one thinks.
async fn refuse_newer(connection: &impl ConnectionTrait, url: &DatabaseUrl) -> Result<(), MigrationRefused> {
    let known = Migrator::migrations();
    let unknown = steps(connection).await?.into_iter().find(|step| known.iter().all(|known| known.name() != step));
    let Some(step) = unknown else { return Ok(()) };
    Err(MigrationRefused::Newer(OpenError::Newer { url: url.to_string(), step }))
}

/// The steps of the migrations that a database has, in their order; none when it has no tables of ours.
pub(crate) async fn steps(connection: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = connection.get_database_backend();
    let there = match backend {
        DatabaseBackend::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'",
        _ => "SELECT 1 FROM (SELECT to_regclass('seaql_migrations') AS found) t WHERE found IS NOT NULL",
    };
    if connection.query_one_raw(Statement::from_string(backend, there)).await?.is_none() {
        return Ok(Vec::new());
    }
    let all = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = connection.query_all_raw(Statement::from_string(backend, all)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
