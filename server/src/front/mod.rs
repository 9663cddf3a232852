//! What stands in front of a tunnel, a domain or a route, as requests meet it. No I/O.
//!
//! The routing table holds it beside what it leads to, so that a request to what has nothing in front of it looks nothing up.

mod admit;
mod ahead;
mod cookies;
mod explain;
mod kept;
mod limits;
mod pace;
mod passwords;
mod queue;
mod ranges;
mod rates;
mod shares;
mod sign_in;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use domain::UserId;
use http::{HeaderMap, HeaderName, HeaderValue};

pub use admit::{Admitted, Asking, Place, Standings, admit};
pub use ahead::{Ahead, Taken};
pub(crate) use cookies::strip as strip_cookies;
pub use kept::{Fronts, Reason, Refused};
pub(crate) use limits::explain_token;
pub use limits::{Limited, Limits, TokenRates};
use pace::Width;
pub use pace::{Pace, slowed};
use passwords::Passwords;
use ranges::Ranges;
pub use rates::Rate;
use rates::Whose;
use shares::Shares;
pub use shares::followed;
pub use sign_in::{Doorman, Visitor};
pub(crate) use sign_in::{introduce, strip_claims};

use crate::proxy::Problem;

/// What it stands in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A tunnel.
    Tunnel,
    /// A domain and its routes.
    Domain,
    /// A route.
    Route,
}

impl Of {
    /// As one says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tunnel => "tunnel",
            Self::Domain => "domain",
            Self::Route => "route",
        }
    }
}

/// What stands in front of one of them.
#[derive(Debug)]
pub struct Front {
    settings: Arc<domain::Front>,
    owner: UserId,
    of: Of,
    allow: Ranges,
    deny: Ranges,
    rates: Arc<[Rate]>,
    widths: Arc<[Width]>,
    passwords: Option<Arc<Passwords>>,
    shares: Shares,
    in_flight: Arc<AtomicU32>,
}

/// Which list has decided about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Denied,
    NotAllowed,
    Allowed,
    /// There is no list.
    Free,
}

impl Front {
    /// With what is counted and known of `before` as far as that holds.
    fn new(settings: Arc<domain::Front>, (of, owner): (Of, UserId), before: Option<&Self>) -> Self {
        let (allow, deny) = (Ranges::new(&settings.allow), Ranges::new(&settings.deny));
        let rates = match before.filter(|before| before.settings.rate_limits == settings.rate_limits) {
            Some(before) => before.rates.clone(),
            None => settings.rate_limits.iter().map(|limit| Rate::new(*limit, Whose::Front)).collect(),
        };
        let widths = match before.filter(|before| before.settings.bandwidth == settings.bandwidth) {
            Some(before) => before.widths.clone(),
            None => settings.bandwidth.iter().copied().map(Width::new).collect(),
        };
        let passwords = match before.filter(|before| before.settings.basic_auth == settings.basic_auth) {
            Some(before) => before.passwords.clone(),
            None => settings.basic_auth.as_ref().map(Passwords::new).map(Arc::new),
        };
        let in_flight = before.map(|before| before.in_flight.clone()).unwrap_or_default();
        let shares = Shares::new(&settings.share_links);
        Self { settings, owner, of, allow, deny, rates, widths, passwords, shares, in_flight }
    }

    /// What its owner has decided.
    pub fn settings(&self) -> &Arc<domain::Front> {
        &self.settings
    }

    /// Whose it is.
    pub fn owner(&self) -> UserId {
        self.owner
    }

    /// Whether there is something that a link lets in without.
    fn asks_who(&self) -> bool {
        self.passwords.is_some() || self.settings.sign_in.is_some()
    }

    fn listed(&self, client: IpAddr) -> Listed {
        match (self.deny.contains(client), self.allow.is_empty()) {
            (true, _) => Listed::Denied,
            (false, false) if self.allow.contains(client) => Listed::Allowed,
            (false, false) => Listed::NotAllowed,
            (false, true) if self.deny.is_empty() => Listed::Free,
            (false, true) => Listed::Allowed,
        }
    }

    fn check_client(&self, client: IpAddr) -> Result<(), Problem> {
        if matches!(self.listed(client), Listed::Denied | Listed::NotAllowed) {
            return Err(Problem::network_denied());
        }
        Ok(())
    }

    fn check_maintenance(&self) -> Result<(), Problem> {
        self.settings.maintenance.as_ref().map_or(Ok(()), |maintenance| Err(Problem::maintenance(maintenance)))
    }

    fn check_fields(&self, fields: &HeaderMap) -> Result<(), Problem> {
        let Some(limit) = self.settings.header_limit else { return Ok(()) };
        // A colon, a space and the end of the line (RFC 9112 section 5).
        let length = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
        let all: usize = fields.iter().map(length).sum();
        if all > limit as usize { Err(Problem::fields_over(limit)) } else { Ok(()) }
    }

    fn check_body(&self, body: u64) -> Result<(), Problem> {
        match self.settings.body_limit {
            Some(limit) if body > limit => Err(Problem::body_over(limit)),
            _ => Ok(()),
        }
    }

    fn rates(&self) -> &[Rate] {
        &self.rates
    }

    fn passwords(&self) -> Option<&Passwords> {
        self.passwords.as_deref()
    }

    fn widths(&self) -> &[Width] {
        &self.widths
    }

    fn shares(&self) -> &Shares {
        &self.shares
    }

    fn place(&self) -> Result<Option<Place>, Problem> {
        let Some(most) = self.settings.max_in_flight else { return Ok(None) };
        Place::take(&self.in_flight, most).map(Some).ok_or_else(Problem::too_many_at_once)
    }
}
