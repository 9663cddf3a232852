//! Transactions that write, and how they wait for each other.

use super::Store;
use crate::{CoreError, resealing};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};

/// How long somebody waits for those before it, to write or for one of SQLite's connections: less than a request of the API
/// may take, and more than a hundred who want the same thing at the same moment need on a machine that is busy with something
/// else.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(20);

/// Any number that no other program on the same PostgreSQL server uses for its own locks.
const RULES_LOCK: i64 = 0x5357_4954_4348_0002;
/// The same for who administers.
const ACCOUNTS_LOCK: i64 = 0x5357_4954_4348_0003;

/// How those who write wait for each other. Whoever comes first writes first, and hears of its turn at once.
#[derive(Debug, Clone)]
pub(super) enum Writers {
    /// SQLite has one writer at a time and lets the others poll, so here is one connection that writes. It is not one of
    /// those that read: who has to wait for one of those with its turn to write makes everybody wait. And as a transaction
    /// that was given up is rolled back by the connection itself, the next one cannot come too early for it.
    One(DatabaseConnection),
    /// PostgreSQL has many.
    Many(Arc<Turns>),
}

/// Whose turn it is where PostgreSQL has one writer at a time. Who waits here has no connection yet: a few who wait for a
/// lock of PostgreSQL would otherwise have all of them, and whoever only reads would wait, too.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rules: Mutex<()>,
    accounts: Mutex<()>,
}

/// What one transaction at a time writes. Who needs both waits for accounts first.
#[derive(Debug, Clone, Copy)]
enum Alone {
    Rules,
    Accounts,
}

/// A transaction that writes; nothing of it happened unless [`commit`](Self::commit) returned.
pub(crate) struct Write<'a> {
    pub(crate) tx: DatabaseTransaction,
    /// Over when the transaction is, so they stay behind it.
    _turns: Vec<MutexGuard<'a, ()>>,
}

impl Alone {
    /// PostgreSQL's number for it, so that several processes wait for each other.
    fn lock(self) -> i64 {
        match self {
            Self::Rules => RULES_LOCK,
            Self::Accounts => ACCOUNTS_LOCK,
        }
    }
}

impl Turns {
    async fn wait(&self, alone: Alone) -> Result<MutexGuard<'_, ()>, CoreError> {
        let turn = match alone {
            Alone::Rules => &self.rules,
            Alone::Accounts => &self.accounts,
        };
        let waited = || CoreError::Unavailable(format!("waited {TURN_WAIT:?} for the turn to write"));
        tokio::time::timeout(TURN_WAIT, turn.lock()).await.map_err(|_| waited())
    }
}

impl Store {
    /// For writing.
    pub(crate) async fn write(&self) -> Result<Write<'_>, CoreError> {
        let tx = match &self.writers {
            // Immediate: a transaction that reads first and writes then would otherwise fail when another process wrote
            // meanwhile.
            Writers::One(writer) => {
                let immediate = Some(SqliteTransactionMode::Immediate);
                let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
                writer.begin_with_options(options).await?
            }
            Writers::Many(_) => self.connection.begin().await?,
        };
        Ok(Write { tx, _turns: Vec::new() })
    }

    /// For writing what is routed by: one such transaction at a time, also when several processes share the database, so
    /// that what was looked at before it is written cannot change in between.
    pub(crate) async fn write_rules(&self) -> Result<Write<'_>, CoreError> {
        self.write_alone(&[Alone::Rules]).await
    }

    /// The same for roles and states of accounts, so that there is always an administrator.
    pub(crate) async fn write_accounts(&self) -> Result<Write<'_>, CoreError> {
        self.write_alone(&[Alone::Accounts]).await
    }

    /// For writing what is sealed, with the key that everything else is sealed with; see [`resealing::claim`].
    ///
    /// # Errors
    /// `Internal` when that is not this server's.
    pub(crate) async fn write_sealed(&self) -> Result<Write<'_>, CoreError> {
        let write = self.write_rules().await?;
        self.claim_key(&write).await?;
        Ok(write)
    }

    /// The same for accounts.
    pub(crate) async fn write_sealed_accounts(&self) -> Result<Write<'_>, CoreError> {
        let write = self.write_alone(&[Alone::Accounts, Alone::Rules]).await?;
        self.claim_key(&write).await?;
        Ok(write)
    }

    async fn claim_key(&self, write: &Write<'_>) -> Result<(), CoreError> {
        resealing::claim(&write.tx, &self.vault).await
    }

    /// Waits for all of these, in their order, so that nobody waits in a circle.
    async fn write_alone(&self, alone: &[Alone]) -> Result<Write<'_>, CoreError> {
        let Writers::Many(turns) = &self.writers else { return self.write().await };
        let mut mine = Vec::with_capacity(alone.len());
        for one in alone {
            mine.push(turns.wait(*one).await?);
        }
        let write = self.write().await?;
        for one in alone {
            write.tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({})", one.lock())).await?;
        }
        Ok(Write { _turns: mine, ..write })
    }
}

impl Write<'_> {
    pub(crate) async fn commit(self) -> Result<(), CoreError> {
        Ok(self.tx.commit().await?)
    }
}
