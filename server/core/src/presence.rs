//! Which telephones serve what, in this process.

use crate::{Change, Changes};
use domain::{TelephoneSession, TelephoneSessionId, TunnelId};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The telephones that are connected to this process.
#[derive(Debug, Clone)]
pub struct Presence {
    state: Arc<Mutex<State>>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they came.
    sessions: HashMap<TunnelId, Vec<TelephoneSession>>,
    /// Tunnels whose telephone came or left, to be stored with the next batch.
    seen: HashSet<TunnelId>,
}

impl Presence {
    pub(crate) fn new(changes: Changes) -> Self {
        Self { state: Arc::default(), changes }
    }

    /// A telephone came; it is there until the guard is dropped.
    pub fn join(&self, session: TelephoneSession) -> PresenceGuard {
        let (id, tunnel) = (session.id, session.tunnel_id);
        {
            let mut state = self.lock();
            state.seen.insert(tunnel);
            state.sessions.entry(tunnel).or_default().push(session);
        }
        self.changes.publish(Change::Presence(tunnel));
        PresenceGuard { presence: self.clone(), id, tunnel }
    }

    /// Those that serve a tunnel, the oldest first.
    pub fn of(&self, id: TunnelId) -> Vec<TelephoneSession> {
        self.lock().sessions.get(&id).cloned().unwrap_or_default()
    }

    /// How many serve a tunnel.
    pub fn count(&self, id: TunnelId) -> u32 {
        self.lock().sessions.get(&id).map_or(0, |sessions| u32::try_from(sessions.len()).unwrap_or(u32::MAX))
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.lock().sessions.values().map(Vec::len).sum()
    }

    /// The tunnels that are served.
    pub(crate) fn online(&self) -> Vec<TunnelId> {
        self.lock().sessions.keys().copied().collect()
    }

    /// The tunnels whose telephones came or left since this was last asked.
    pub(crate) fn take_seen(&self) -> HashSet<TunnelId> {
        std::mem::take(&mut self.lock().seen)
    }

    /// Puts back what could not be stored.
    pub(crate) fn put_back_seen(&self, seen: HashSet<TunnelId>) {
        self.lock().seen.extend(seen);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A telephone's place in [`Presence`]; dropping it means that the telephone left.
#[derive(Debug)]
#[must_use = "the telephone leaves when this is dropped"]
pub struct PresenceGuard {
    presence: Presence,
    id: TelephoneSessionId,
    tunnel: TunnelId,
}

impl PresenceGuard {
    /// Notes the last measured round trip, milliseconds.
    pub fn set_round_trip(&self, milliseconds: f64) {
        self.change(|session| session.round_trip_ms = Some(milliseconds));
    }

    /// Notes how many sockets the telephone has open.
    pub fn set_lines(&self, lines: u32) {
        self.change(|session| session.lines = lines);
        self.presence.changes.publish(Change::Presence(self.tunnel));
    }

    fn change(&self, change: impl FnOnce(&mut TelephoneSession)) {
        let mut state = self.presence.lock();
        let mut sessions = state.sessions.get_mut(&self.tunnel).into_iter().flatten();
        if let Some(session) = sessions.find(|session| session.id == self.id) {
            change(session);
        }
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        {
            let mut state = self.presence.lock();
            state.seen.insert(self.tunnel);
            if let Some(sessions) = state.sessions.get_mut(&self.tunnel) {
                sessions.retain(|session| session.id != self.id);
                if sessions.is_empty() {
                    state.sessions.remove(&self.tunnel);
                }
            }
        }
        self.presence.changes.publish(Change::Presence(self.tunnel));
    }
}
