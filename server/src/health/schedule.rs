//! Which backend is asked when: one task for all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{BackendId, HealthStatus};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::time::{DelayQueue, delay_queue};

use super::board::{Found, HealthBoard, HealthEvent, Record};
use super::probe;
use super::target::Target;
use crate::upstream::{Common, Names, Settings, Trust, Upstream};

/// How many checks are under way at once.
const AT_ONCE: usize = 64;
/// Within which time a backend that has just been entered is asked.
const FIRST: Duration = Duration::from_secs(1);
/// Each check has a connection of its own, so that what is checked is all that a new client would need. Its deadline is
/// the check's, which is never longer than this.
const CONNECTIONS: Settings =
    Settings { connect_timeout: Duration::from_secs(60), max_connections: 2, max_idle: 0, idle: Duration::ZERO };

/// Checks backends for as long as it [runs](Self::run).
#[derive(Debug)]
pub struct HealthChecks {
    board: Arc<HealthBoard>,
    targets: watch::Sender<Vec<Arc<Target>>>,
    common: Common,
}

impl HealthChecks {
    /// Checks nobody yet.
    pub fn new(names: Arc<Names>, trust: Arc<Trust>) -> Self {
        let common = Common { settings: CONNECTIONS, threads: 0, names, trust };
        Self { board: Arc::default(), targets: watch::Sender::default(), common }
    }

    /// Where the findings are.
    pub fn board(&self) -> &Arc<HealthBoard> {
        &self.board
    }

    /// From now on these backends are checked and no others; those whose service wants no checks are left out. Whoever
    /// stays as it is keeps its place in time. Never waits.
    pub fn follow(&self, targets: Vec<Target>) {
        let targets: Vec<_> = targets.into_iter().filter(|target| target.check.enabled).map(Arc::new).collect();
        // While the list is held, so that board and list never are of different calls.
        self.targets.send_modify(|list| {
            self.board.keep(&targets.iter().map(|target| target.id).collect());
            *list = targets;
        });
    }

    /// Checks until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut targets = self.targets.subscribe();
        targets.mark_changed();
        let mut schedule = Schedule::new(self);
        loop {
            tokio::select! {
                // What has ended comes first, so that nobody is asked twice at a time.
                biased;
                () = stop.cancelled() => return,
                Some(done) = schedule.running.next(), if !schedule.running.is_empty() => schedule.finish(done),
                Ok(()) = targets.changed() => {
                    let list = targets.borrow_and_update().clone();
                    schedule.follow(list);
                }
                Some(due) = schedule.due.next(), if schedule.may_start() => schedule.start(due.into_inner()),
            }
        }
    }
}

/// Who is asked when, and what is under way.
struct Schedule<'a> {
    checks: &'a HealthChecks,
    entries: HashMap<BackendId, Entry>,
    due: DelayQueue<BackendId>,
    running: FuturesUnordered<BoxFuture<'static, Done>>,
    /// How many checks were started: the number of the last one.
    started: u64,
}

/// A backend that is checked.
struct Entry {
    target: Arc<Target>,
    record: Arc<Record>,
    upstream: Arc<Upstream>,
    next: Next,
}

/// What comes next for a backend.
enum Next {
    /// A check.
    Due(delay_queue::Key),
    /// The end of the check with this number.
    Answer { number: u64, began: Instant, cancel: CancellationToken },
}

/// The end of a check; nothing was found when it was cancelled.
struct Done {
    id: BackendId,
    number: u64,
    found: Option<Found>,
}

impl<'a> Schedule<'a> {
    fn new(checks: &'a HealthChecks) -> Self {
        Self { checks, entries: HashMap::new(), due: DelayQueue::new(), running: FuturesUnordered::new(), started: 0 }
    }

    fn may_start(&self) -> bool {
        self.running.len() < AT_ONCE && !self.due.is_empty()
    }

