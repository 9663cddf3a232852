//! The telephones of one tunnel, and the requests that wait for one.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use domain::{TelephoneSessionId, TunnelId};
use tokio::sync::Notify;

use super::address::Address;
use super::claim::{Claim, Claims};
use super::hold::Hold;
use super::session::{Cut, Session, SessionLine};
use crate::front::Rate;

/// The largest number of telephones that serve one tunnel on one node.
const MAX_SESSIONS: usize = 64;

/// The sessions of one tunnel. Choosing one takes no lock.
#[derive(Debug)]
pub struct SessionSet {
    tunnel: TunnelId,
    sessions: ArcSwap<Vec<Arc<Session>>>,
    next: AtomicUsize,
    /// The same for [`home`](Self::home); one counter for both would have them take turns with each other.
    next_home: AtomicUsize,
    /// Held by whoever joins or leaves.
    changing: Mutex<()>,
    /// Until when a telephone is expected back, as [`Hold::millis`].
    expected_until: AtomicU64,
    changed: Notify,
    /// What the telephones announce.
    claims: Arc<Claims>,
    waiting: AtomicUsize,
    hold: Arc<Hold>,
}

/// There are as many sessions as there may be.
#[derive(Debug, thiserror::Error)]
pub enum Crowded {
    /// Of the tunnel.
    #[error("{MAX_SESSIONS} telephones serve this tunnel already")]
    Tunnel,
    /// Of the token.
    #[error(
        "this token may have {0} telephones connected at once, and has them; stop one of them, or use another token"
    )]
    Token(u32),
}

impl Crowded {
    /// Whether one more than `sessions` is too many for a token that may have `most`.
    pub(super) fn check(sessions: usize, most: Option<u32>) -> Result<(), Self> {
        match most.filter(|most| sessions >= usize::try_from(*most).unwrap_or(usize::MAX)) {
            Some(most) => Err(Self::Token(most)),
            None => Ok(()),
        }
    }
}

impl SessionSet {
    pub(super) fn new(tunnel: TunnelId, hold: Arc<Hold>) -> Self {
        Self {
            tunnel,
            sessions: ArcSwap::default(),
            next: AtomicUsize::new(0),
            next_home: AtomicUsize::new(0),
            changing: Mutex::default(),
            expected_until: AtomicU64::new(hold.first_return()),
            changed: Notify::new(),
            claims: Arc::default(),
            waiting: AtomicUsize::new(0),
            hold,
        }
    }

    /// A telephone is waited for at least until then, in [`Hold::millis`].
    pub(super) fn expect_until(&self, until: u64) {
        self.expected_until.fetch_max(until, Ordering::Relaxed);
    }

