//! News between the processes that share a PostgreSQL database, by its LISTEN and NOTIFY.
//!
//! What is told is which things are routed differently now; each process reads for itself how. Changes of rules are told
//! with the transaction that makes them, also by commands that serve nobody; those of tunnels by whoever serves. A process
//! whose connection was lost reads everything when it listens again, since it does not know what it missed.
//!
//! Which tokens, sessions and accounts have ended is told with the transaction that ended them, so that whoever uses them is
//! sent away everywhere at once. (What such news a process missed it finds when it reads everything.)
//!
//! What the recorder has recorded is told beside it, for those who watch requests at another process.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use crate::store::Store;
use crate::{Change, Changes, Inspector, Touched};

/// What it is called in PostgreSQL.
const CHANNEL: &str = "switchboard_routing";
/// What news of recorded exchanges is called.
pub(crate) const EXCHANGES: &str = "switchboard_exchanges";
/// What news of ended tokens, sessions and accounts is called.
const ENDED: &str = "switchboard_ended";
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
    notify(connection, CHANNEL, format!("{} {}", changes.process(), touched.to_text(MOST))).await
}

/// Tells the other processes on a PostgreSQL database that a token, sessions or an account have ended, once the
/// transaction that `connection` is has succeeded. Of other changes nothing is told.
pub(crate) async fn tell_of(connection: &impl ConnectionTrait, changes: &Changes, change: Change) -> Result<(), DbErr> {
    let told = match change {
        Change::TokenRevoked(id) => format!("token {id}"),
        Change::UserSessionsEnded(id) => format!("sessions {id}"),
        Change::AccountDeactivated(id) => format!("account {id}"),
        Change::Tunnel(_) | Change::Routing | Change::Elsewhere | Change::Presence(_) => return Ok(()),
    };
    if connection.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(());
    }
    notify(connection, ENDED, format!("{} {told}", changes.process())).await
}

/// What another process has told with [`tell_of`].
fn ended(told: &str) -> Option<Change> {
    let (what, id) = told.split_once(' ')?;
    match what {
        "token" => id.parse().ok().map(Change::TokenRevoked),
        "sessions" => id.parse().ok().map(Change::UserSessionsEnded),
        "account" => id.parse().ok().map(Change::AccountDeactivated),
        _ => None,
    }
}

/// Tells whoever listens to `channel` on a PostgreSQL database.
pub(crate) async fn notify(connection: &impl ConnectionTrait, channel: &str, news: String) -> Result<(), DbErr> {
    let values = [channel.into(), news.into()];
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
    pub(crate) async fn run(&self, inspector: &Inspector, stop: CancellationToken) {
        if self.store.read().get_database_backend() != DatabaseBackend::Postgres {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.tell() => {}
            () = inspector.tell_others() => {}
            () = self.listen(inspector) => {}
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

    async fn listen(&self, inspector: &Inspector) {
        loop {
            let listened = async {
                let mut listener = PgListener::connect_with(self.store.read().get_postgres_connection_pool()).await?;
                listener.listen_all([CHANNEL, EXCHANGES, ENDED]).await?;
                loop {
                    // Whatever was told while nobody listened is read now.
                    self.changes.publish(Change::Elsewhere);
                    inspector.heard_nothing();
                    while let Some(news) = listener.try_recv().await? {
                        let (process, told) = news.payload().split_once(' ').unwrap_or((news.payload(), "*"));
                        if process == self.changes.process() {
                            continue;
                        }
                        match news.channel() {
                            EXCHANGES => inspector.heard(told),
                            ENDED => ended(told).into_iter().for_each(|change| self.changes.publish(change)),
                            _ => self.changes.publish_touched(Change::Elsewhere, Touched::from_text(told)),
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
