//! How many requests wait for telephones, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use domain::TunnelId;
use tokio::sync::mpsc;

/// How many requests wait in this process at most, for whatever tunnels.
const MAX_HELD: usize = 10_000;

/// What may wait.
#[derive(Clone, Copy, Debug)]
pub struct HoldSettings {
    /// How long a telephone that broke off is waited for, and all of them after a start of the server. Zero: not at all.
    pub timeout: Duration,
    /// How many requests wait for the telephone of one tunnel.
    pub per_tunnel: usize,
}

/// What waits in this process, and what came of waiting.
#[derive(Debug)]
pub struct Hold {
    settings: HoldSettings,
    started: Instant,
    held: AtomicUsize,
    /// Nobody is waited for any more: the server stops.
    over: AtomicBool,
    total: AtomicU64,
    timeouts: AtomicU64,
    refused: AtomicU64,
    retries: AtomicU64,
    /// Where tunnels are named whose telephones are with the process before this one still, as long as there are any.
    elsewhere: ArcSwapOption<mpsc::Sender<TunnelId>>,
}

/// [`Hold`]'s figures, for `/metrics`.
#[derive(Clone, Copy, Debug)]
pub struct HoldFigures {
    /// Requests that wait now.
    pub held: usize,
    /// Requests that have waited.
    pub total: u64,
    /// Those of them whose telephone did not come.
    pub timeouts: u64,
    /// Requests that found as many waiting as may.
    pub refused: u64,
    /// Requests that were sent a second time.
    pub retries: u64,
}

impl Hold {
    /// Nobody waits yet.
    pub fn new(settings: HoldSettings) -> Self {
        Self {
            settings,
            started: Instant::now(),
            held: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            total: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            elsewhere: ArcSwapOption::empty(),
        }
    }

    /// Telephones are with the process before this one. The tunnels whose are to come at once.
    pub(super) fn begin_moving(&self) -> mpsc::Receiver<TunnelId> {
        let (names, named) = mpsc::channel(MAX_HELD);
        self.elsewhere.store(Some(Arc::new(names)));
        named
    }

    /// They have all been sent here.
    pub(super) fn end_moving(&self) {
        self.elsewhere.store(None);
    }

    /// Whether a telephone may be with the process before this one.
    pub(super) fn is_moving(&self) -> bool {
        self.elsewhere.load().is_some()
    }

    /// Somebody waits for the telephone of this tunnel: if it is with the process before this one, it is to come now.
    pub(super) fn ask_for(&self, tunnel: TunnelId) {
        // With as many names on their way as requests may wait, this one's turn comes by itself.
        if let Some(names) = self.elsewhere.load().as_ref()
            && let Err(error) = names.try_send(tunnel)
        {
            tracing::debug!(%tunnel, %error, "a telephone is not asked to come at once");
        }
    }

    /// The present figures.
    pub fn figures(&self) -> HoldFigures {
        HoldFigures {
            held: self.held.load(Relaxed),
            total: self.total.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            refused: self.refused.load(Relaxed),
            retries: self.retries.load(Relaxed),
        }
    }

    /// A request is sent a second time.
    pub fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    /// Nothing waits from now on.
    pub(super) fn end(&self) {
        self.over.store(true, Relaxed);
    }

    /// How long a telephone is waited for; `None` when that is not done.
    pub(super) fn limit(&self) -> Option<Duration> {
        Some(self.settings.timeout).filter(|limit| !limit.is_zero() && !self.over.load(Relaxed))
    }

    /// A moment as milliseconds since the start, as it fits an atomic.
    pub(super) fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// The reverse of [`millis`](Self::millis).
    pub(super) fn instant(&self, millis: u64) -> Instant {
        self.started + Duration::from_millis(millis)
    }

    /// Until when the telephones of before a start are waited for, in milliseconds.
    pub(super) fn first_return(&self) -> u64 {
        // After a start every telephone is on its way back; a tunnel made later expects nobody yet.
        let limit = u64::try_from(self.settings.timeout.as_millis()).unwrap_or(u64::MAX);
        if self.started.elapsed() < self.settings.timeout { limit } else { 0 }
    }

    /// A place for one more, when there is one in the tunnel, whose count `waiting` is, and in the process.
    pub(super) fn place<'a>(&'a self, waiting: &'a AtomicUsize) -> Option<Place<'a>> {
        let place = Place { hold: self, waiting };
        let here = waiting.fetch_add(1, Relaxed);
        if self.held.fetch_add(1, Relaxed) >= MAX_HELD || here >= self.settings.per_tunnel {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        self.total.fetch_add(1, Relaxed);
        Some(place)
    }
}

/// One of the places for waiting requests, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    hold: &'a Hold,
    waiting: &'a AtomicUsize,
}

impl Place<'_> {
    /// The telephone did not come.
    pub(super) fn timed_out(&self) {
        self.hold.timeouts.fetch_add(1, Relaxed);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.hold.held.fetch_sub(1, Relaxed);
        self.waiting.fetch_sub(1, Relaxed);
    }
}
