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

/// What those who watch hear from other nodes.
#[derive(Debug, Clone)]
pub(super) enum Heard {
    /// An exchange.
    Exchange(Recorded),
    /// So many that are in the list only; at least one.
    Missed(u64),
}

/// One who watches.
#[derive(Debug)]
pub struct ExchangeFeed {
    pub(super) of: Inspected,
    pub(super) owner: Uuid,
    pub(super) receiver: Receiver<Recorded>,
    pub(super) elsewhere: Receiver<Heard>,
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
            let heard = tokio::select! {
                recorded = self.receiver.recv() => recorded.map(Heard::Exchange),
                heard = self.elsewhere.recv() => heard,
            };
            let heard = match heard {
                Ok(heard) => heard,
                Err(RecvError::Lagged(missed)) => Heard::Missed(missed),
                Err(RecvError::Closed) => return None,
            };
            if self.add(&mut news, heard) {
                break;
            }
        }
        // A batch of the recorder is told at once; what is there now comes along.
        while let Ok(recorded) = self.receiver.try_recv() {
            self.add(&mut news, Heard::Exchange(recorded));
        }
        while let Ok(heard) = self.elsewhere.try_recv() {
            self.add(&mut news, heard);
        }
        self.next = Instant::now() + PAUSE;
        Some(news)
    }

    /// Whether it is news.
    fn add(&self, news: &mut ExchangeNews, heard: Heard) -> bool {
        match heard {
            Heard::Exchange(recorded) if !self.concerns(&recorded) => return false,
            Heard::Exchange(recorded) if news.exchanges.len() < MOST => {
                news.exchanges.push(ExchangeSummary::clone(&recorded.exchange));
            }
            Heard::Exchange(_) => news.missed += 1,
            Heard::Missed(missed) => news.missed += missed,
        }
        true
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        match self.of {
            Inspected::Tunnel(id) => recorded.exchange.tunnel == Some(id),
            Inspected::Rule(id) => recorded.exchange.rule == Some(id) && recorded.owner == self.owner,
        }
    }
}
