//! Which telephones are connected to this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use domain::{TelephoneSessionId, TokenId, TunnelId, TunnelState, UserId};
use uuid::Uuid;

use super::hold::{Hold, HoldSettings};
use super::session::{Cut, Session};
use super::set::{Crowded, SessionSet};
use crate::front::TokenRates;
use crate::handover::Moving;
use crate::routing::Table;

/// How many sockets of telephones there are in this process at most.
const MAX_SOCKETS: usize = 20_000;

/// A live session of a token.
#[derive(Debug)]
struct Holder {
    session: TelephoneSessionId,
    /// The short-lived token that it has signed in with first.
    short: Option<Uuid>,
}

/// All sessions of this process, by tunnel.
#[derive(Debug)]
pub struct Registry {
    tunnels: DashMap<TunnelId, Arc<SessionSet>>,
    /// The live ones, for further sockets to find them.
    sessions: DashMap<TelephoneSessionId, Arc<Session>>,
    /// The live ones of each token. Held by whoever joins, before anything of the tunnel's.
    holders: DashMap<TokenId, Vec<Holder>>,
    /// How often it was looked whether tokens are still good.
    token_looks: AtomicU64,
    rates: TokenRates,
    hold: Arc<Hold>,
    sockets: Arc<AtomicUsize>,
}

impl Registry {
    /// An empty one.
    pub fn new(hold: HoldSettings) -> Self {
        Self {
            tunnels: DashMap::new(),
            sessions: DashMap::new(),
            holders: DashMap::new(),
            token_looks: AtomicU64::new(0),
            rates: TokenRates::default(),
            hold: Arc::new(Hold::new(hold)),
            sockets: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// What waits, and what came of waiting.
    pub fn hold(&self) -> &Arc<Hold> {
        &self.hold
    }

    /// How many requests tokens may have.
    pub fn rates(&self) -> &TokenRates {
        &self.rates
    }

    /// The sessions of a tunnel, made empty when it is new.
    pub fn sessions_of(&self, tunnel: TunnelId) -> Arc<SessionSet> {
        self.tunnels.entry(tunnel).or_insert_with(|| Arc::new(SessionSet::new(tunnel, self.hold.clone()))).clone()
    }

    /// The live session with this id.
    pub fn session(&self, id: TelephoneSessionId) -> Option<Arc<Session>> {
        self.sessions.get(&id).map(|session| session.clone())
    }

    /// Adds a session. One whose telephone shows the `resume` of an earlier one takes that one's place.
    pub fn join(
        &self,
        session: &Arc<Session>,
        resumes: Option<&str>,
        max_sessions: Option<u32>,
    ) -> Result<(), Crowded> {
        let joined = self.take_in(session, resumes, max_sessions);
        if joined.is_err() {
            self.holders.remove_if(&session.token, |_, holders| holders.is_empty());
        }
        joined
    }

    fn take_in(&self, session: &Arc<Session>, resumes: Option<&str>, max_sessions: Option<u32>) -> Result<(), Crowded> {
        let (short, set) = (session.short(), self.sessions_of(session.tunnel));
        let mut holders = self.holders.entry(session.token).or_default();
        let replaced = set.resumed(session, resumes);
        let others = || holders.iter().filter(|other| Some(other.session) != replaced);
        Crowded::check(others().count(), max_sessions)?;
        if let Some(short) = short {
            let same = others().filter(|other| other.short == Some(short.id)).count();
            Crowded::check(same, short.max_sessions)?;
        }
        set.join(session, resumes)?;
        holders.retain(|other| Some(other.session) != replaced);
        holders.push(Holder { session: session.id, short: short.map(|short| short.id) });
        self.sessions.insert(session.id, session.clone());
        Ok(())
    }

    /// Removes that very session; one that came in its place stays. `back` says whether its telephone will be back.
    pub fn leave(&self, session: &Session, back: bool) {
        self.sessions.remove(&session.id);
        if let Some(mut holders) = self.holders.get_mut(&session.token) {
            holders.retain(|holder| holder.session != session.id);
        }
        self.holders.remove_if(&session.token, |_, holders| holders.is_empty());
        self.sessions_of(session.tunnel).leave(session.id, back);
    }

    /// The live sessions of a token.
    pub(super) fn of_token(&self, token: TokenId) -> Vec<Arc<Session>> {
        let holders = self.holders.get(&token).map(|holders| holders.iter().map(|holder| holder.session).collect());
        let ids: Vec<TelephoneSessionId> = holders.unwrap_or_default();
        ids.into_iter().filter_map(|id| self.session(id)).collect()
    }

    /// The tokens of an account that have live sessions.
    pub(super) fn tokens_of(&self, owner: UserId) -> Vec<TokenId> {
        self.sessions.iter().filter(|session| session.owner == owner).map(|session| session.token).collect()
    }

    /// The tokens that have live sessions.
    pub(super) fn tokens(&self) -> Vec<TokenId> {
        self.holders.iter().map(|entry| *entry.key()).collect()
    }

    /// How often it was looked whether tokens are still good. Whoever finds that it was, between the moment at which they
    /// had a token looked up and that at which they joined, may have been overlooked.
    pub(super) fn token_looks(&self) -> u64 {
        self.token_looks.load(Ordering::SeqCst)
    }

    /// It is about to be looked.
    pub(super) fn look_at_tokens(&self) {
        self.token_looks.fetch_add(1, Ordering::SeqCst);
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

    /// All telephones are on their way here from now on: they were with another process.
    pub fn expect_all(&self) {
        let Some(limit) = self.hold.limit() else { return };
        let until = self.hold.millis(Instant::now() + limit);
        for tunnel in &self.tunnels {
            tunnel.expect_until(until);
        }
    }

    /// Telephones are with the process before this one, which sends them one after the other, and those at once whose
    /// tunnels are asked for here. What this returns is to be run meanwhile.
    pub fn follow(self: Arc<Self>, mut before: Moving) -> impl Future<Output = ()> {
        let mut asked_for = self.hold.begin_moving();
        async move {
            loop {
                let tunnel = tokio::select! {
                    () = before.over() => break,
                    Some(tunnel) = asked_for.recv() => tunnel,
                };
                if let Err(error) = before.ask(tunnel).await {
                    tracing::debug!(%error, "the process before this one has no telephones left");
                    break;
                }
            }
            self.expect_all();
            self.hold.end_moving();
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
