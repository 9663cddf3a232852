//! What an agent's lines have in common, from their start to their end.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use wire::control::{Announcement, Metadata, Refusal, Stats};
use wire::head::RequestHead;

use super::demand::{Change, Demand, LOOK, Lines, Work};
use super::error::printable;
use super::handle::Standing;
use super::keeper::Keeper;
use super::membership::Membership;
use super::threads::Threads;
use super::token::TokenSource;
use super::told::Told;
use super::{AgentError, AgentHandle, Event, TunnelInfo};
use crate::forward::{Forwarder, Report};
use crate::line::{Line, SessionBudget};
use crate::server_url::ServerUrl;
use crate::tls::Tls;

/// How many events a slow listener may be behind.
const EVENTS: usize = 1024;

/// What all lines of an agent have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub server: ServerUrl,
    pub server_tls: Option<Tls>,
    pub token: TokenSource,
    pub local_url: String,
    pub subdomain: Option<String>,
    pub services: Vec<Announcement>,
    pub metadata: Metadata,
    pub forwarder: Forwarder,
}

/// Where the lines of an agent report to.
#[derive(Debug)]
pub(super) struct Station {
    pub shared: Shared,
    /// The session that the lines share.
    pub membership: Membership,
    /// What may lie unread and queued on all of them; streams are the server's to bound.
    pub budget: SessionBudget,
    events: broadcast::Sender<Event>,
    told: Told,
    standing: watch::Sender<Standing>,
    /// Over how long the server's telephones are to come back when all have lost it, in milliseconds.
    spread: AtomicU32,
    /// Those of the lines that are open.
    open: Mutex<Vec<Line>>,
    /// Lines that only finish what they have begun, and what cuts them off.
    retiring: TaskTracker,
    cut: CancellationToken,
}

impl Station {
    pub(super) fn tell(&self, event: Event) {
        // Nobody need be listening.
        let _receivers = self.events.send(event);
    }

    /// Tells of a request that is over, as long as they are not more than anybody can follow.
    pub(super) fn report(&self, head: &RequestHead, report: Report) {
        if self.told.admits(report.at) {
            self.tell(Event::of_request(head, report));
        }
    }

    /// Tells how many requests were over of which nothing else was told.
    pub(super) fn sum_up(&self) {
        if let Some(requests) = self.told.take_untold() {
            self.tell(Event::MoreRequests(requests));
        }
    }

    pub(super) fn round_trip(&self, rtt: Option<Duration>) {
        self.standing.send_modify(|standing| standing.rtt = rtt);
        if let Some(rtt) = rtt {
            self.tell(Event::RoundTrip(rtt));
        }
    }

    /// The tunnel is as `tunnel` says now. Each line is told; it is news once.
    pub(super) fn updated(&self, tunnel: &TunnelInfo) {
        let news = self.standing.send_if_modified(|standing| {
            let news = standing.tunnel.as_ref() != Some(tunnel);
            standing.tunnel = Some(tunnel.clone());
            news
        });
        if news {
            self.tell(Event::Updated(tunnel.clone()));
        }
    }

    /// Tells how the tunnel does, when that is news to whoever does not count requests.
    pub(super) fn stats(&self, stats: Stats) {
        let news = self.standing.send_if_modified(|standing| {
            let before = std::mem::replace(&mut standing.stats, stats);
            (before.held, before.retried) != (stats.held, stats.retried)
        });
        if news {
            self.tell(Event::Stats(stats));
        }
    }

    /// The server says over how long its telephones are to come back when all have lost it.
    pub(super) fn set_spread(&self, milliseconds: Option<u32>) {
        self.spread.store(milliseconds.unwrap_or(0), Ordering::Relaxed);
    }

    /// What it said last.
    pub(super) fn spread(&self) -> Duration {
        Duration::from_millis(u64::from(self.spread.load(Ordering::Relaxed)))
    }

    /// The subdomain to ask for: the one that the user wants, or what the switchboard has renamed it to since.
    pub(super) fn subdomain(&self) -> Option<String> {
        let wanted = self.shared.subdomain.as_ref()?;
        let standing = self.standing.borrow();
        Some(standing.tunnel.as_ref().map_or(wanted, |tunnel| &tunnel.subdomain).clone())
    }

    pub(super) fn retire(&self, finish: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.retiring.spawn(async move { cut.run_until_cancelled(finish).await });
    }

    /// A line has broken, or could not be opened; it is dialled again after this wait.
    pub(super) fn interrupted(&self, reason: String, retry_in: Duration) {
        self.standing.send_modify(|standing| standing.problem = Some(reason.clone()));
        let connections = self.standing.borrow().connections;
        self.tell(Event::Disconnected { reason, retry_in, connections });
    }

    /// Counts the requests on an open line, until [`Closed`] is dropped.
    pub(super) fn opened(self: &Arc<Self>, line: &Line) -> Closed {
        self.open().push(line.clone());
        Closed { station: self.clone(), line: line.clone() }
    }

