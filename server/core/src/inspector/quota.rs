//! How much may be recorded: so many exchanges in a second, and so many bytes that wait in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How often there are new turns.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// For how many seconds' exchanges there are turns at most, after a quiet time: a page with all that belongs to it comes at
/// once.
const BURST: i64 = 2;
/// The most that is held of exchanges in memory, bytes.
const MEMORY: usize = 64 * 1024 * 1024;

/// In how many places it is counted what was not recorded because there was too much: a thread has one nearly by itself.
const COUNTS: usize = 16;

thread_local! {
    /// Where this thread counts.
    static PLACE: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Relaxed) % COUNTS
    };
}

/// A count in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count(AtomicU64);

/// What may still be recorded, and what was not.
#[derive(Debug)]
pub(super) struct Quota {
    turns: AtomicI64,
    /// How many exchanges may be recorded in a second.
    rate: u32,
    /// Turns of a tick that come with a later one, tenths.
    rest: AtomicI64,
    sampled: AtomicU64,
    memory: AtomicUsize,
    beyond_rate: [Count; COUNTS],
    lost: AtomicU64,
}

/// A part of the memory that exchanges may take until they are written.
#[derive(Debug)]
pub struct Room {
    quota: Arc<Quota>,
    bytes: usize,
}

impl Quota {
    /// For so many exchanges in a second.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            turns: AtomicI64::new(BURST * i64::from(rate)),
            rate,
            rest: AtomicI64::new(0),
            sampled: AtomicU64::new(0),
            memory: AtomicUsize::new(0),
            beyond_rate: Default::default(),
            lost: AtomicU64::new(0),
        }
    }

    /// Whether an exchange may be recorded, of which `percent` in a hundred are wanted.
    pub(super) fn take_turn(&self, percent: u8) -> bool {
        if percent < 100 {
            // As even as can be: with 25 each fourth one.
            let (n, percent) = (self.sampled.fetch_add(1, Relaxed), u64::from(percent));
            if (n + 1) * percent / 100 == n * percent / 100 {
                return false;
            }
        }
        // Read first: under load nobody writes to what every thread reads.
        if self.turns.load(Relaxed) > 0 && self.turns.fetch_sub(1, Relaxed) > 0 {
            return true;
        }
        self.beyond_rate[PLACE.with(|place| *place)].0.fetch_add(1, Relaxed);
        false
    }

    /// A tick begins.
    pub(super) fn tick(&self) {
        let tenths = i64::from(self.rate) + self.rest.load(Relaxed);
        self.rest.store(tenths % 10, Relaxed);
        let left = self.turns.load(Relaxed).max(0);
        self.turns.store((left + tenths / 10).min(BURST * i64::from(self.rate)), Relaxed);
    }

    /// How many were beyond the rate, and how many were dropped since the recorder could not keep up.
    pub(super) fn dropped(&self) -> (u64, u64) {
        let beyond_rate = self.beyond_rate.iter().map(|count| count.0.load(Relaxed)).sum();
        (beyond_rate, self.lost.load(Relaxed))
    }

    pub(super) fn room(this: &Arc<Self>, bytes: usize) -> Option<Room> {
        if this.memory.fetch_add(bytes, Relaxed) + bytes > MEMORY {
            this.memory.fetch_sub(bytes, Relaxed);
            return None;
        }
        Some(Room { quota: this.clone(), bytes })
    }

    /// A record was dropped.
    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Relaxed);
    }
}

impl Room {
    /// Room for something else beside it, if there is any.
    pub fn another(&self, bytes: usize) -> Option<Self> {
        Quota::room(&self.quota, bytes)
    }

    /// As much again, if there is.
    pub fn twin(&self) -> Option<Self> {
        self.another(self.bytes)
    }

    /// Makes it larger; whether there was as much.
    pub fn grow(&mut self, bytes: usize) -> bool {
        match Quota::room(&self.quota, bytes) {
            Some(mut more) => {
                self.bytes += std::mem::take(&mut more.bytes);
                true
            }
            None => false,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.quota.memory.fetch_sub(self.bytes, Relaxed);
    }
}
