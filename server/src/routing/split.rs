//! Which of two tags of a service a request goes to while traffic is switched from one to the other.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use http::HeaderMap;
use rand::Rng;
use server_routing::balance::split;

use super::Pool;
use super::pool::Tie;

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
}

impl Split {
    /// All requests go to one pool.
    pub fn whole(pool: Arc<Pool>) -> Self {
        Self { now: pool, next: None }
    }

    /// `percent` of a hundred requests go to `next` already.
    pub fn gradual(now: Arc<Pool>, next: Arc<Pool>, percent: Arc<AtomicU8>) -> Self {
        Self { now, next: Some(Next { pool: next, percent }) }
    }

    /// The pool for a request. A client that is tied to a backend does not go back and forth.
    pub fn pool(&self, headers: &HeaderMap, client: IpAddr) -> &Arc<Pool> {
        let Some(next) = &self.next else { return &self.now };
        let point = match next.pool.tie(headers, client) {
            Tie::Hash(hash) => hash,
            Tie::Backend(key) if next.pool.has(key) => return &next.pool,
            Tie::Backend(_) | Tie::None | Tie::New => rand::rng().random(),
        };
        if split(next.percent.load(Relaxed), point) { &next.pool } else { &self.now }
    }

    /// The pool before the switch, and the one after it with its share in percent.
    pub fn pools(&self) -> (&Arc<Pool>, Option<(&Arc<Pool>, u8)>) {
        (&self.now, self.next.as_ref().map(|next| (&next.pool, next.percent.load(Relaxed))))
    }
}
