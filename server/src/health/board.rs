//! What is known of all backends. Reading takes no lock.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use chrono::Utc;
use domain::{BackendId, CheckResult, HealthChange, HealthReport, HealthStatus, Timestamp};
use tokio::sync::broadcast;

use super::verdict::{Thresholds, Verdict};

/// How many changes of a backend are remembered.
const CHANGES: usize = 100;
/// How many checks of a backend are remembered.
const CHECKS: usize = 60;
/// How many events a subscriber may lag behind; it is then told so, and reads the board.
const BACKLOG: usize = 256;

/// A backend's status has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthEvent {
    /// Whose.
    pub id: BackendId,
    /// What it was.
    pub from: HealthStatus,
    /// What it is.
    pub to: HealthStatus,
}

/// The health of every backend that is checked.
#[derive(Debug)]
pub struct HealthBoard {
    backends: ArcSwap<HashMap<BackendId, Arc<Record>>>,
    events: broadcast::Sender<HealthEvent>,
    /// Held while backends come and go.
    changing: Mutex<()>,
}

/// One backend on the board.
#[derive(Debug)]
pub(super) struct Record(ArcSwap<State>);

#[derive(Debug, Clone)]
struct State {
    verdict: Verdict,
    since: Timestamp,
    changes: Vec<Change>,
    checks: Vec<Check>,
}

/// As [`HealthChange`], at less cost: the same few texts come again and again.
#[derive(Debug, Clone)]
struct Change {
    at: Timestamp,
    from: HealthStatus,
    to: HealthStatus,
    reason: Arc<str>,
}

/// As [`CheckResult`].
#[derive(Debug, Clone)]
struct Check {
    at: Timestamp,
    good: bool,
    duration_ms: u32,
    outcome: Arc<str>,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) good: bool,
    pub(super) duration_ms: u32,
    pub(super) outcome: String,
}

impl Default for HealthBoard {
    fn default() -> Self {
        Self { backends: ArcSwap::default(), events: broadcast::Sender::new(BACKLOG), changing: Mutex::default() }
    }
}

impl HealthBoard {
    /// What is thought of a backend; unknown also when it is not checked.
    pub fn status(&self, id: BackendId) -> HealthStatus {
        self.backends.load().get(&id).map_or(HealthStatus::Unknown, |record| record.status())
    }

    /// The backends that are unhealthy.
    pub fn unhealthy(&self) -> Vec<BackendId> {
        let backends = self.backends.load();
        let unhealthy = backends.iter().filter(|(_, record)| record.status() == HealthStatus::Unhealthy);
        unhealthy.map(|(id, _)| *id).collect()
    }

    /// All that is known of a backend; `None` when it is not checked.
    pub fn report(&self, id: BackendId) -> Option<HealthReport> {
        Some(self.backends.load().get(&id)?.report())
    }

    /// Changes of status from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<HealthEvent> {
        self.events.subscribe()
    }

    /// Makes the board be about these backends. What is known of those that stay is kept.
    pub(super) fn keep(&self, ids: &HashSet<BackendId>) {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.backends.load();
        if before.len() == ids.len() && ids.iter().all(|id| before.contains_key(id)) {
            return;
        }
        let record = |id: &BackendId| (*id, before.get(id).cloned().unwrap_or_default());
        self.backends.store(Arc::new(ids.iter().map(record).collect()));
    }

    pub(super) fn record(&self, id: BackendId) -> Option<Arc<Record>> {
        self.backends.load().get(&id).cloned()
    }

    pub(super) fn publish(&self, event: HealthEvent) {
        // It is nobody's fault when nobody listens.
        self.events.send(event).ok();
    }
}

impl Default for Record {
    fn default() -> Self {
        Self(ArcSwap::from_pointee(State {
            verdict: Verdict::default(),
            since: Utc::now(),
            changes: Vec::new(),
            checks: Vec::new(),
        }))
    }
}

impl Record {
    pub(super) fn status(&self) -> HealthStatus {
        self.0.load().verdict.status()
    }

    /// Takes in a check. Returns the status of before when it is another one now. Only the task that checks writes.
    pub(super) fn add(&self, found: Found, thresholds: Thresholds) -> Option<HealthStatus> {
        let mut state = State::clone(&self.0.load());
        let at = Utc::now();
        let known = state.checks.last().filter(|last| *last.outcome == *found.outcome);
        let outcome = known.map_or_else(|| Arc::from(found.outcome), |last| last.outcome.clone());
        push(
            &mut state.checks,
            CHECKS,
            Check { at, good: found.good, duration_ms: found.duration_ms, outcome: outcome.clone() },
        );
        let before = state.verdict.record(found.good, thresholds);
        if let Some(from) = before {
            let to = state.verdict.status();
            push(&mut state.changes, CHANGES, Change { at, from, to, reason: outcome });
            state.since = at;
        }
        self.0.store(Arc::new(state));
        before
    }

    /// Begins to count anew.
    pub(super) fn recount(&self) {
        let mut state = State::clone(&self.0.load());
        state.verdict.recount();
        self.0.store(Arc::new(state));
    }

    /// Forgets all: it is another server now. Returns the status of before.
    pub(super) fn forget(&self) -> HealthStatus {
        let before = self.status();
        self.0.store(Self::default().0.into_inner());
        before
    }

    fn report(&self) -> HealthReport {
        let state = self.0.load();
        let change = |change: &Change| HealthChange {
            at: change.at,
            from: change.from,
            to: change.to,
            reason: change.reason.to_string(),
        };
        let check = |check: &Check| CheckResult {
            at: check.at,
            good: check.good,
            duration_ms: check.duration_ms,
            outcome: check.outcome.to_string(),
        };
        HealthReport {
            status: state.verdict.status(),
            since: state.since,
            consecutive: state.verdict.in_a_row(),
            changes: state.changes.iter().map(change).collect(),
            checks: state.checks.iter().map(check).collect(),
        }
    }
}

fn push<T>(list: &mut Vec<T>, most: usize, item: T) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(item);
}
