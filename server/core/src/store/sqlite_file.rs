//! The file of a SQLite database: made as a whole, and looked at before anything relies on it.

use crate::OpenError;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, RuntimeErr, Statement,
    sqlx::{
        self, ConnectOptions as _, Connection,
        sqlite::{SqliteConnectOptions, SqliteJournalMode},
    },
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// How every SQLite file begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Large, and what is damaged in them concerns nothing else: recorded exchanges.
const NOT_CHECKED: [&str; 3] = ["tunnel_requests", "request_contents", "request_messages"];

/// Makes the file when it is missing, and refuses what is there and is no database. SQLite itself takes an empty file for a
/// new database; but ours are never empty, so such a file has lost what was in it.
pub(super) async fn prepare(path: &Path) -> Result<(), OpenError> {
    let damaged = |cause: &str| OpenError::Damaged { path: path.display().to_string(), cause: cause.to_owned() };
    let mut start = Vec::new();
    let opened = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        if metadata.is_file() {
            file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
        }
        Ok(metadata)
    });
    match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if beside(path, "-wal").exists() {
                return Err(damaged("it is missing, while the file of what was last written to it is there"));
            }
            make(path).await.map_err(|error| not_writable(path, &error))
        }
        Err(error) => Err(not_writable(path, &error)),
        Ok(metadata) if metadata.is_dir() => Err(not_writable(path, &io::Error::from(ErrorKind::IsADirectory))),
        Ok(_) if start.is_empty() => Err(damaged("it is empty, and was not when it was made")),
        Ok(_) if start != MAGIC => Err(damaged("it does not begin like an SQLite database")),
        Ok(_) => Ok(()),
    }
}

/// The file gets its name only when it is a database, and only when there is none. Nobody else may read it.
async fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let draft = beside(path, &format!(".new-{}", std::process::id()));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let options = SqliteConnectOptions::new().filename(&draft).journal_mode(SqliteJournalMode::Wal);
    let made = async { options.connect().await?.close().await };
    let made = made.await.map_err(io::Error::other).and_then(|()| File::open(&draft)?.sync_all());
    let named = made.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    named.and(removed)
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(what);
    name.into()
}

/// Reads the tables that the server cannot do without.
pub(super) async fn check(path: &Path, connection: &DatabaseConnection) -> Result<(), OpenError> {
    let ask = |what: String| Statement::from_string(DatabaseBackend::Sqlite, what);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let found = async {
        for row in connection.query_all_raw(ask(tables.into())).await? {
            let table: String = row.try_get_by_index(0)?;
            if NOT_CHECKED.contains(&table.as_str()) {
                continue;
            }
            let checked = connection.query_one_raw(ask(format!("PRAGMA quick_check(\"{table}\")"))).await?;
            let said: String = checked.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
            if said != "ok" {
                return Ok(Some(format!("table {table}: {}", said.replace('\n', "; "))));
            }
        }
        Ok(None)
    };
    match found.await {
        Ok(None) => Ok(()),
        Ok(Some(cause)) => Err(OpenError::Damaged { path: path.display().to_string(), cause }),
        Err(error) => Err(refused(path, &error)),
    }
}

/// What is meant when SQLite does not open or read it.
pub(super) fn refused(path: &Path, error: &DbErr) -> OpenError {
    if is_damage(error) {
        return OpenError::Damaged { path: path.display().to_string(), cause: error.to_string() };
    }
    not_writable(path, error)
}

/// SQLite: 11 malformed, 26 not a database (and their extended codes, in the higher bits).
fn is_damage(error: &DbErr) -> bool {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else { return false };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    let sqlx::Error::Database(error) = error.as_ref() else { return false };
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

fn not_writable(path: &Path, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::NotWritable { path: path.display().to_string(), cause: error.to_string() }
}