    fn follow(&mut self, targets: Vec<Arc<Target>>) {
        let ids: HashSet<_> = targets.iter().map(|target| target.id).collect();
        let gone = self.entries.extract_if(|id, _| !ids.contains(id)).collect::<Vec<_>>();
        for (_, entry) in gone {
            entry.next.stop(&mut self.due);
            entry.target.sink.set_health(HealthStatus::Unknown);
        }
        for target in targets {
            // Not on the board: it is gone again already, and the next list says so.
            let Some(record) = self.checks.board.record(target.id) else { continue };
            match self.entries.remove(&target.id) {
                Some(entry) if Arc::ptr_eq(&entry.record, &record) => self.keep(entry, target),
                other => {
                    if let Some(entry) = other {
                        entry.next.stop(&mut self.due);
                    }
                    self.insert(target, record);
                }
            }
        }
    }

    fn insert(&mut self, target: Arc<Target>, record: Arc<Record>) {
        let (address, policy) = (target.address.clone(), target.policy.clone());
        let upstream = Upstream::new(address, target.tls_verify, policy, &self.checks.common).into();
        let next = Next::Due(self.due.insert(target.id, soon(&target)));
        target.sink.set_health(record.status());
        self.entries.insert(target.id, Entry { target, record, upstream, next });
    }

    /// Keeps what was found of a backend as far as it holds for what is known of it now.
    fn keep(&mut self, entry: Entry, target: Arc<Target>) {
        if !entry.target.is_same_server(&target) {
            entry.next.stop(&mut self.due);
            let (id, from) = (target.id, entry.record.forget());
            self.insert(target, entry.record);
            if from != HealthStatus::Unknown {
                self.checks.board.publish(HealthEvent { id, from, to: HealthStatus::Unknown });
            }
            return;
        }
        target.sink.set_health(entry.record.status());
        let next = if entry.target.check == target.check {
            entry.next
        } else {
            entry.record.recount();
            entry.next.stop(&mut self.due);
            Next::Due(self.due.insert(target.id, soon(&target)))
        };
        self.entries.insert(target.id, Entry { target, next, ..entry });
    }

    fn start(&mut self, id: BackendId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        self.started += 1;
        let (number, began, cancel) = (self.started, Instant::now(), CancellationToken::new());
        let (upstream, target, cancelled) = (entry.upstream.clone(), entry.target.clone(), cancel.clone());
        entry.next = Next::Answer { number, began, cancel };
        self.running.push(Box::pin(async move {
            let found = cancelled.run_until_cancelled(probe::ask(&upstream, &target.check)).await;
            Done { id, number, found }
        }));
    }

    fn finish(&mut self, done: Done) {
        let (Some(entry), Some(found)) = (self.entries.get_mut(&done.id), done.found) else { return };
        let Next::Answer { number, began, .. } = entry.next else { return };
        if number != done.number {
            return;
        }
        let target = &entry.target;
        let at = (began + jittered(target.interval())).max(Instant::now());
        entry.next = Next::Due(self.due.insert_at(target.id, at));
        let outcome = found.outcome.clone();
        let Some(from) = entry.record.add(found, target.thresholds()) else { return };
        let to = entry.record.status();
        target.sink.set_health(to);
        self.checks.board.publish(HealthEvent { id: target.id, from, to });
        let (backend, from) = (&target.name, from.as_str());
        match to {
            HealthStatus::Unhealthy => tracing::warn!(backend, from, outcome, "a backend is unhealthy"),
            _ => tracing::info!(backend, from, outcome, "a backend is {}", to.as_str()),
        }
    }
}

impl Next {
    fn stop(&self, due: &mut DelayQueue<BackendId>) {
        match self {
            Self::Due(key) => {
                due.try_remove(key);
            }
            Self::Answer { cancel, .. } => cancel.cancel(),
        }
    }
}

/// Backends that come together, as at the start of the process, are not asked together.
fn soon(target: &Target) -> Duration {
    rand::rng().random_range(Duration::ZERO..=FIRST.min(target.interval()))
}

/// Up to a tenth more or less, so that checks do not fall into step.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(0.9..=1.1))
}
