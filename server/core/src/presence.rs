//! Which telephones serve what, in this process.

use crate::{Change, Changes, store::now};
use domain::{
    LineQuality, LocalFailure, RoundTrip, SessionRecord, TelephoneSession, TelephoneSessionId, Timestamp, TunnelId,
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many round trips of a session are kept: five minutes of them.
const ROUND_TRIPS: usize = 60;
/// How many sessions that have ended wait for a database that is away.
const MAX_ENDED: usize = 10_000;

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
    /// The latest round trips, the oldest first.
    round_trips: HashMap<TelephoneSessionId, VecDeque<RoundTrip>>,
    /// Sessions that have ended and are not stored yet, the oldest first.
    ended: VecDeque<Ended>,
}

/// A session that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) session: TelephoneSession,
    pub(crate) at: Timestamp,
    pub(crate) reason: String,
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
        PresenceGuard { presence: self.clone(), id, tunnel, reason: None }
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

    /// Those that serve a tunnel with their latest round trips, the oldest first.
    pub(crate) fn records(&self, id: TunnelId) -> Vec<SessionRecord> {
        let state = self.lock();
        let sessions = state.sessions.get(&id).into_iter().flatten();
        let record = |session: &TelephoneSession| SessionRecord {
            round_trips: state.round_trips.get(&session.id).into_iter().flatten().copied().collect(),
            session: session.clone(),
            ended_at: None,
            reason: None,
        };
        sessions.map(record).collect()
    }

    /// A telephone had no answer of its local server.
    pub fn note_local_failure(&self, tunnel: TunnelId, id: TelephoneSessionId, code: &str) {
        let mut state = self.lock();
        let mut sessions = state.sessions.get_mut(&tunnel).into_iter().flatten();
        if let Some(session) = sessions.find(|session| session.id == id) {
            session.quality.local_failures += 1;
            session.quality.last_local_failure = Some(LocalFailure { code: code.to_owned(), at: now() });
        }
    }

    /// The sessions that have ended since this was last asked.
    pub(crate) fn take_ended(&self) -> Vec<Ended> {
        std::mem::take(&mut self.lock().ended).into()
    }

    /// Puts back what could not be stored.
    pub(crate) fn put_back_ended(&self, ended: Vec<Ended>) {
        let mut state = self.lock();
        for ended in ended.into_iter().rev() {
            state.ended.push_front(ended);
        }
        state.bound_ended();
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
    reason: Option<String>,
}

impl State {
    /// Nobody learns of the oldest ones while the database is away for long.
    fn bound_ended(&mut self) {
        while self.ended.len() > MAX_ENDED {
            self.ended.pop_front();
        }
    }
}

impl PresenceGuard {
    /// Notes the last measured round trip, milliseconds; one more of those that are kept.
    pub fn set_round_trip(&self, milliseconds: f64) {
        self.change(|session| session.round_trip_ms = Some(milliseconds));
        let mut state = self.presence.lock();
        let kept = state.round_trips.entry(self.id).or_default();
        if kept.len() == ROUND_TRIPS {
            kept.pop_front();
        }
        kept.push_back(RoundTrip { at: now().timestamp(), ms: milliseconds });
    }

    /// Notes what the telephone calls itself and its machine now; what is not there stays.
    pub fn describe(&self, agent: Option<String>, machine: Option<String>) {
        self.change(|session| {
            session.agent = agent.unwrap_or_else(|| std::mem::take(&mut session.agent));
            session.machine = machine.or_else(|| session.machine.take());
        });
        self.presence.changes.publish(Change::Presence(self.tunnel));
    }

    /// Notes how the lines do; what is known of the local server stays.
    pub fn set_quality(&self, quality: LineQuality) {
        self.change(|session| {
            let LineQuality { local_failures, last_local_failure, .. } = std::mem::take(&mut session.quality);
            session.quality = LineQuality { local_failures, last_local_failure, ..quality };
        });
    }

    /// The telephone left, and why.
    pub fn leave(mut self, reason: impl Into<String>) {
        self.reason = Some(reason.into());
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
            state.round_trips.remove(&self.id);
            let sessions = state.sessions.entry(self.tunnel).or_default();
            let place = sessions.iter().position(|session| session.id == self.id);
            let left = place.map(|place| sessions.remove(place));
            if sessions.is_empty() {
                state.sessions.remove(&self.tunnel);
            }
            let reason = self.reason.take().unwrap_or_else(|| "its connection was given up".to_owned());
            state.ended.extend(left.map(|session| Ended { session, at: now(), reason }));
            state.bound_ended();
        }
        self.presence.changes.publish(Change::Presence(self.tunnel));
    }
}
