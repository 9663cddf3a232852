//! Which of two tags of a service a request goes to while traffic is switched from one to the other.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use http::HeaderMap;
use rand::Rng;
use server_core::Tally;
use server_routing::balance::split;

use super::Pool;
use super::pool::Tie;
use super::switching::UnderWay;

/// The pools of a rule.
#[derive(Debug)]
pub struct Split {
    now: Arc<Pool>,
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    pool: Arc<Pool>,
    /// How many of a hundred requests go to it.
    percent: Arc<AtomicU8>,
    /// Counts what comes of them.
    tally: Arc<Tally>,
}

impl Split {
    /// All requests go to one pool.
    pub fn whole(pool: Arc<Pool>) -> Self {
        Self { now: pool, next: None }
    }

    /// As many of a hundred requests go to `next` already as the switch says.
    pub(super) fn gradual(now: Arc<Pool>, next: Arc<Pool>, switch: &UnderWay) -> Self {
        let (percent, tally) = (switch.percent.clone(), switch.tally.clone());
        Self { now, next: Some(Next { pool: next, percent, tally }) }
    }

    /// The pool for a request, and what counts what comes of it if the switch has sent it there. A client that is tied to
    /// a backend does not go back and forth.
    pub fn pool(&self, headers: &HeaderMap, client: IpAddr) -> (&Arc<Pool>, Option<&Arc<Tally>>) {
        let Some(next) = &self.next else { return (&self.now, None) };
        let switched = (&next.pool, Some(&next.tally));
        let point = match next.pool.tie(headers, client) {
            Tie::Hash(hash) => hash,
            Tie::Backend(key) if next.pool.has(key) => return switched,
            Tie::Backend(_) | Tie::None | Tie::New => rand::rng().random(),
        };
        if split(next.percent.load(Relaxed), point) { switched } else { (&self.now, None) }
    }

    /// The pool before the switch, and the one after it with its share in percent.
    pub fn pools(&self) -> (&Arc<Pool>, Option<(&Arc<Pool>, u8)>) {
        (&self.now, self.next.as_ref().map(|next| (&next.pool, next.percent.load(Relaxed))))
    }
}
