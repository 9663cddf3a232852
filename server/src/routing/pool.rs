//! The backends of a service that carry one tag, and which of them takes a request.

use std::net::IpAddr;
use std::sync::Arc;

use domain::{
    Affinity, BackendId, BackendName, BackendState, Balance, HealthStatus, RegionName, Resilience, ServiceId,
    ServiceName, Tag, UserId,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use server_core::Meter;
use server_routing::balance::{self, Cursor, Tried, stable_hash};

use super::TunnelRoute;
use super::backend::Backend;
use crate::front::Front;
use crate::upstream::Upstream;

/// What a cookie for affinity is called when its service names none.
const COOKIE: &str = "switchboard-backend";

/// The backends of one service with one tag, or all of them.
#[derive(Debug)]
pub struct Pool {
    /// The service.
    pub service: ServiceId,
    /// Its name.
    pub name: ServiceName,
    /// Whose it is.
    pub owner: UserId,
    /// The tag.
    pub tag: Option<Tag>,
    /// How failures are dealt with.
    pub resilience: Resilience,
    /// Counts the service's traffic.
    pub meter: Arc<Meter>,
    pub(super) strategy: Balance,
    pub(super) affinity: Ties,
    pub(super) cursor: Arc<Cursor>,
    /// Those of this node's region, and those of no region in particular, first.
    pub(super) candidates: Box<[Candidate]>,
    /// How many of them are near.
    pub(super) near: usize,
    /// The tunnels among its backends, also those of other regions, that something stands in front of.
    pub(super) guarded: Box<[Arc<TunnelRoute>]>,
}

/// One of a pool's backends.
#[derive(Debug)]
pub struct Candidate {
    /// How it is doing.
    pub backend: Arc<Backend>,
    /// Counts what it is given.
    pub meter: Arc<Meter>,
    /// What its owner calls it.
    pub name: BackendName,
    /// What reaches it.
    pub origin: Origin,
    /// Whether the telephones of its tunnel announce it.
    pub announced: bool,
    /// What its owner has decided.
    pub state: BackendState,
    /// Where it lives.
    pub region: Option<RegionName>,
    pub(super) key: u64,
    pub(super) weight: u32,
    pub(super) slow_start: u32,
    pub(super) most: u32,
}

/// Backends that somebody chooses, wherever rules lead.
#[derive(Clone, Debug)]
pub enum Meant {
    /// Those of a service with a tag.
    Tag(ServiceId, Tag),
    /// One.
    Backend(BackendId),
}

/// What reaches a backend.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Connections to its address.
    Address(Arc<Upstream>),
    /// The telephones of a tunnel.
    Tunnel(Arc<TunnelRoute>),
    /// The switchboards of another region.
    Region(Arc<Upstream>),
}

/// What ties a client to a backend.
#[derive(Debug)]
pub(super) enum Ties {
    None,
    Cookie(Box<str>),
    Address,
    Header(HeaderName),
}

/// How a request's client is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It is not.
    None,
    /// By a hash of what it is.
    Hash(u64),
    /// By the cookie that names its backend.
    Backend(u64),
    /// By a cookie that it is to be given.
    New,
}

impl Ties {
    pub(super) fn new(affinity: &Affinity) -> Self {
        match affinity {
            Affinity::None => Self::None,
            Affinity::Cookie { name } => Self::Cookie(name.as_ref().map_or(COOKIE, |name| name.as_str()).into()),
            Affinity::ClientAddress => Self::Address,
            // A name that is none was refused when it was saved.
            Affinity::Header { name } => name.as_str().parse().map_or(Self::None, Self::Header),
        }
    }
}

impl Pool {
    /// All of its backends.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether one of them is reached through another region.
    pub fn reaches_far(&self) -> bool {
        self.candidates[self.near..].iter().any(Candidate::is_elsewhere)
    }

