//! Which tables there are and what their columns hold, read from a database in memory that the migrations have made.

use super::{BackupError, values::Kind};
use migrations::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait;

/// The tables after some of the migrations.
#[derive(Debug)]
pub(super) struct Schema {
    /// The migrations that made them.
    pub(super) steps: Vec<String>,
    /// Each comes after those that its rows refer to.
    pub(super) tables: Vec<Table>,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of its key, in their order.
    pub(super) key: Vec<String>,
    refers_to: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Schema {
    /// The tables as these migrations leave them, which must be the first of those that this version knows.
    ///
    /// # Errors
    /// [`BackupError::Newer`] when there are others; `what` says what they are of.
    pub(super) async fn of(steps: &[String], what: impl FnOnce() -> String) -> Result<Self, BackupError> {
        let known = Migrator::migrations();
        let known: Vec<_> = known.iter().map(|step| step.name()).collect();
        if let Some((_, step)) = steps.iter().enumerate().find(|(at, step)| known.get(*at) != Some(&step.as_str())) {
            return Err(BackupError::Newer { what: what(), step: step.clone() });
        }
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1).min_connections(1).sqlx_logging(false);
        let made = Database::connect(options).await?;
        Migrator::up(&made, Some(count(steps))).await?;
        let mut tables = Vec::new();
        let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                     AND name <> 'seaql_migrations' ORDER BY name";
        for row in made.query_all_raw(Statement::from_string(DatabaseBackend::Sqlite, names)).await? {
            tables.push(Table::read(&made, row.try_get_by_index(0)?).await?);
        }
        made.close().await?;
        Ok(Self { steps: steps.to_vec(), tables: sorted(tables)? })
    }
}

/// How many steps those are.
pub(super) fn count(steps: &[String]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

impl Table {
    async fn read(made: &impl ConnectionTrait, name: String) -> Result<Self, DbErr> {
        let ask = |what: &str| Statement::from_sql_and_values(DatabaseBackend::Sqlite, what, [name.clone().into()]);
        let (mut columns, mut key) = (Vec::new(), Vec::new());
        for row in made.query_all_raw(ask("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid")).await? {
            let (column, declared): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let kind = Kind::declared(&declared).ok_or_else(|| {
                DbErr::Custom(format!("{name}.{column} holds {declared}, which has no place in a backup"))
            })?;
            let place: i64 = row.try_get_by_index(2)?;
            if place > 0 {
                key.push((place, column.clone()));
            }
            columns.push(Column { name: column, kind });
        }
        key.sort();
        let mut refers_to = Vec::new();
        for row in made.query_all_raw(ask("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)")).await? {
            refers_to.push(row.try_get_by_index(0)?);
        }
        Ok(Self { name, columns, key: key.into_iter().map(|(_, column)| column).collect(), refers_to })
    }
}

/// Each after those that it refers to, and otherwise by name.
fn sorted(mut rest: Vec<Table>) -> Result<Vec<Table>, DbErr> {
    let mut tables: Vec<Table> = Vec::new();
    while !rest.is_empty() {
        let there = |name: &String| tables.iter().any(|table| table.name == *name);
        let Some(next) = rest.iter().position(|table| table.refers_to.iter().all(there)) else {
            let names: Vec<_> = rest.iter().map(|table| table.name.as_str()).collect();
            return Err(DbErr::Custom(format!("the tables {} refer to each other", names.join(", "))));
        };
        tables.push(rest.remove(next));
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Whoever adds a table with what backups cannot hold is told here.
    #[tokio::test]
    async fn every_table_of_every_step_fits_in_a_backup() {
        let all: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        for steps in 1..=all.len() {
            let schema = Schema::of(&all[..steps], String::new).await.unwrap();
            assert!(schema.tables.iter().any(|table| table.name == "users"));
            for table in &schema.tables {
                assert!(!table.key.is_empty(), "{} has no key", table.name);
                let counts = table
                    .columns
                    .iter()
                    .any(|column| table.key == [column.name.clone()] && column.kind == Kind::Integer);
                assert!(!counts, "{}: a key that the database counts would begin anew after a restore", table.name);
            }
        }
    }

    #[tokio::test]
    async fn steps_that_are_not_known_are_newer() {
        for steps in [vec!["m30000101_000001_unknown"], vec!["m20260801_000001_accounts", "m30000101_000001_unknown"]] {
            let steps: Vec<_> = steps.into_iter().map(str::to_owned).collect();
            let refused = Schema::of(&steps, || "it".into()).await.unwrap_err();
            assert!(
                matches!(&refused, BackupError::Newer { step, .. } if step == "m30000101_000001_unknown"),
                "{refused}"
            );
        }
    }
}
