//! Ends sessions whose token is good no more.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::TokenId;
use server_core::{Change, Services};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Registry;

/// How soon it is looked again when the database did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks at tokens when they change. While the database does not answer, sessions go on.
#[derive(Debug)]
pub struct TokenWatch {
    services: Services,
    registry: Arc<Registry>,
    /// How often all tokens that have sessions are looked at: what another node has told may have been lost.
    all_every: Duration,
    asked: Mutex<BTreeSet<TokenId>>,
    news: Notify,
}

impl TokenWatch {
    /// Of these sessions; of all of them every so often.
    pub fn new(services: Services, registry: Arc<Registry>, all_every: Duration) -> Self {
        Self { services, registry, all_every, asked: Mutex::default(), news: Notify::new() }
    }

    /// A session of this token may have been overlooked.
    pub fn ask(&self, token: TokenId) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(token);
        self.news.notify_one();
    }

    /// Looks until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = self.look() => {}
        }
    }

    /// Asks about all that changes.
    async fn follow(&self) {
        let mut changes = self.services.changes().subscribe();
        let mut all = tokio::time::interval(self.all_every);
        let mut is_soon = false;
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                _ = all.tick() => {
                    is_soon = false;
                    self.registry.tokens().into_iter().for_each(|id| self.ask(id));
                    continue;
                }
            };
            match change {
                Ok(Change::TokenRevoked(id)) => self.ask(id),
                Ok(Change::AccountDeactivated(id)) => {
                    // Also for whoever is about to join.
                    self.registry.look_at_tokens();
                    self.registry.tokens_of(id).into_iter().for_each(|id| self.ask(id));
                }
                // Something may have been missed. It is told often, so all of them are looked at a moment later, once.
                Ok(Change::Elsewhere) | Err(RecvError::Lagged(_)) => {
                    if !std::mem::replace(&mut is_soon, true) {
                        all.reset_after(AGAIN.min(self.all_every));
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn look(&self) {
        loop {
            self.news.notified().await;
            let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
            // Before anything is read: whoever joins from now on sees that it was looked.
            self.registry.look_at_tokens();
            let ids: Vec<_> = asked.into_iter().collect();
            match self.services.tokens().standing(&ids).await {
                Ok(standing) => {
                    for (id, standing) in standing {
                        self.registry.of_token(id).iter().for_each(|session| session.check(&standing));
                    }
                }
                Err(error) => {
                    tracing::warn!(cause = error.cause(), "tokens were not looked at: {error}");
                    tokio::time::sleep(AGAIN).await;
                    ids.into_iter().for_each(|id| self.ask(id));
                }
            }
        }
    }
}
