//! Which telephones are connected to this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use domain::{TelephoneSessionId, TokenId, TunnelId, TunnelState};

use super::hold::{Hold, HoldSettings};
use super::session::{Cut, Session};
use super::set::{Crowded, SessionSet};
use crate::routing::Table;

/// How many sockets of telephones there are in this process at most.
const MAX_SOCKETS: usize = 20_000;

/// All sessions of this process, by tunnel.
#[derive(Debug)]
pub struct Registry {
    tunnels: DashMap<TunnelId, Arc<SessionSet>>,
    /// The live ones, for further sockets to find them.
    sessions: DashMap<TelephoneSessionId, Arc<Session>>,
    hold: Arc<Hold>,
    sockets: Arc<AtomicUsize>,
}

impl Registry {
    /// An empty one.
    pub fn new(hold: HoldSettings) -> Self {
        Self {
            tunnels: DashMap::new(),
            sessions: DashMap::new(),
            hold: Arc::new(Hold::new(hold)),
            sockets: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// What waits, and what came of waiting.
    pub fn hold(&self) -> &Arc<Hold> {
        &self.hold
    }

    /// The sessions of a tunnel, made empty when it is new.
    pub fn sessions_of(&self, tunnel: TunnelId) -> Arc<SessionSet> {
        self.tunnels.entry(tunnel).or_insert_with(|| Arc::new(SessionSet::new(self.hold.clone()))).clone()
    }

    /// The live session with this id.
    pub fn session(&self, id: TelephoneSessionId) -> Option<Arc<Session>> {
        self.sessions.get(&id).map(|session| session.clone())
    }

    /// Adds a session. One whose telephone shows the `resume` of an earlier one takes that one's place.
    pub fn join(&self, session: &Arc<Session>, resumes: Option<&str>) -> Result<(), Crowded> {
        self.sessions_of(session.tunnel).join(session, resumes)?;
        self.sessions.insert(session.id, session.clone());
        Ok(())
    }

    /// Removes that very session; one that came in its place stays. `back` says whether its telephone will be back.
    pub fn leave(&self, session: &Session, back: bool) {
        self.sessions.remove(&session.id);
        self.sessions_of(session.tunnel).leave(session.id, back);
    }

    /// A place for one more socket; given back when it is dropped.
    pub fn socket(&self) -> Option<SocketPlace> {
        let place = SocketPlace(self.sockets.clone());
        (self.sockets.fetch_add(1, Ordering::Relaxed) < MAX_SOCKETS).then_some(place)
    }

    /// How many sockets of telephones there are.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// How many sessions there are in all.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many streams are open on all lines.
    pub fn streams(&self) -> usize {
        self.all()
            .iter()
            .map(|session| session.lines().iter().map(|line| line.line.active_streams()).sum::<usize>())
            .sum()
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
        self.tunnels.retain(|id, set| table.tunnel(*id).is_some() || !set.is_forsaken());
    }

    /// Tells the telephones of tunnels that have another address than they know.
    pub(crate) fn tell_addresses(&self, table: &Table) {
        for set in &self.tunnels {
            if let Some(route) = table.tunnel(*set.key()) {
                set.tell_address(&route.address);
            }
        }
    }

    /// Ends the sessions that signed in with `token`.
    pub(crate) fn cut_token(&self, token: TokenId) {
        for set in &self.tunnels {
            set.cut(Cut::TokenRevoked, |session| session.token == token);
        }
    }

    /// Nobody is waited for any more: what is held is answered.
    pub fn stop_holding(&self) {
        self.hold.end();
        for set in &self.tunnels {
            set.wake_waiting();
        }
    }

    /// Every session.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.tunnels.iter().flat_map(|set| set.all()).collect()
    }
}

/// One of the places for sockets.
#[derive(Debug)]
pub struct SocketPlace(Arc<AtomicUsize>);

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
