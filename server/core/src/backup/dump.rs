//! Taking a backup.

use super::{
    BackupError,
    file::{Header, Writer},
    schema::{Schema, Table},
};
use crate::{DatabaseUrl, store};
use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseBackend, DatabaseTransaction, IsolationLevel, Statement, StreamTrait,
    TransactionOptions, TransactionTrait,
};
use std::path::Path;

/// What was backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Rows of all tables.
    pub rows: u64,
    /// How many tables there are.
    pub tables: usize,
    /// The size of the file, bytes.
    pub bytes: u64,
}

/// Writes all that a database holds into a file, as it is at one moment. Servers may go on working with it. The file gets
/// its name when all of it is on the disk, and a backup that had that name is there until then.
///
/// # Errors
/// See [`BackupError`]; there is no file then.
pub async fn back_up(url: &DatabaseUrl, path: &Path) -> Result<BackedUp, BackupError> {
    let connection = store::connect_alone(url, false).await?;
    let postgres = connection.get_database_backend() == DatabaseBackend::Postgres;
    let options = TransactionOptions {
        isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
        access_mode: postgres.then_some(AccessMode::ReadOnly),
        ..Default::default()
    };
    let tx = connection.begin_with_options(options).await?;
    let steps = store::steps(&tx).await?;
    if steps.is_empty() {
        return Err(BackupError::Nothing { url: url.to_string() });
    }
    let schema = Schema::of(&steps, || format!("the database {url}")).await?;
    let mut writer = Writer::create(path, Header::new(schema.steps))?;
    for table in &schema.tables {
        dump(&tx, table, &mut writer).await?;
    }
    tx.commit().await?;
    connection.close().await?;
    let rows = writer.rows;
    Ok(BackedUp { rows, tables: schema.tables.len(), bytes: writer.finish()? })
}

/// Its rows in the order of their keys, so that of the same rows the same file is made.
async fn dump(tx: &DatabaseTransaction, table: &Table, writer: &mut Writer) -> Result<(), BackupError> {
    let backend = ConnectionTrait::get_database_backend(tx);
    let columns = table.columns.iter().map(|column| match column.kind.as_read() {
        Some(read) if backend == DatabaseBackend::Postgres => format!("\"{}\"::{read}", column.name),
        _ => format!("\"{}\"", column.name),
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let key: Vec<_> = table.key.iter().map(|column| format!("\"{column}\"")).collect();
    let all = format!("SELECT {columns} FROM \"{}\" ORDER BY {}", table.name, key.join(", "));
    writer.table(&table.name, table.columns.iter().map(|column| column.name.clone()).collect())?;
    let mut rows = tx.stream_raw(Statement::from_string(backend, all)).await?;
    while let Some(row) = rows.try_next().await? {
        let values = table.columns.iter().enumerate().map(|(index, column)| column.kind.read(&row, index));
        writer.row(&values.collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(())
}
