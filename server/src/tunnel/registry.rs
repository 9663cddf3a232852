//! Which telephones are connected to this process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use domain::{TelephoneSessionId, TokenId, TunnelId, TunnelState};

use super::session::{Cut, Session};
use crate::routing::Table;

/// All sessions of this process, by tunnel.
#[derive(Debug, Default)]
pub struct Registry {
    tunnels: DashMap<TunnelId, Arc<SessionSet>>,
}

/// The sessions of one tunnel. Choosing one takes no lock.
#[derive(Debug, Default)]
pub struct SessionSet {
    sessions: ArcSwap<Vec<Arc<Session>>>,
    next: AtomicUsize,
    /// Held by whoever joins or leaves.
    changing: Mutex<()>,
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
        if let Some(old) = replaced {
            old.cut(Cut::Replaced);
        }
        Ok(())
    }

    /// Removes that very session; one that came in its place stays.
    pub fn leave(&self, id: TelephoneSessionId) {
        let _turn = self.turn();
        let mut sessions = Vec::clone(&self.sessions.load());
        sessions.retain(|session| session.id != id);
        self.sessions.store(Arc::new(sessions));
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
