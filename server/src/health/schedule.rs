//! Which backend is asked when: one task for all.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::{BackendId, HealthStatus};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use rand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::time::{DelayQueue, delay_queue};

use super::board::{Found, HealthBoard, HealthEvent, Record};
use super::probe;
use super::target::{Target, Times};
use crate::upstream::{Common, Names, Settings, Trust, Upstream};

/// How many checks are under way at once.
const AT_ONCE: usize = 64;
/// Within which time a backend that has just been entered is asked.
const FIRST: Duration = Duration::from_secs(1);
/// Each check has a connection of its own, so that what is checked is all that a new client would need; one of HTTP/2 is
/// closed a moment after it was used. The deadline is the check's, which is never longer than this.
const CONNECTIONS: Settings = Settings {
    connect_timeout: Duration::from_secs(60),
    max_connections: 2,
    max_idle: 0,
    idle: Duration::from_secs(1),
};

/// Checks backends for as long as it [runs](Self::run).
#[derive(Debug)]
pub struct HealthChecks {
    board: Arc<HealthBoard>,
    targets: watch::Sender<Vec<Arc<Target>>>,
    common: Common,
    usual: Times,
}

impl HealthChecks {
    /// Checks nobody yet.
    pub fn new(names: Arc<Names>, trust: Arc<Trust>, usual: Times) -> Self {
        let common = Common { settings: CONNECTIONS, threads: 0, names, trust };
        Self { board: Arc::default(), targets: watch::Sender::default(), common, usual }
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

    /// Asks these backends once, all of them that are [followed](Self::follow), and tells each one's sink what that alone
    /// says: for who wants to know how they are and does not [run](Self::run).
    pub async fn ask_once(&self, ids: &HashSet<BackendId>) {
        let targets: Vec<_> = self.targets.borrow().iter().filter(|target| ids.contains(&target.id)).cloned().collect();
        let ask = async |target: Arc<Target>| {
            let found = probe::ask(&self.connections(&target), &target.check, target.timeout(&self.usual)).await;
            target.sink.set_health(if found.good { HealthStatus::Healthy } else { HealthStatus::Unhealthy });
        };
        stream::iter(targets).for_each_concurrent(AT_ONCE, ask).await;
    }

    fn connections(&self, target: &Target) -> Upstream {
        Upstream::new(target.address.clone(), target.tls_verify, target.policy.clone(), &self.common)
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
                Some(due) = schedule.due.next(), if !schedule.due.is_empty() => schedule.line_up(due.into_inner()),
            }
            schedule.start();
        }
    }
}

/// Who is asked when, and what is under way.
struct Schedule<'a> {
    checks: &'a HealthChecks,
    entries: HashMap<BackendId, Entry>,
    due: DelayQueue<BackendId>,
    /// Those whose time has come: first come, first served.
    line: VecDeque<BackendId>,
    running: FuturesUnordered<BoxFuture<'static, Done>>,
    /// The number of the last check.
    number: u64,
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
    /// A check, when it is time.
    Due(delay_queue::Key),
    /// A check, when others have ended.
    InLine,
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
        let (due, running) = (DelayQueue::new(), FuturesUnordered::new());
        Self { checks, entries: HashMap::new(), due, line: VecDeque::new(), running, number: 0 }
    }

    fn follow(&mut self, targets: Vec<Arc<Target>>) {
        let ids: HashSet<_> = targets.iter().map(|target| target.id).collect();
        let gone = self.entries.extract_if(|id, _| !ids.contains(id)).collect::<Vec<_>>();
        for (_, entry) in gone {
            self.stop(&entry);
            entry.target.sink.set_health(HealthStatus::Unknown);
        }
        for target in targets {
            // Not on the board: it is gone again already, and the next list says so.
            let Some(record) = self.checks.board.record(target.id) else { continue };
            match self.entries.remove(&target.id) {
                Some(entry) if Arc::ptr_eq(&entry.record, &record) => self.keep(entry, target),
                other => {
                    if let Some(entry) = other {
                        self.stop(&entry);
                    }
                    self.insert(target, record);
                }
            }
        }
    }

    /// Calls off what comes next.
    fn stop(&mut self, entry: &Entry) {
        match &entry.next {
            Next::Due(key) => {
                self.due.try_remove(key);
            }
            Next::InLine => self.line.retain(|id| *id != entry.target.id),
            Next::Answer { cancel, .. } => cancel.cancel(),
        }
    }

    fn insert(&mut self, target: Arc<Target>, record: Arc<Record>) {
        let upstream = self.checks.connections(&target).into();
        let next = Next::Due(self.due.insert(target.id, self.soon(&target)));
        target.sink.set_health(record.status());
        self.entries.insert(target.id, Entry { target, record, upstream, next });
    }

    /// Keeps what was found of a backend as far as it holds for what is known of it now.
    fn keep(&mut self, entry: Entry, target: Arc<Target>) {
        if !entry.target.is_same_server(&target) {
            self.stop(&entry);
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
            self.stop(&entry);
            entry.record.recount();
            Next::Due(self.due.insert(target.id, self.soon(&target)))
        };
        self.entries.insert(target.id, Entry { target, next, ..entry });
    }

    /// Backends that come together, as at the start of the process, are not asked together.
    fn soon(&self, target: &Target) -> Duration {
        rand::rng().random_range(Duration::ZERO..=FIRST.min(target.interval(&self.checks.usual)))
    }

    fn line_up(&mut self, id: BackendId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.next = Next::InLine;
        self.line.push_back(id);
    }

    /// Starts as many checks as there may be.
    fn start(&mut self) {
        while self.running.len() < AT_ONCE
            && let Some(id) = self.line.pop_front()
        {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            self.number += 1;
            let number = self.number;
            let (began, cancel) = (Instant::now(), CancellationToken::new());
            let (upstream, target, cancelled) = (entry.upstream.clone(), entry.target.clone(), cancel.clone());
            entry.next = Next::Answer { number, began, cancel };
            let limit = target.timeout(&self.checks.usual);
            self.running.push(Box::pin(async move {
                let found = cancelled.run_until_cancelled(probe::ask(&upstream, &target.check, limit)).await;
                Done { id, number, found }
            }));
        }
    }

    fn finish(&mut self, done: Done) {
        let (Some(entry), Some(found)) = (self.entries.get_mut(&done.id), done.found) else { return };
        let Next::Answer { number, began, .. } = entry.next else { return };
        if number != done.number {
            return;
        }
        let target = &entry.target;
        let at = (began + jittered(target.interval(&self.checks.usual))).max(Instant::now());
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

/// Up to a tenth more or less, so that checks do not fall into step.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(0.9..=1.1))
}
