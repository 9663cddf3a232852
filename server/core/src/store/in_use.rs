//! Who else works with a database.

use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr, Statement};
use std::time::Duration;

/// How often, and how often in time, it is looked whether those who have just left are gone.
const LEAVING: (u32, Duration) = (20, Duration::from_millis(100));

/// How many connections servers have to a PostgreSQL database, besides this one, which is not of a server. Of SQLite's none
/// are known; whoever serves has locked the data folder.
pub(crate) async fn connections_of_servers(tx: &DatabaseTransaction) -> Result<i64, DbErr> {
    if tx.get_database_backend() == DatabaseBackend::Sqlite {
        return Ok(0);
    }
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND application_name = 'switchboard' AND pid <> pg_backend_pid()";
    let mut connections = 0;
    for _ in 0..LEAVING.0 {
        // Within a transaction it is remembered otherwise.
        tx.execute_unprepared("SELECT pg_stat_clear_snapshot()").await?;
        let counted = tx.query_one_raw(Statement::from_string(DatabaseBackend::Postgres, others)).await?;
        connections = counted.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        if connections == 0 {
            return Ok(0);
        }
        tokio::time::sleep(LEAVING.1).await;
    }
    Ok(connections)
}
