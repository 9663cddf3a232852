//! Restoring a backup.

use super::{
    BackupError,
    file::{Line, Reader},
    schema::{Schema, Table, count},
};
use crate::{
    DatabaseUrl,
    store::{self, batches},
};
use chrono::{DateTime, Utc};
use migrations::Migrator;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait, Value,
    sea_query::{Alias, Expr, Query},
};
use sea_orm_migration::MigratorTrait;
use std::path::Path;

/// How many rows are written at once, and how many bytes of the file they may be.
const BATCH: (usize, usize) = (64, 4 * 1024 * 1024);

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made.
    pub at: DateTime<Utc>,
    /// Rows of all tables.
    pub rows: u64,
    /// How many tables there are.
    pub tables: usize,
}

/// Makes a database what a backup says, and brings its tables up to date. The file is read to its end before anything is
/// touched, and all that happens then is one transaction. What is in the database already stays, unless it has no accounts,
/// or `replace` says that it is to go.
///
/// # Errors
/// See [`BackupError`].
pub async fn restore(url: &DatabaseUrl, path: &Path, replace: bool) -> Result<Restored, BackupError> {
    let mut reader = Reader::open(path)?;
    let header = reader.header.clone();
    let schema = Schema::of(&header.steps, || path.display().to_string()).await?;
    read(&mut reader, &schema, None).await?;

    let connection = store::connect_alone(url, true).await?;
    let sqlite = connection.get_database_backend() == DatabaseBackend::Sqlite;
    let options = TransactionOptions {
        sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let tx = connection.begin_with_options(options).await?;
    if !sqlite {
        store::lock_migrations(&tx).await?;
        // A server goes on with what it has in memory, and would store that.
        match store::connections_of_servers(&tx).await? {
            0 => {}
            connections => return Err(BackupError::InUse { url: url.to_string(), connections }),
        }
    }
    remove(&tx, url, replace).await?;
    Migrator::up(&tx, Some(count(&header.steps))).await?;
    let mut reader = reader.again()?;
    let rows = read(&mut reader, &schema, Some(&tx)).await?;
    Migrator::up(&tx, None).await?;
    tx.commit().await?;
    connection.close().await?;
    Ok(Restored { at: header.at, rows, tables: schema.tables.len() })
}

/// Removes the tables that are there.
async fn remove(tx: &DatabaseTransaction, url: &DatabaseUrl, replace: bool) -> Result<(), BackupError> {
    let steps = store::steps(tx).await?;
    if steps.is_empty() {
        return Ok(());
    }
    let there = Schema::of(&steps, || format!("the database {url}")).await?;
    let accounts = Statement::from_string(tx.get_database_backend(), "SELECT 1 FROM users LIMIT 1");
    if !replace && tx.query_one_raw(accounts).await?.is_some() {
        return Err(BackupError::NotEmpty { url: url.to_string() });
    }
    for table in there.tables.iter().rev() {
        tx.execute_unprepared(&format!("DROP TABLE \"{}\"", table.name)).await?;
    }
    tx.execute_unprepared("DROP TABLE seaql_migrations").await?;
    Ok(())
}

/// Reads all tables and their rows, and has them written when there is somewhere; how many rows there are.
async fn read(reader: &mut Reader, schema: &Schema, into: Option<&DatabaseTransaction>) -> Result<u64, BackupError> {
    let mut expected = schema.tables.iter();
    let mut batch: Option<Batch<'_>> = None;
    let mut count = 0;
    loop {
        match reader.next()? {
            Line::Table { name, columns } => {
                let table = expected
                    .next()
                    .filter(|table| table.name == name && table.columns.iter().map(|column| &column.name).eq(&columns));
                let table =
                    table.ok_or_else(|| reader.damaged(format!("it has another table {name} than its version")))?;
                if let Some(batch) = batch.replace(Batch { table, rows: Vec::new(), bytes: 0 }) {
                    batch.write(into).await?;
                }
            }
            Line::Row(values) => {
                let Some(batch) = &mut batch else { return Err(reader.damaged("a row belongs to no table")) };
                let row = batch.row(&values);
                batch.rows.push(row.ok_or_else(|| reader.damaged(format!("a row of {} is none", batch.table.name)))?);
                batch.bytes += reader.line_length();
                count += 1;
                if batch.rows.len() == BATCH.0 || batch.bytes >= BATCH.1 {
                    let table = batch.table;
                    std::mem::replace(batch, Batch { table, rows: Vec::new(), bytes: 0 }).write(into).await?;
                }
            }
            Line::End => {
                if let Some(batch) = batch {
                    batch.write(into).await?;
                }
                return match expected.next() {
                    None => Ok(count),
                    Some(table) => Err(reader.damaged(format!("the table {} is missing", table.name))),
                };
            }
        }
    }
}

/// Rows of one table that wait to be written.
struct Batch<'a> {
    table: &'a Table,
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Batch<'_> {
    fn row(&self, values: &[serde_json::Value]) -> Option<Vec<Value>> {
        let columns = &self.table.columns;
        if columns.len() != values.len() {
            return None;
        }
        columns.iter().zip(values).map(|(column, value)| column.kind.parse(value)).collect()
    }

    async fn write(self, into: Option<&DatabaseTransaction>) -> Result<(), DbErr> {
        let Some(tx) = into else { return Ok(()) };
        for rows in batches(&self.rows) {
            let mut insert = Query::insert();
            insert.into_table(Alias::new(&self.table.name));
            insert.columns(self.table.columns.iter().map(|column| Alias::new(&column.name)));
            for row in rows {
                let values = row.iter().cloned().map(Expr::val);
                insert.values(values).map_err(|error| DbErr::Custom(error.to_string()))?;
            }
            tx.execute(&insert).await?;
        }
        Ok(())
    }
}