    /// The tunnels among its backends that something stands in front of.
    pub(super) fn guarded(&self) -> &[Arc<TunnelRoute>] {
        &self.guarded
    }

    /// What stands in front of tunnels that are among its backends.
    pub fn fronts(&self) -> impl Iterator<Item = &Arc<Front>> + Clone {
        self.guarded.iter().filter_map(|route| route.front.as_ref())
    }

    /// Whether the backend at this place is of this node's region, or of none in particular.
    pub(super) fn is_near(&self, place: usize) -> bool {
        place < self.near
    }

    /// How a backend is chosen, in words.
    pub(super) fn way(&self) -> &'static str {
        match (&self.affinity, self.strategy) {
            (Ties::Cookie(_), _) => "clients stay by cookie",
            (Ties::Address, _) => "clients stay by their address",
            (Ties::Header(_), _) => "clients stay by a header",
            (Ties::None, Balance::TwoChoices) => "the less busy of two at random",
            (Ties::None, Balance::RoundRobin) => "one after the other",
            (Ties::None, Balance::LeastConnections) => "the least busy",
            (Ties::None, Balance::Weighted) => "by weight",
        }
    }

    /// Whether one of its backends has this key.
    pub(super) fn has(&self, key: u64) -> bool {
        self.candidates.iter().any(|candidate| candidate.key == key)
    }

    /// How the client of a request with these fields is recognised.
    pub fn tie(&self, headers: &HeaderMap, client: IpAddr) -> Tie {
        match &self.affinity {
            Ties::None => Tie::None,
            Ties::Address => match client {
                IpAddr::V4(address) => Tie::Hash(stable_hash(&address.octets())),
                IpAddr::V6(address) => Tie::Hash(stable_hash(&address.octets())),
            },
            Ties::Header(name) => headers.get(name).map_or(Tie::None, |value| Tie::Hash(stable_hash(value.as_bytes()))),
            Ties::Cookie(name) => cookie(headers, name)
                .and_then(|value| u64::from_str_radix(value, 16).ok())
                .map_or(Tie::New, Tie::Backend),
        }
    }

    /// Picks the backend for a request, by its place among [`candidates`](Self::candidates), other than those that were
    /// tried. Nobody is picked who is not well; who was left out for failing is, when there is nobody else, and so is a
    /// telephone that is on its way back.
    ///
    /// With `hopped`, another region has passed the request on already and it goes no further.
    pub fn pick(&self, tie: Tie, tried: &Tried, hopped: bool) -> Option<usize> {
        self.pick_in_turn(&self.cursor, tie, tried, hopped)
    }

    /// Whom [`pick`](Self::pick) could pick now, without taking a turn.
    pub(super) fn would_pick(&self, tie: Tie) -> Option<usize> {
        self.pick_in_turn(&self.cursor.aside(), tie, &Tried::default(), false)
    }

    fn pick_in_turn(&self, cursor: &Cursor, tie: Tie, tried: &Tried, hopped: bool) -> Option<usize> {
        if let Tie::Backend(key) = tie
            && let Some(place) = self.candidates.iter().position(|candidate| candidate.key == key)
            && !tried.contains(place)
            && !(hopped && self.candidates[place].is_elsewhere())
            && self.candidates[place].may_keep_clients()
        {
            return Some(place);
        }
        let hash = match tie {
            Tie::Hash(hash) => Some(hash),
            Tie::None | Tie::Backend(_) | Tie::New => None,
        };
        let mut rng = rand::rng();
        let (near, far) = self.candidates.split_at(self.near);
        balance::pick(self.strategy, cursor, near, hash, tried, &mut rng)
            .or_else(|| if hopped { None } else { self.pick_far(cursor, far, hash, tried, &mut rng) })
            .or_else(|| self.pick_ejected(tried, hopped))
            .or_else(|| self.pick_awaited(tried))
    }

    fn pick_far(
        &self,
        cursor: &Cursor,
        far: &[Candidate],
        hash: Option<u64>,
        tried: &Tried,
        rng: &mut impl rand::Rng,
    ) -> Option<usize> {
        if far.is_empty() {
            return None;
        }
        // Places are those among the far ones here.
        let mut tried_far = Tried::default();
        for place in (self.near..self.candidates.len()).filter(|place| tried.contains(*place)) {
            if !tried_far.insert(place - self.near) {
                return None;
            }
        }
        balance::pick(self.strategy, cursor, far, hash, &tried_far, rng).map(|place| place + self.near)
    }

    /// When all have failed of late, the one with the least to do may still be better than nobody.
    fn pick_ejected(&self, tried: &Tried, hopped: bool) -> Option<usize> {
        let open = self.candidates.iter().enumerate().filter(|(place, candidate)| {
            candidate.backend.is_ejected()
                && candidate.takes_clients()
                && !tried.contains(*place)
                && !(hopped && candidate.is_elsewhere())
        });
        open.min_by_key(|(_, candidate)| candidate.backend.in_flight()).map(|(place, _)| place)
    }

    /// When there is nobody at all, a telephone that has just broken off is waited for, as it is for its tunnel's own
    /// requests.
    fn pick_awaited(&self, tried: &Tried) -> Option<usize> {
        let is_awaited = |candidate: &Candidate| match &candidate.origin {
            Origin::Tunnel(route) => route.sessions.is_awaited(),
            Origin::Address(_) | Origin::Region(_) => false,
        };
        let takes = |candidate: &Candidate| candidate.state == BackendState::Running && !candidate.is_full();
        self.candidates
            .iter()
            .enumerate()
            .find(|(place, candidate)| !tried.contains(*place) && takes(candidate) && is_awaited(candidate))
            .map(|(place, _)| place)
    }

    /// The cookie that ties a client to the backend at this place, unless `tie` shows that it has it.
    pub fn set_cookie(&self, tie: Tie, place: usize, secure: bool) -> Option<HeaderValue> {
        let Ties::Cookie(name) = &self.affinity else { return None };
        let key = self.candidates.get(place)?.key;
        if tie == Tie::Backend(key) {
            return None;
        }
        let secure = if secure { "; Secure" } else { "" };
        HeaderValue::try_from(format!("{name}={key:016x}; Path=/; HttpOnly; SameSite=Lax{secure}")).ok()
    }
}

