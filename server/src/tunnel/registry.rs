//! Which telephones are connected to this process.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use domain::{TelephoneSessionId, TokenId, TunnelId, TunnelState};
use tokio::sync::Notify;

use super::session::{Cut, Session};
use crate::routing::Table;

/// All sessions of this process, by tunnel.
#[derive(Debug, Default)]
pub struct Registry {
    tunnels: DashMap<TunnelId, Arc<SessionSet>>,
}

/// The sessions of one tunnel. Choosing one takes no lock.
#[derive(Debug)]
pub struct SessionSet {
    sessions: ArcSwap<Vec<Arc<Session>>>,
    next: AtomicUsize,
    /// Held by whoever joins or leaves.
    changing: Mutex<()>,
    /// Until when a telephone is expected back, as time since [`STARTED`] in milliseconds.
    expected_until: AtomicU64,
    joined: Notify,
    waiting: AtomicUsize,
}

/// When this process started, as far as sessions are concerned.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
/// How long a telephone that broke off is waited for, and all of them after a start of the server.
const HOLD: Duration = Duration::from_secs(10);
/// How many requests wait for the telephone of one tunnel.
const MAX_WAITING: usize = 100;

impl Default for SessionSet {
    fn default() -> Self {
        let hold = u64::try_from(HOLD.as_millis()).unwrap_or(u64::MAX);
        // After a start every telephone is on its way back; a tunnel made later expects nobody yet.
        let expected_until = if STARTED.elapsed() < HOLD { hold } else { 0 };
        Self {
            sessions: ArcSwap::default(),
            next: AtomicUsize::new(0),
            changing: Mutex::default(),
            expected_until: AtomicU64::new(expected_until),
            joined: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// The largest number of telephones that serve one tunnel on one node.
const MAX_SESSIONS: usize = 64;

/// The tunnel has as many sessions as it may have.
#[derive(Debug, thiserror::Error)]
#[error("{MAX_SESSIONS} telephones serve this tunnel already")]
pub struct Crowded;

impl SessionSet {
    /// The session for the next request: of two in turn the one with fewer streams.
    pub fn pick(&self) -> Option<Arc<Session>> {
        let sessions = self.sessions.load();
        match sessions.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed);
                let (one, other) = (&several[turn % several.len()], &several[(turn + 1) % several.len()]);
                let fewer = if one.line.active_streams() <= other.line.active_streams() { one } else { other };
                Some(fewer.clone())
            }
        }
    }

    /// The session for the next request, waiting for one that is expected: a telephone that broke off or whose server
    /// was restarted is back in a moment. One that took its leave is not waited for.
    pub async fn pick_or_wait(&self) -> Option<Arc<Session>> {
        if let Some(session) = self.pick() {
            return Some(session);
        }
        let _place = Place::take(&self.waiting)?;
        loop {
            let mut joined = std::pin::pin!(self.joined.notified());
            joined.as_mut().enable();
            if let Some(session) = self.pick() {
                return Some(session);
            }
            let until = *STARTED + Duration::from_millis(self.expected_until.load(Ordering::Relaxed));
            tokio::time::timeout_at(until.into(), joined).await.ok()?;
        }
    }

    /// A telephone is on its way.
    pub fn expect_one(&self) {
        let until = u64::try_from((STARTED.elapsed() + HOLD).as_millis()).unwrap_or(u64::MAX);
        self.expected_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Nobody is expected any more.
    fn expect_nobody(&self) {
        self.expected_until.store(0, Ordering::Relaxed);
        self.joined.notify_waiters();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sessions.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a session. One whose telephone shows the `resume` of an earlier one takes that one's place.
    pub fn join(&self, session: &Arc<Session>, resumes: Option<&str>) -> Result<(), Crowded> {
        let replaced = {
            let _turn = self.turn();
            let mut sessions = Vec::clone(&self.sessions.load());
            let old =
                sessions.iter().position(|old| Some(old.resume.as_str()) == resumes && old.token == session.token);
            let replaced = old.map(|index| sessions.swap_remove(index));
            if sessions.len() >= MAX_SESSIONS {
                return Err(Crowded);
            }
            sessions.push(session.clone());
            self.sessions.store(Arc::new(sessions));
            replaced
        };
        self.joined.notify_waiters();
        if let Some(old) = replaced {
            old.cut(Cut::Replaced);
        }
        Ok(())
    }

    /// Removes that very session; one that came in its place stays. `back` says whether its telephone will be back.
    pub fn leave(&self, id: TelephoneSessionId, back: bool) {
        let _turn = self.turn();
        let mut sessions = Vec::clone(&self.sessions.load());
        let Some(index) = sessions.iter().position(|session| session.id == id) else { return };
        sessions.remove(index);
        if back {
            self.expect_one();
        }
        let last = sessions.is_empty();
        self.sessions.store(Arc::new(sessions));
        if last && !back {
            self.expect_nobody();
        }
    }

    fn cut(&self, cut: Cut, which: impl Fn(&Session) -> bool) {
        for session in self.sessions.load().iter().filter(|session| which(session)) {
            session.cut(cut);
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places for waiting requests, given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Registry {
    /// The sessions of a tunnel, made empty when it is new.
    pub fn sessions_of(&self, tunnel: TunnelId) -> Arc<SessionSet> {
        self.tunnels.entry(tunnel).or_default().clone()
    }

    /// How many sessions there are in all.
    pub fn len(&self) -> usize {
        self.tunnels.iter().map(|set| set.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many streams are open on all lines.
    pub fn streams(&self) -> usize {
        self.all().iter().map(|session| session.line.active_streams()).sum()
    }

    /// Ends the sessions of tunnels that are not in `table` or not active there.
    pub(crate) fn keep_only(&self, table: &Table) {
        for set in &self.tunnels {
            match table.tunnel(*set.key()).map(|route| route.state) {
                Some(TunnelState::Active) => {}
                Some(TunnelState::Paused) => set.cut(Cut::TunnelPaused, |_| true),
                Some(TunnelState::Deleted) | None => set.cut(Cut::TunnelDeleted, |_| true),
            }
        }
        self.tunnels.retain(|id, set| table.tunnel(*id).is_some() || !set.is_empty());
    }

    /// Ends the sessions that signed in with `token`.
    pub(crate) fn cut_token(&self, token: TokenId) {
        for set in &self.tunnels {
            set.cut(Cut::TokenRevoked, |session| session.token == token);
        }
    }

    /// Ends all sessions; the telephones dial again.
    pub(crate) fn cut_all(&self) {
        for set in &self.tunnels {
            set.cut(Cut::SignInAgain, |_| true);
        }
    }

    /// Every session.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.tunnels.iter().flat_map(|set| Vec::clone(&set.sessions.load())).collect()
    }
}