    /// How many requests are under way on all lines that take any.
    fn streams(&self) -> usize {
        self.open().iter().filter(|line| line.load().is_some()).map(Line::active_streams).sum()
    }

    fn open(&self) -> MutexGuard<'_, Vec<Line>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines are open.
    pub(super) fn connections(&self) -> usize {
        self.standing.borrow().connections
    }

    pub(super) fn connected(&self, tunnel: &TunnelInfo) {
        self.standing.send_modify(|standing| {
            standing.tunnel = Some(tunnel.clone());
            standing.connections += 1;
            standing.problem = None;
        });
        self.tell(Event::Connected(tunnel.clone()));
    }

    pub(super) fn disconnected(&self) {
        self.standing.send_modify(|standing| standing.connections = standing.connections.saturating_sub(1));
    }

    /// The session goes on with another token, or does not.
    pub(super) fn renewed(&self, refused: Option<Refusal>) {
        let refused = refused.map(|Refusal { code, message }| (code, printable(&message)));
        self.tell(Event::Renewed { refused });
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        let Refusal { code, message } = refusal;
        self.tell(Event::Refused { code: code.clone(), message: printable(message) });
    }
}

/// Dropped when a line has ended.
pub(super) struct Closed {
    station: Arc<Station>,
    line: Line,
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.station.open().retain(|line| !line.is_same(&self.line));
    }
}

/// Starts the lines of one session, on `threads`.
pub(super) fn start(shared: Shared, lines: Lines, threads: Threads) -> AgentHandle {
    let (events, _) = broadcast::channel(EVENTS);
    let (standing, watched) = watch::channel(Standing::default());
    let station = Arc::new(Station {
        shared,
        membership: Membership::default(),
        budget: SessionBudget::new(u32::MAX),
        events: events.clone(),
        told: Told::new(),
        standing,
        spread: AtomicU32::new(0),
        open: Mutex::default(),
        retiring: TaskTracker::new(),
        cut: CancellationToken::new(),
    });
    let leave = CancellationToken::new();
    let task = tokio::spawn(supervise(station, lines, threads, leave.clone()));
    AgentHandle { standing: watched, events, leave, task: AbortOnDropHandle::new(task) }
}

async fn supervise(station: Arc<Station>, lines: Lines, threads: Threads, leave: CancellationToken) {
    // When this task is aborted, the lines in the background go as well.
    let _cut = station.cut.clone().drop_guard();
    let watched = station.clone();
    let _watch = AbortOnDropHandle::new(tokio::spawn(async move { watched.shared.token.watch().await }));
    let mut kept = Kept { station: station.clone(), leave, threads, leaves: Vec::new(), tasks: JoinSet::new() };
    while kept.leaves.len() < lines.least {
        kept.add();
    }
    let mut demand = Demand::new(lines);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // One line that is refused for good speaks for all.
    let mut end = AgentError::ShutDown;
    loop {
        tokio::select! {
            ended = kept.tasks.join_next() => match ended {
                None => break,
                Some(Ok(AgentError::ShutDown)) => {}
                Some(Ok(refused)) => {
                    end = refused;
                    kept.tasks.shutdown().await;
                }
                Some(Err(error)) => tracing::error!(%error, "a line's task failed"),
            },
            now = looks.tick(), if lines.least < lines.most => match demand.look(now, kept.work()) {
                Change::None => {}
                // Those that finish what they have begun may take long for it.
                Change::More if kept.tasks.len() >= 2 * lines.most => {}
                Change::More => kept.add(),
                Change::Fewer => kept.let_go(),
            },
        }
    }
    station.retiring.close();
    station.retiring.wait().await;
    station.end(end);
}

/// The lines that are kept open.
struct Kept {
    station: Arc<Station>,
    leave: CancellationToken,
    threads: Threads,
    /// One for each, with which it takes leave.
    leaves: Vec<CancellationToken>,
    tasks: JoinSet<AgentError>,
}

impl Kept {
    fn add(&mut self) {
        // Without a thread of its own it still serves, as it does where all share one.
        if let Err(error) = self.threads.reach(self.leaves.len() + 1) {
            tracing::warn!(%error, "no thread could be started for one more line");
        }
        let leave = self.leave.child_token();
        let keeper = Keeper::new(self.station.clone(), self.leave.clone(), leave.clone());
        self.tasks.spawn_on(keeper.run(), &self.threads.of(self.leaves.len()));
        self.leaves.push(leave);
    }

    fn let_go(&mut self) {
        if let Some(leave) = self.leaves.pop() {
            leave.cancel();
        }
    }

    fn work(&self) -> Work {
        let (kept, open) = (self.leaves.len(), self.station.connections());
        Work { kept, open, streams: self.station.streams(), busy: self.threads.busy() }
    }
}

impl Station {
    fn end(&self, end: AgentError) {
        self.standing.send_modify(|standing| standing.end = Some(end));
    }
}
