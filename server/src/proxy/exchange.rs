//! What is known of a request on its way, and what is still to be sent of it.

use std::sync::Arc;
use std::time::Instant;

use domain::{HostRewrite, UserId};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use server_core::{Meter, Tally};
use uuid::Uuid;

use super::body::RequestBody;
use super::capture::{Beginning, Capture};
use super::forward::target_of;
use super::relay;
use crate::front::Ahead;
use crate::ingress::{Client, ClientBody};
use crate::routing::{Pool, Rule, TunnelRoute};

/// Where a request goes.
#[derive(Clone, Copy)]
pub(super) enum To<'a> {
    /// To a telephone of this tunnel.
    Tunnel(&'a Arc<TunnelRoute>),
    /// To one of these backends.
    Pool(&'a Arc<Pool>),
}

/// What is known of a request before it is sent.
pub(super) struct Exchange<'a> {
    pub to: To<'a>,
    /// What counts what comes of it, when a switch of tags has sent it there.
    pub tally: Option<&'a Arc<Tally>>,
    /// The rule that leads there; `None`: the host is a tunnel's own.
    pub rule: Option<&'a Rule>,
    pub client: Client,
    pub arrived: Instant,
    pub method: Method,
    /// The host that was asked for, as it was written; `None`: it is no text that a field can have.
    pub host: Option<HeaderValue>,
    /// Path and query as they were asked for.
    pub asked: PathAndQuery,
    /// Path and query as the backend sees them.
    pub target: PathAndQuery,
    /// Whether a switchboard of another region has passed it on.
    pub hopped: bool,
    /// Whether it is sent again, by its owner.
    pub replayed: bool,
    /// What is recorded of it, if it is.
    pub capture: Option<Arc<Capture>>,
}

/// A request that is to be given to somebody.
pub(super) struct Sending {
    /// What goes after its head.
    pub body: Outgoing,
    /// How often it may have arrived already, at those who have not answered.
    pub arrivals: u32,
}

/// What goes after the head of a request.
pub(super) enum Outgoing {
    /// Nothing: it is over with the head.
    Nothing,
    /// Nothing yet: an upgrade was asked for, and what follows depends on the answer.
    Kept,
    /// A body; in a box, since most requests have none, and all have to have room for it.
    Body(Box<RequestBody>),
}

impl<'a> To<'a> {
    /// What counts the request.
    pub(super) fn meter(self) -> &'a Arc<Meter> {
        match self {
            Self::Tunnel(route) => &route.meter,
            Self::Pool(pool) => &pool.meter,
        }
    }

    /// The id under which the request is counted.
    pub(super) fn subject(self) -> Uuid {
        match self {
            Self::Tunnel(route) => route.id.0,
            Self::Pool(pool) => pool.service.0,
        }
    }

    /// Whose request it is.
    pub(super) fn owner(self) -> UserId {
        match self {
            Self::Tunnel(route) => route.owner,
            Self::Pool(pool) => pool.owner,
        }
    }

    /// The tunnel, when it goes to one.
    pub(super) fn tunnel(self) -> Option<&'a Arc<TunnelRoute>> {
        match self {
            Self::Tunnel(route) => Some(route),
            Self::Pool(_) => None,
        }
    }

    /// The backends, when it goes to one of several.
    pub(super) fn pool(self) -> Option<&'a Arc<Pool>> {
        match self {
            Self::Tunnel(_) => None,
            Self::Pool(pool) => Some(pool),
        }
    }
}

impl<'a> Exchange<'a> {
    /// A request for the host of a tunnel itself, or of a service.
    pub(super) fn without_rule(to: To<'a>, request: &Request<ClientBody>, client: Client, arrived: Instant) -> Self {
        let target = target_of(request);
        Self {
            to,
            tally: None,
            rule: None,
            client,
            arrived,
            method: request.method().clone(),
            host: host_of(request),
            asked: target.clone(),
            target,
            hopped: false,
            replayed: false,
            capture: None,
        }
    }

    /// A request for what `rule` leads to; `asked` is its path and query, and how much of that is the rule's mount.
    pub(super) fn with_rule(
        (to, tally): (To<'a>, Option<&'a Arc<Tally>>),
        rule: &'a Rule,
        (asked, mount): (PathAndQuery, usize),
        request: &Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Self {
        Self {
            to,
            tally,
            rule: Some(rule),
            client,
            arrived,
            method: request.method().clone(),
            host: host_of(request),
            target: rule.target_for(&asked, mount),
            asked,
            hopped: request.headers().contains_key(relay::HOP),
            replayed: false,
            capture: None,
        }
    }

    /// What is recorded of it from the beginning.
    pub(super) fn beginning(&self) -> Beginning<'_> {
        Beginning {
            owner: self.to.owner(),
            rule: self.rule.map(|rule| rule.entry.id),
            tunnel: self.to.tunnel().map(|route| route.id),
            service: match self.to {
                To::Pool(pool) => Some(pool.service),
                To::Tunnel(_) => None,
            },
            client: &self.client,
            asked: &self.asked,
            arrived: self.arrived,
        }
    }

    /// What it has to pass, one after another.
    pub(super) fn fronts(&self) -> impl Iterator<Item = Ahead<'a>> + Clone + use<'a> {
        let of_rule = self.rule.into_iter().flat_map(|rule| rule.fronts.iter().map(Ahead::whole));
        let of_tunnel = self.to.tunnel().and_then(|route| route.front.as_ref()).map(Ahead::whole);
        let of_backends = self.to.pool().into_iter().flat_map(|pool| pool.fronts().map(Ahead::of_backend));
        of_rule.chain(of_tunnel).chain(of_backends)
    }

    /// The owner's page for an error with this status: the nearest to the tunnel or backend.
    pub(super) fn page(&self, status: StatusCode) -> Option<&'a str> {
        let page = |ahead: Ahead<'a>| ahead.front.settings().page(status.as_u16());
        self.fronts().filter_map(page).last()
    }

    /// The most that its body may have, bytes: what owners say, else `usual`. An owner may send again what is larger.
    pub(super) fn body_limit(&self, usual: Option<u64>) -> Option<u64> {
        let said = self.fronts().filter_map(|ahead| ahead.front.settings().body_limit).min();
        said.or(usual).filter(|_| !self.replayed)
    }

    /// Makes the rule's changes to the head of the request.
    pub(super) fn edit_request(&self, headers: &mut HeaderMap) {
        let Some(rule) = self.rule else { return };
        rule.headers.request(headers);
        if let Some(HostRewrite::Fixed(host)) = &rule.entry.host_rewrite
            && let Ok(host) = HeaderValue::from_str(host)
        {
            headers.insert(header::HOST, host);
        }
    }

    /// Makes the rule's changes to the head of the response.
    pub(super) fn edit_response(&self, headers: &mut HeaderMap) {
        if let Some(rule) = self.rule {
            rule.headers.response(headers);
        }
    }

    /// Whether the backend is told its own address as `Host`.
    pub(super) fn tells_backend_its_host(&self) -> bool {
        self.rule.is_some_and(|rule| rule.entry.host_rewrite == Some(HostRewrite::Backend))
    }
}

/// The host that a request is for. Shared, not copied, where it is a field, as with HTTP/1.1.
fn host_of(request: &Request<ClientBody>) -> Option<HeaderValue> {
    match request.uri().authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => request.headers().get(header::HOST).cloned(),
    }
}
