//! News between the processes that share a PostgreSQL database, by its LISTEN and NOTIFY.
//!
//! What is told is only that something is routed differently now: each process reads for itself what. Changes of rules are
//! told with the transaction that makes them, also by commands that serve nobody; those of tunnels by whoever serves. News
//! that get lost cost no more than the time until the routing table is read anew anyhow.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::store::Store;
use crate::{Change, Changes};

/// What it is called in PostgreSQL.
const CHANNEL: &str = "switchboard_routing";
/// How long until a lost connection is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Tells the other processes on a PostgreSQL database that something is routed differently, once the transaction that
/// `connection` is has succeeded.
pub(crate) async fn tell(connection: &impl ConnectionTrait, changes: &Changes) -> Result<(), DbErr> {
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(());
    }
    let values = [CHANNEL.into(), changes.process().into()];
    let notify = Statement::from_sql_and_values(DatabaseBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    connection.execute_raw(notify).await.map(drop)
}

/// Tells other processes of changes, and this one of theirs.
#[derive(Debug)]
pub(crate) struct News {
    store: Store,
    changes: Changes,
}

impl News {
    pub(crate) fn new(store: Store, changes: Changes) -> Self {
        Self { store, changes }
    }

    /// Tells and listens until `stop`. With SQLite there is nobody else.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        if self.store.read().get_database_backend() != DatabaseBackend::Postgres {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.tell() => {}
            () = self.listen() => {}
        }
    }

    async fn tell(&self) {
        let mut changes = self.changes.subscribe();
        loop {
            match changes.recv().await {
                Ok(Change::Tunnel(_)) | Err(RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            }
            // Several changes in a row are one piece of news.
            while changes.try_recv().is_ok() {}
            if let Err(error) = tell(self.store.read(), &self.changes).await {
                tracing::debug!(%error, "other nodes were not told of a change; they read anew at their interval");
            }
        }
    }

    async fn listen(&self) {
        loop {
            let listened = async {
                let mut listener = PgListener::connect_with(self.store.read().get_postgres_connection_pool()).await?;
                listener.listen(CHANNEL).await?;
                loop {
                    // Whatever was told while nobody listened is read now.
                    self.changes.publish(Change::Elsewhere);
                    while let Some(news) = listener.try_recv().await? {
                        if news.payload() != self.changes.process() {
                            self.changes.publish(Change::Elsewhere);
                        }
                    }
                }
            };
            let ended: Result<(), sea_orm::sqlx::Error> = listened.await;
            if let Err(error) = ended {
                tracing::debug!(%error, "the database does not tell of other nodes' changes; it is tried again");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
