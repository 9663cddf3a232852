//! The connections of one backend, and the way of a request over one of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::{BackendAddress, BackendScheme};
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use http_body::Body;
use http2::Stream;
use tokio::time::{Instant, timeout_at};
use wire::head::RequestHead;

use super::answer::Answer;
use super::dial::{Dial, Version};
use super::error::{ConnectError, Failed, UpstreamError};
use super::names::Names;
use super::outgoing::Outgoing;
use super::places::{Place, Places};
use super::slot::{Pooled, Slot};
use super::trust::{Offer, Trust};
use super::{ConnectPolicy, PolicyError, over_http1, over_http2};
use crate::ingress::current_worker;

/// What a backend may use up, and how long opening a connection to it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From the wish for a connection to having it: waiting for a free one, the lookup of the name, TCP and TLS.
    pub connect_timeout: Duration,
    /// Connections of one backend at once, over all threads.
    pub max_connections: usize,
    /// Idle connections of one backend that each thread keeps.
    pub max_idle: usize,
    /// How long an idle connection is kept; less if the backend says that it closes it sooner (`Keep-Alive: timeout=5`).
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            max_connections: 1024,
            max_idle: 256,
            idle: Duration::from_secs(30),
        }
    }
}

/// What all backends have in common.
#[derive(Clone, Debug)]
pub struct Common {
    /// Bounds and deadlines.
    pub settings: Settings,
    /// How many data plane threads there are; each has connections of its own.
    pub threads: usize,
    /// Where names are looked up.
    pub names: Arc<Names>,
    /// Whose certificates are believed.
    pub trust: Arc<Trust>,
}

/// One backend that is an address, with the connections to it. Meant to live as long as address, verification and policy
/// stay the same; dropped, it closes its idle connections, and those in use when their requests are over.
pub struct Upstream {
    dial: Dial,
    speaks: Speaks,
    /// What TLS has agreed on last.
    prefers_http1: AtomicBool,
    /// What `Host` says when a request has none.
    authority: HeaderValue,
    settings: Settings,
    places: Arc<Places>,
    /// One for each data plane thread, and one for whoever else has something to ask.
    slots: Box<[Arc<Slot>]>,
}

/// How many connections an upstream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// All of them.
    pub open: usize,
    /// Those on which nothing is under way.
    pub idle: usize,
}

/// What becomes of a request that may be done twice, and is lost because an idle connection was closed just then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfLost {
    /// It is sent again, once.
    SendAgain,
    /// It is not: it has been lost before.
    GiveUp,
}

impl Upstream {
    /// Makes one without connections. With `verify`, the certificate of an `https` backend has to be for the host of its
    /// address and signed by somebody that is trusted; without, anybody on the way can pretend to be the backend.
    pub fn new(address: BackendAddress, verify: bool, policy: ConnectPolicy, common: &Common) -> Self {
        let settings = common.settings;
        let places = Arc::new(Places::new(settings.max_connections));
        let slot = || Arc::new(Slot::new(places.clone(), settings.max_idle));
        let slots = (0..=common.threads).map(|_| slot()).collect();
        // The text of an address has only what a field may have.
        let authority = HeaderValue::try_from(address.authority()).unwrap_or(HeaderValue::from_static("localhost"));
        let (names, trust) = (common.names.clone(), common.trust.clone());
        let dial = Dial { address, verify, policy, names, trust, known: Default::default() };
        let speaks = Speaks::of(&dial.address);
        Self { dial, speaks, prefers_http1: AtomicBool::new(false), authority, settings, places, slots }
    }

    /// What its `Host` is.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Where it is.
    pub fn address(&self) -> &BackendAddress {
        &self.dial.address
    }

    /// Whether certificates are verified.
    pub fn verifies(&self) -> bool {
        self.dial.verify
    }

    /// Which addresses may be connected to.
    pub fn policy(&self) -> &ConnectPolicy {
        &self.dial.policy
    }

