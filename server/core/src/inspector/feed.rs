//! Exchanges as they are recorded, for whoever watches.

use std::sync::Arc;
use std::time::Duration;

use domain::ExchangeSummary;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;
use uuid::Uuid;

use super::access::Inspected;

/// How many recorded exchanges wait for who watches them; who is slower misses some, and is told how many.
pub(super) const BACKLOG: usize = 4_096;
/// How long is between two pieces of news at least.
const PAUSE: Duration = Duration::from_millis(250);
/// The most exchanges in one of them.
const MOST: usize = 100;

/// What everybody who watches is told.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) owner: Uuid,
    pub(super) exchange: Arc<ExchangeSummary>,
}

/// One who watches.
#[derive(Debug)]
pub struct ExchangeFeed {
    pub(super) of: Inspected,
    pub(super) owner: Uuid,
    pub(super) receiver: Receiver<Recorded>,
    pub(super) next: Instant,
}

/// What was recorded since the last news.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExchangeNews {
    /// Exchanges in the order in which they were recorded. One that was open before is there again when it has ended.
    pub exchanges: Vec<ExchangeSummary>,
    /// How many more there were, which are in the list; of those that were lost while nobody listened, all are counted,
    /// whosever they were.
    pub missed: u64,
}

impl ExchangeFeed {
    /// Waits for news, at most four a second with a hundred exchanges each. `None`: nothing is recorded any more. Nothing
    /// is lost when the wait is given up.
    pub async fn next(&mut self) -> Option<ExchangeNews> {
        tokio::time::sleep_until(self.next).await;
        let mut news = ExchangeNews::default();
        loop {
            match self.receiver.recv().await {
                Ok(recorded) if self.concerns(&recorded) => {
                    news.exchanges.push(ExchangeSummary::clone(&recorded.exchange));
                    break;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    news.missed += missed;
                    break;
                }
                Err(RecvError::Closed) => return None,
            }
        }
        // A batch of the recorder is told at once; what is there now comes along.
        while let Ok(recorded) = self.receiver.try_recv() {
            if !self.concerns(&recorded) {
            } else if news.exchanges.len() < MOST {
                news.exchanges.push(ExchangeSummary::clone(&recorded.exchange));
            } else {
                news.missed += 1;
            }
        }
        self.next = Instant::now() + PAUSE;
        Some(news)
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        match self.of {
            Inspected::Tunnel(id) => recorded.exchange.tunnel == Some(id),
            Inspected::Rule(id) => recorded.exchange.rule == Some(id) && recorded.owner == self.owner,
        }
    }
}
