//! Counting on the hot path: a few relaxed atomic operations, no lock and no allocation after the first answer.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::{StatusCounts, UserId};
use histogram::{AtomicHistogram, Histogram};
use uuid::Uuid;

use super::details::{Answered, Details, Shards};
use super::figures::{Counts, HISTOGRAM, MAX_LATENCY_US};
use super::sampler::EVERYTHING;

/// Counts the traffic of one subject, a tunnel or a service, with a few atomic operations.
#[derive(Debug)]
pub struct Meter {
    pub(super) subject: Uuid,
    /// Whose traffic it is as well; the nil UUID: it is counted as the subject's only.
    pub(super) owner: UserId,
    in_flight: AtomicU64,
    held: AtomicU64,
    retried: AtomicU64,
    by_class: [AtomicU64; 5],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    latency_us: AtomicU64,
    /// Made with the first answer: most subjects are idle most of the time.
    latencies: OnceLock<AtomicHistogram>,
    /// Made with the first request that is told apart.
    details: OnceLock<Box<Shards>>,
}

impl Meter {
    pub(super) fn new(subject: Uuid, owner: UserId) -> Self {
        Self {
            subject,
            owner,
            in_flight: AtomicU64::new(0),
            held: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            by_class: Default::default(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            latency_us: AtomicU64::new(0),
            latencies: OnceLock::new(),
            details: OnceLock::new(),
        }
    }

    /// A request arrived.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(self.clone())
    }

    /// A request waits for a telephone to be there, until the guard is dropped.
    pub fn hold(self: &Arc<Self>) -> Held {
        self.held.fetch_add(1, Relaxed);
        Held(self.clone())
    }

    /// A request is sent a second time.
    pub fn retried(&self) {
        self.retried.fetch_add(1, Relaxed);
    }

    /// Bytes of request bodies arrived.
    pub fn add_bytes_in(&self, n: u64) {
        self.bytes_in.fetch_add(n, Relaxed);
    }

    /// Bytes of response bodies were sent.
    pub fn add_bytes_out(&self, n: u64) {
        self.bytes_out.fetch_add(n, Relaxed);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// How many requests wait now, and how many were sent a second time since the meter was made.
    pub(super) fn held_and_retried(&self) -> (u64, u64) {
        (self.held.load(Relaxed), self.retried.load(Relaxed))
    }

    /// What was counted since the meter was made.
    pub(super) fn counts(&self) -> Counts {
        let [informational, success, redirection, client_error, server_error] =
            [0, 1, 2, 3, 4].map(|class: usize| self.by_class[class].load(Acquire));
        Counts {
            by_status: StatusCounts { informational, success, redirection, client_error, server_error },
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            latency_us: self.latency_us.load(Relaxed),
        }
    }

    /// The latencies since the meter was made, if nobody ever took them.
    pub(super) fn all_latencies(&self) -> Option<Histogram> {
        self.latencies.get().map(AtomicHistogram::load)
    }

    /// Whose traffic is counted here: the subject's, and its owner's and everything, unless it is another subject's as well.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Uuid> {
        let others = (!self.owner.0.is_nil()).then_some([self.owner.0, EVERYTHING]);
        std::iter::once(self.subject).chain(others.into_iter().flatten())
    }

    /// What was told apart since the last call: at least all of what [`counts`](Self::counts) said before.
    pub(super) fn take_details(&self) -> Option<Details> {
        self.details.get().map(|shards| shards.take())
    }

    /// The latencies since the last call.
    pub(super) fn take_latencies(&self) -> Option<Histogram> {
        self.latencies.get().map(AtomicHistogram::drain)
    }
}

/// A request that waits for a telephone; dropping it means that it waits no longer.
#[derive(Debug)]
#[must_use = "the request waits no longer when this is dropped"]
pub struct Held(Arc<Meter>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Relaxed);
    }
}

/// A request under way; dropping it means that it is over.
#[derive(Debug)]
#[must_use = "the request is over when this is dropped"]
pub struct InFlight(Arc<Meter>);

impl InFlight {
    /// What counts the request.
    pub(super) fn meter(&self) -> &Arc<Meter> {
        &self.0
    }

    /// The response head was sent; the request is also told apart.
    pub fn told(&self, request: &Answered<'_>) {
        self.0.details.get_or_init(Box::default).record(self.0.subject, request);
        self.answered(request.status, request.latency);
    }

    /// The response head was sent, `latency` after the request arrived.
    pub fn answered(&self, status: u16, latency: Duration) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).min(MAX_LATENCY_US);
        self.0.latency_us.fetch_add(micros, Relaxed);
        let latencies = self.0.latencies.get_or_init(|| AtomicHistogram::with_config(&HISTOGRAM));
        // Cut to the largest value there is, so that it always fits.
        latencies.increment(micros).ok();
        // Last: whoever sees the request counted finds all else that is known of it.
        self.0.by_class[class].fetch_add(1, Release);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