    /// The line for the next request: of two sessions in turn that with fewer streams, of its lines the nearest.
    pub fn pick(&self) -> Option<Arc<SessionLine>> {
        let sessions = self.sessions.load();
        match sessions.as_slice() {
            [] => None,
            [only] => only.pick(),
            several => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed);
                let (one, other) = (&several[turn % several.len()], &several[(turn + 1) % several.len()]);
                let fewer = match (one.load(), other.load()) {
                    (Some(load), Some(than)) if load <= than => one,
                    (Some(_), None) => one,
                    _ => other,
                };
                fewer.pick().or_else(|| several.iter().find_map(|session| session.pick()))
            }
        }
    }

    /// The data plane thread on which a visitor's connection is nearest to a telephone: that of one of the lines, each in
    /// turn.
    pub fn home(&self) -> Option<usize> {
        let sessions = self.sessions.load();
        let turn = self.next_home.fetch_add(1, Ordering::Relaxed);
        let session = sessions.get(turn % sessions.len().max(1))?;
        session.home(turn / sessions.len())
    }

    /// A line whose telephone was heard lately, for a request under which one has broken: others may be about to.
    pub fn pick_lively(&self) -> Option<Arc<SessionLine>> {
        self.pick()
            .filter(|line| !line.line.is_silent())
            .or_else(|| self.sessions.load().iter().find_map(|session| session.pick_lively()))
    }

    /// The emptiest line of all, for a request that the nearest one had no room for.
    pub fn pick_emptiest(&self) -> Option<Arc<SessionLine>> {
        let sessions = self.sessions.load();
        sessions.iter().filter_map(|session| session.pick_emptiest()).min_by_key(|line| line.line.load())
    }

    /// The line for the next request, once there is one: a telephone that broke off or whose server was restarted is
    /// back in a moment. One that took its leave is not waited for, and nobody longer than `limit`. `pick` says which
    /// line will do.
    pub async fn wait(
        &self,
        limit: Duration,
        pick: impl Fn(&Self) -> Option<Arc<SessionLine>>,
    ) -> Option<Arc<SessionLine>> {
        self.hold.ask_for(self.tunnel);
        let limit = limit.min(self.hold.limit()?);
        if self.deadline(Instant::now() + limit) <= Instant::now() {
            return None;
        }
        let place = self.hold.place(&self.waiting)?;
        let latest = Instant::now() + limit;
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(line) = pick(self) {
                return Some(line);
            }
            self.hold.limit()?;
            if tokio::time::timeout_at(self.deadline(latest).into(), changed).await.is_err() {
                place.timed_out();
                return None;
            }
        }
    }

    /// Until when it makes sense to wait, at most `latest`. A session that is there but takes nothing is about to end,
    /// and only then it is known whether its telephone will be back; and any may be with the process before this one.
    fn deadline(&self, latest: Instant) -> Instant {
        if !self.is_empty() || self.hold.is_moving() {
            return latest;
        }
        self.hold.instant(self.expected_until.load(Ordering::Relaxed)).min(latest)
    }

    /// Whether nobody is there, and a telephone that broke off is expected back: a request may wait for it.
    pub fn is_awaited(&self) -> bool {
        let now = Instant::now();
        self.is_empty() && self.hold.limit().is_some_and(|limit| self.deadline(now + limit) > now)
    }

    /// A request is sent a second time.
    pub fn retried(&self) {
        self.hold.retried();
    }

    /// A telephone wants to serve the tunnel and announces what this is the key of; `None` when those that serve it
    /// announce something else.
    pub(super) fn claim(&self, key: &str) -> Option<Claim> {
        self.claims.claim(key)
    }

    /// Whether nobody is there or on the way.
    pub(super) fn is_forsaken(&self) -> bool {
        self.is_empty() && !self.claims.is_held()
    }

    /// A telephone is on its way.
    pub fn expect_one(&self) {
        if let Some(limit) = self.hold.limit() {
            self.expected_until.fetch_max(self.hold.millis(Instant::now() + limit), Ordering::Relaxed);
        }
    }

    /// The limits of the tokens that they have signed in with, each once.
    pub fn rates(&self) -> Vec<Arc<Rate>> {
        let mut rates: Vec<Arc<Rate>> = Vec::new();
        for rate in self.sessions.load().iter().filter_map(|session| session.rate.as_ref()) {
            if !rates.iter().any(|known| Arc::ptr_eq(known, rate)) {
                rates.push(rate.clone());
            }
        }
        rates
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sessions.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The session whose place `session` would take.
    pub(super) fn resumed(&self, session: &Session, resumes: Option<&str>) -> Option<TelephoneSessionId> {
        let sessions = self.sessions.load();
        sessions.iter().find(|old| is_resumed(old, session, resumes)).map(|old| old.id)
    }

    /// Adds a session. One whose telephone shows the `resume` of an earlier one takes that one's place.
    pub(super) fn join(&self, session: &Arc<Session>, resumes: Option<&str>) -> Result<(), Crowded> {
        let replaced = {
            let _turn = self.turn();
            let mut sessions = Vec::clone(&self.sessions.load());
            let old = sessions.iter().position(|old| is_resumed(old, session, resumes));
            let replaced = old.map(|index| sessions.swap_remove(index));
            if sessions.len() >= MAX_SESSIONS {
                return Err(Crowded::Tunnel);
            }
            sessions.push(session.clone());
            self.sessions.store(Arc::new(sessions));
            replaced
        };
        self.changed.notify_waiters();
        if let Some(old) = replaced {
            old.cut(Cut::Replaced);
        }
        Ok(())
    }

    /// A line was added to one of the sessions.
    pub(super) fn line_joined(&self) {
        self.changed.notify_waiters();
    }

    /// Removes that very session; one that came in its place stays. `back` says whether its telephone will be back.
    pub(super) fn leave(&self, id: TelephoneSessionId, back: bool) {
        {
            let _turn = self.turn();
            let mut sessions = Vec::clone(&self.sessions.load());
            let Some(index) = sessions.iter().position(|session| session.id == id) else { return };
            sessions.remove(index);
            if back {
                self.expect_one();
            } else if sessions.is_empty() {
                self.expected_until.store(0, Ordering::Relaxed);
            }
            self.sessions.store(Arc::new(sessions));
        }
        self.changed.notify_waiters();
    }

    pub(super) fn cut(&self, cut: Cut, which: impl Fn(&Session) -> bool) {
        for session in self.sessions.load().iter().filter(|session| which(session)) {
            session.cut(cut);
        }
    }

    pub(super) fn tell_address(&self, address: &Address) {
        for session in self.sessions.load().iter() {
            session.set_address(address);
        }
    }

    /// Lets all that wait look again.
    pub(super) fn wake_waiting(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        Vec::clone(&self.sessions.load())
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_resumed(old: &Session, session: &Session, resumes: Option<&str>) -> bool {
    Some(old.resume.as_str()) == resumes && old.token == session.token
}