    /// Why it may not be connected to, as far as that is known without asking a name server.
    pub fn refusal(&self) -> Option<PolicyError> {
        self.dial.refusal()
    }

    /// Sends a request and waits for the final head of the response. See [the module](super) for what becomes of `head`
    /// and `body`; informational heads other than 100 are given to `informed` as they come. Dropping the future cancels
    /// the request.
    ///
    /// # Errors
    /// What went wrong, with the body if it is still at hand. A request that got lost because an idle connection was
    /// closed just then is sent again once, on a fresh one, if that is safe and `lost` allows it.
    pub async fn request<B>(
        &self,
        head: &mut RequestHead,
        body: Option<B>,
        lost: IfLost,
        mut informed: impl FnMut(StatusCode, HeaderMap),
    ) -> Result<Answer<B>, Failed<B>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let may_arrive_twice = lost == IfLost::SendAgain && head.method.is_idempotent();
        let mut body = Outgoing::new(body);
        let mut before = 0;
        let slot = self.slot();
        // An upgrade has a connection of its own. With HTTP/2 there is none, which a request may meet with (RFC 9110
        // section 7.8).
        let upgrade = head.upgrade.is_some() && self.speaks != Speaks::Http2;
        if !upgrade && let Some(way) = self.open_already(slot, !(may_arrive_twice && body.is_end_stream())) {
            match self.send(slot, way, head, body, &mut informed).await {
                Err(Failed { error, body: back, untouched: true, arrivals })
                    if matches!(error, UpstreamError::Refused)
                        || may_arrive_twice && matches!(error, UpstreamError::Silent) =>
                {
                    body = Outgoing::new(back);
                    before = arrivals;
                }
                done => return done,
            }
        }
        let answer = match Box::pin(self.fresh(slot, upgrade)).await {
            Ok(way) => self.send(slot, way, head, body, &mut informed).await,
            Err(error) => Err(body.failed(error)),
        };
        answer.map_err(|failed| Failed { arrivals: before + failed.arrivals, ..failed })
    }

    /// How many connections there are.
    pub fn connections(&self) -> Connections {
        let idle = self.slots.iter().map(|slot| slot.idle()).sum();
        Connections { open: self.places.taken(), idle }
    }

    /// Closes connections that have been idle for too long, and lets go of those that the backend has closed; to be
    /// called every few seconds, on any thread.
    pub fn sweep(&self) {
        for slot in &self.slots {
            slot.sweep();
        }
    }

    fn slot(&self) -> &Arc<Slot> {
        let elsewhere = self.slots.len() - 1;
        &self.slots[current_worker().map_or(elsewhere, |worker| worker.min(elsewhere))]
    }

    /// Whether requests share connections, as far as is known.
    fn multiplexes(&self) -> bool {
        match self.speaks {
            Speaks::Http1 => false,
            Speaks::Http2 => true,
            Speaks::Either => !self.prefers_http1.load(Ordering::Relaxed),
        }
    }

    /// A connection that is there. With `surely`, the kernel is asked whether it still is.
    fn open_already(&self, slot: &Arc<Slot>, surely: bool) -> Option<Way> {
        if self.speaks != Speaks::Http1
            && let Some(stream) = slot.multiplexed.stream()
        {
            return Some(Way::Http2(stream));
        }
        slot.take(surely).map(Way::Http1)
    }

    async fn send<B>(
        &self,
        slot: &Arc<Slot>,
        way: Way,
        head: &mut RequestHead,
        body: Outgoing<B>,
        informed: &mut impl FnMut(StatusCode, HeaderMap),
    ) -> Result<Answer<B>, Failed<B>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        match way {
            Way::Http1(pooled) => {
                over_http1::run(slot, pooled, self.settings.idle, head, body, &self.authority, informed).await
            }
            Way::Http2(stream) => {
                let secure = self.dial.address.is_secure();
                over_http2::run(stream, secure, head, body, &self.authority, informed).await
            }
        }
    }

    /// Opens a connection, or waits for what another request is done with where there may be no more.
    async fn fresh<E>(&self, slot: &Arc<Slot>, upgrade: bool) -> Result<Way, UpstreamError<E>> {
        let deadline = Instant::now() + self.settings.connect_timeout;
        while !upgrade && self.multiplexes() {
            let changed = slot.multiplexed.changed();
            if let Some(stream) = slot.multiplexed.stream() {
                return Ok(Way::Http2(stream));
            }
            // One opens a connection, and all that wait meanwhile use it.
            let Some(_opening) = slot.multiplexed.open() else {
                timeout_at(deadline, changed)
                    .await
                    .map_err(|_| UpstreamError::Timeout(self.settings.connect_timeout))?;
                continue;
            };
            let place = tokio::select! {
                biased;
                free = self.place(slot, deadline) => free,
                () = changed => continue,
            };
            return self.use_free(slot, place, deadline, Offer::Both).await;
        }
        let offer = if upgrade { Offer::Http1 } else { Offer::Both };
        let free = self.place(slot, deadline).await;
        self.use_free(slot, free, deadline, offer).await
    }

    async fn use_free<E>(
        &self,
        slot: &Arc<Slot>,
        free: Option<Free>,
        deadline: Instant,
        offer: Offer,
    ) -> Result<Way, UpstreamError<E>> {
        let place = match free {
            Some(Free::Place(place)) => place,
            Some(Free::Connection(pooled)) => return Ok(Way::Http1(pooled)),
            None => return Err(UpstreamError::Busy(self.places.bound())),
        };
        let opened = timeout_at(deadline, self.open(slot, place, offer)).await;
        Ok(opened.map_err(|_| UpstreamError::Timeout(self.settings.connect_timeout))??)
    }

    async fn open(&self, slot: &Arc<Slot>, place: Place, offer: Offer) -> Result<Way, ConnectError> {
        let (socket, version) = self.dial.open(offer).await?;
        if offer == Offer::Both {
            self.prefers_http1.store(version == Version::Http1, Ordering::Relaxed);
        }
        if version == Version::Http1 {
            return Ok(Way::Http1(Pooled { connection: http1::client::Connection::new(socket), place }));
        }
        Ok(Way::Http2(slot.multiplexed.add(socket, place, self.settings.idle).await?))
    }

    /// The right to open a connection, or one that another request is done with; `None` when neither comes in time.
    async fn place(&self, slot: &Slot, deadline: Instant) -> Option<Free> {
        if let Some(place) = self.places.try_take() {
            return Some(Free::Place(place));
        }
        let _waiting = self.places.wait();
        let queued = slot.queue();
        // Idle connections of other threads are of no use here, but take up places.
        self.slots.iter().any(|slot| slot.close_oldest());
        tokio::select! {
            Ok(pooled) = queued => Some(Free::Connection(pooled)),
            place = self.places.take() => place.map(Free::Place),
            () = tokio::time::sleep_until(deadline) => None,
        }
    }
}

/// What a backend is known to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
    /// Whichever TLS agrees on.
    Either,
}

impl Speaks {
    fn of(address: &BackendAddress) -> Self {
        match address {
            BackendAddress::Unix(_) | BackendAddress::Tcp { scheme: BackendScheme::Http, .. } => Self::Http1,
            BackendAddress::Tcp { scheme: BackendScheme::H2c, .. } => Self::Http2,
            BackendAddress::Tcp { scheme: BackendScheme::Https, .. } => Self::Either,
        }
    }
}

/// What carries a request.
enum Way {
    Http1(Pooled),
    Http2(Stream),
}

/// What a request gets that needs a connection.
enum Free {
    /// The right to open one.
    Place(Place),
    /// One that another request is done with.
    Connection(Pooled),
}

impl Drop for Upstream {
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.close();
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("address", &self.dial.address).finish_non_exhaustive()
    }
}
