//! The connections of one backend, and the way of a request over one of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::BackendAddress;
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use http_body::Body;
use tokio::time::{Instant, timeout_at};
use wire::head::RequestHead;

use super::answer::Answer;
use super::dial::Dial;
use super::error::{Failed, UpstreamError};
use super::names::Names;
use super::outgoing::Outgoing;
use super::over_http1;
use super::places::{Place, Places};
use super::policy::ConnectPolicy;
use super::slot::{Pooled, Slot};
use super::trust::{Offer, Trust};
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
        Self { dial, authority, settings, places, slots }
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

    /// Sends a request and waits for the final head of the response. See [the module](super) for what becomes of `head`
    /// and `body`; informational heads other than 100 are given to `informed` as they come. Dropping the future cancels
    /// the request.
    ///
    /// # Errors
    /// What went wrong, with the body if it is still at hand. A request that got lost because an idle connection was
    /// closed just then is sent again once, on a fresh one, if that is safe.
    pub async fn request<B>(
        &self,
        head: &mut RequestHead,
        body: Option<B>,
        mut informed: impl FnMut(StatusCode, HeaderMap),
    ) -> Result<Answer<B>, Failed<B>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut body = Outgoing::new(body);
        let slot = self.slot();
        // An upgrade has a connection of its own.
        if head.upgrade.is_none() {
            let repeatable = body.is_end_stream() && head.method.is_idempotent();
            if let Some(pooled) = slot.take(!repeatable) {
                match self.send(slot, pooled, head, body, &mut informed).await {
                    Err(Failed { error: UpstreamError::Silent, body: back, untouched: true })
                        if head.method.is_idempotent() =>
                    {
                        body = Outgoing::new(back);
                    }
                    done => return done,
                }
            }
        }
        match Box::pin(self.fresh(slot)).await {
            Ok(pooled) => self.send(slot, pooled, head, body, &mut informed).await,
            Err(error) => Err(body.failed(error)),
        }
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

    async fn send<B>(
        &self,
        slot: &Arc<Slot>,
        pooled: Pooled,
        head: &mut RequestHead,
        body: Outgoing<B>,
        informed: &mut impl FnMut(StatusCode, HeaderMap),
    ) -> Result<Answer<B>, Failed<B>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        over_http1::run(slot, pooled, self.settings.idle, head, body, &self.authority, informed).await
    }

    /// Opens a connection, or waits for another request to be done with its own where there may be no more.
    async fn fresh<E>(&self, slot: &Slot) -> Result<Pooled, UpstreamError<E>> {
        let deadline = Instant::now() + self.settings.connect_timeout;
        let place = match self.place(slot, deadline).await {
            Some(Free::Place(place)) => place,
            Some(Free::Connection(pooled)) => return Ok(pooled),
            None => return Err(UpstreamError::Busy(self.places.bound())),
        };
        let opened = timeout_at(deadline, self.dial.open(Offer::Http1)).await;
        let (socket, _) = opened.map_err(|_| UpstreamError::Timeout(self.settings.connect_timeout))??;
        Ok(Pooled { connection: http1::client::Connection::new(socket), place })
    }

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
