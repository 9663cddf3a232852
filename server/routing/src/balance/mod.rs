//! Which backend of a pool takes a request.
//!
//! - [`Balance::TwoChoices`] draws two candidates at random, each as likely as its weight says, and takes the one with
//!   less in flight for its weight. That is nearly as even as asking all of them, and many requests that arrive at once
//!   do not all run to the same one (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
//! - [`Balance::LeastConnections`] takes the one with the least in flight for its weight; of several such one at random,
//!   as likely as its weight says.
//! - [`Balance::RoundRobin`] takes one after the other, whatever their weights.
//! - [`Balance::Weighted`] takes each as often as its weight says, whatever is in flight, and evenly spread: 3 to 1 is
//!   not three in a row and then one.

mod affinity;
mod choose;
mod gradual;
mod tried;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::Balance;
use rand::Rng;

pub use affinity::stable_hash;
pub use gradual::{WARM, slow_start, split};
pub use tried::Tried;

use choose::Pool;

/// A backend as the choice sees it.
pub trait Candidate {
    /// What it is told from the others by, the same on all nodes and at all times: affinity holds on to it.
    fn key(&self) -> u64;
    /// Requests that it is busy with.
    fn in_flight(&self) -> u32;
    /// Its share of the requests, compared with the others'. With 0 it takes none, except in
    /// [`Balance::RoundRobin`].
    fn weight(&self) -> u32;
    /// How much of its share it takes so soon after it came back, in thousandths, from [`slow_start`].
    fn warmth(&self) -> u32 {
        WARM
    }
    /// Whether it takes requests at all: running, healthy, not ejected, not full.
    fn usable(&self) -> bool;
}

impl<C: Candidate + ?Sized> Candidate for &C {
    fn key(&self) -> u64 {
        (**self).key()
    }

    fn in_flight(&self) -> u32 {
        (**self).in_flight()
    }

    fn weight(&self) -> u32 {
        (**self).weight()
    }

    fn warmth(&self) -> u32 {
        (**self).warmth()
    }

    fn usable(&self) -> bool {
        (**self).usable()
    }
}

impl<C: Candidate + ?Sized> Candidate for Arc<C> {
    fn key(&self) -> u64 {
        (**self).key()
    }

    fn in_flight(&self) -> u32 {
        (**self).in_flight()
    }

    fn weight(&self) -> u32 {
        (**self).weight()
    }

    fn warmth(&self) -> u32 {
        (**self).warmth()
    }

    fn usable(&self) -> bool {
        (**self).usable()
    }
}

/// Whose turn it is in a pool. All who pick from the pool share one.
#[derive(Debug, Default)]
pub struct Cursor(AtomicU64);

impl Cursor {
    /// Another one for the same turn: whoever picks with it takes nobody's turn away.
    pub fn aside(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Picks the candidate that takes a request, by its place; `None` when there is none that is usable, has a share and was
/// not tried yet.
///
/// With `affinity`, a hash of what the client is recognised by, the strategy is not asked: the client gets the same
/// candidate as long as that one is usable, and always the same next one otherwise (rendezvous hashing, Thaler and
/// Ravishankar, 1998, with weights). When a candidate goes, only its own clients move; when it comes back, only they
/// move back, as fast as its slow start lets them.
///
/// Reads every candidate once or twice, takes no lock and allocates nothing. Candidates may change meanwhile: what is
/// picked was usable when it was looked at.
pub fn pick<C: Candidate>(
    balance: Balance,
    cursor: &Cursor,
    candidates: &[C],
    affinity: Option<u64>,
    tried: &Tried,
    rng: &mut impl Rng,
) -> Option<usize> {
    let pool = Pool { balance, candidates, tried };
    match (affinity, balance) {
        (Some(hash), _) => affinity::pick(&pool, hash),
        (None, Balance::TwoChoices) => choose::of_two(&pool, rng),
        (None, Balance::LeastConnections) => choose::least(&pool, rng),
        (None, Balance::RoundRobin | Balance::Weighted) => choose::in_turn(&pool, cursor),
    }
}