impl Candidate {
    /// Whether new clients may be sent here; whether it has failed of late is another matter.
    pub fn takes_clients(&self) -> bool {
        self.state == BackendState::Running && self.may_keep_clients()
    }

    /// Whether it is reached through another region.
    fn is_elsewhere(&self) -> bool {
        matches!(self.origin, Origin::Region(_))
    }

    /// Whether clients that are tied to it may stay.
    fn may_keep_clients(&self) -> bool {
        let reachable = match &self.origin {
            Origin::Address(_) | Origin::Region(_) => true,
            Origin::Tunnel(route) => !route.sessions.is_empty(),
        };
        reachable && !self.is_full() && self.backend.health() != HealthStatus::Unhealthy
    }

    /// Whether it has as many requests as it may have.
    pub fn is_full(&self) -> bool {
        self.most != 0 && self.backend.in_flight() >= self.most
    }

    /// The most requests in flight on it; 0: as many as come.
    pub fn most(&self) -> u32 {
        self.most
    }
}

impl balance::Candidate for Candidate {
    fn key(&self) -> u64 {
        self.key
    }

    fn in_flight(&self) -> u32 {
        self.backend.in_flight()
    }

    fn weight(&self) -> u32 {
        self.weight
    }

    fn warmth(&self) -> u32 {
        self.backend.warmth(self.slow_start)
    }

    fn usable(&self) -> bool {
        self.takes_clients() && !self.backend.is_ejected()
    }
}

/// The value of a cookie (RFC 6265 section 4.2).
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    fields
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
