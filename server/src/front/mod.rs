//! What stands in front of a tunnel, a domain or a route, as requests meet it. No I/O.
//!
//! The routing table holds it beside what it leads to, so that a request to what has nothing in front of it looks nothing up.

mod admit;
mod cookies;
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
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use domain::{ExplainAbout, ExplainStep, LetIn, RatePer, UserId};

pub use admit::{Admitted, Asking, Place, Standings, admit};
pub(crate) use cookies::strip as strip_cookies;
pub use kept::{Fronts, Reason, Refused};
pub(crate) use limits::explain_token;
pub use limits::{Limited, Limits, TokenRates};
pub use pace::Pace;
use pace::Width;
use passwords::Passwords;
use ranges::Ranges;
pub use rates::Rate;
use rates::Whose;
use shares::Shares;
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
        self.settings.maintenance.as_ref().map_or(Ok(()), |maintenance| Err(Problem::maintenance(maintenance)))
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

    /// Tells what it would do with a request of this client; the problem if it would not let it in.
    pub fn explain(&self, client: IpAddr) -> (Vec<ExplainStep>, Option<Problem>) {
        let (what, mut steps) = (self.of.as_str(), Vec::new());
        let mut say = |yes, text: String| steps.push(ExplainStep { about: ExplainAbout::Front, yes, text });
        let listed = self.listed(client);
        match listed {
            Listed::Denied => say(false, format!("{client} is in the list of networks that the {what} denies")),
            Listed::NotAllowed => say(false, format!("{client} is not in the list of networks that the {what} allows")),
            Listed::Allowed => say(true, format!("the {what}'s lists of networks let {client} in")),
            Listed::Free => {}
        }
        if matches!(listed, Listed::Denied | Listed::NotAllowed) {
            return (steps, Some(Problem::network_denied()));
        }
        if let Some(maintenance) = &self.settings.maintenance {
            say(false, format!("the {what} is under maintenance: nobody is let in"));
            return (steps, Some(Problem::maintenance(maintenance)));
        }
        if let Some(limit) = self.settings.body_limit {
            say(true, format!("the {what} takes bodies of up to {limit} bytes"));
        }
        for limit in &self.settings.rate_limits {
            let whose = if limit.per == RatePer::All { "in all" } else { "of each client" };
            say(true, format!("the {what} takes {} requests in {} s {whose}", limit.requests, limit.seconds));
        }
        for limit in self.widths.iter().map(Width::limit) {
            let whose = if limit.per == RatePer::All { "in all" } else { "of each client" };
            let (bytes, way) = (limit.bytes_per_second, limit.direction.as_str());
            say(true, format!("the {what} lets {bytes} bytes a second pass {way}, {whose}"));
        }
        if let Some(sign_in) = &self.settings.sign_in {
            let whom = match sign_in.who {
                LetIn::Anybody => "whoever has one is let in".to_owned(),
                LetIn::Listed => format!("accounts that are let in: {}", sign_in.accounts.len()),
            };
            say(true, format!("the {what} asks for an account of the dashboard; {whom}"));
        }
        if let Some(auth) = &self.settings.basic_auth {
            say(true, format!("the {what} asks for a password; names that have one: {}", auth.users.len()));
        }
        let links = self.shares.live(chrono::Utc::now());
        if links > 0 && self.asks_who() {
            let without = if self.passwords.is_some() { "a password" } else { "an account" };
            say(true, format!("the {what} lets in without {without} who has a link; links that are good: {links}"));
        }
        if let Some(most) = self.settings.max_in_flight {
            let now = self.in_flight.load(Relaxed).min(most);
            say(now < most, format!("the {what} takes {most} requests at once; under way: {now}"));
        }
        (steps, None)
    }
}
