//! News between the processes that share a PostgreSQL database, by its LISTEN and NOTIFY.
//!
//! What is told is which things are routed differently now; each process reads for itself how. Changes of rules are told
//! with the transaction that makes them, also by commands that serve nobody; those of tunnels by whoever serves. A process
//! whose connection was lost reads everything when it listens again, since it does not know what it missed.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use crate::store::Store;
use crate::{Change, Changes, Touched};

/// What it is called in PostgreSQL.
const CHANNEL: &str = "switchboard_routing";
/// The most that is told at once, bytes; PostgreSQL takes less than 8,000.
const MOST: usize = 7_000;
/// How long until a lost connection is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Tells the other processes on a PostgreSQL database that something is routed differently, once the transaction that
/// `connection` is has succeeded.
pub(crate) async fn tell(connection: &impl ConnectionTrait, changes: &Changes, touched: &Touched) -> Result<(), DbErr> {
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(());
    }
    let news = format!("{} {}", changes.process(), touched.to_text(MOST));
    let values = [CHANNEL.into(), news.into()];
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
            let mut touched = match changes.recv().await {
                Ok(Change::Tunnel(id)) => Touched::tunnel(id),
                Err(RecvError::Lagged(_)) => Touched::everything(),
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            };
            // Several changes in a row are one piece of news.
            loop {
                match changes.try_recv() {
                    Ok(Change::Tunnel(id)) => touched.add(Touched::tunnel(id)),
                    Ok(_) => {}
                    Err(TryRecvError::Lagged(_)) => touched.add(Touched::everything()),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            if let Err(error) = tell(self.store.read(), &self.changes, &touched).await {
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
                        let (process, touched) = news.payload().split_once(' ').unwrap_or((news.payload(), "*"));
                        if process != self.changes.process() {
                            self.changes.publish_touched(Change::Elsewhere, Touched::from_text(touched));
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
