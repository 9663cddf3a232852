//! Letting a request in that has to pass several fronts.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use domain::Direction;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::rates::{Rate, Standing};
use super::{Ahead, Doorman, Limited, Pace, Visitor, shares};
use crate::proxy::Problem;

/// What is looked at of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Whose it is.
    pub client: IpAddr,
    /// Its method.
    pub method: &'a Method,
    /// Its target, as it came.
    pub uri: &'a Uri,
    /// Its path and query.
    pub target: &'a PathAndQuery,
    /// Whether it came with TLS.
    pub secure: bool,
    /// Its fields.
    pub headers: &'a HeaderMap,
    /// The least that its body has, as far as is known, bytes.
    pub body: u64,
}

/// What a request has that was let in.
#[derive(Debug, Default)]
pub struct Admitted {
    /// What it takes up until it is over.
    pub places: Vec<Place>,
    /// How fast what comes from its client passes.
    pub up: Option<Box<Pace>>,
    /// How fast what goes to its client does.
    pub down: Option<Box<Pace>>,
    /// How the limits of rates stand, for its answer.
    pub standings: Standings,
    /// A password was asked for, which is nobody else's matter.
    pub by_password: bool,
    /// Who is signed in, where that was asked for.
    pub visitor: Option<Visitor>,
    /// The fields that fronts look at, as they came, where a front of another region has to as well.
    pub own: Option<HeaderMap>,
}

/// One of the requests that may be under way at once; free again when it is dropped.
#[derive(Debug)]
#[must_use = "the request is over when this is dropped"]
pub struct Place(Arc<AtomicU32>);

impl Place {
    pub(super) fn take(in_flight: &Arc<AtomicU32>, most: u32) -> Option<Self> {
        let place = Self(in_flight.clone());
        (in_flight.fetch_add(1, Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Lets a request in that has to pass all of these, one after another, and these limits.
///
/// # Errors
/// What its client is told instead.
pub async fn admit<'a>(
    fronts: impl Iterator<Item = Ahead<'a>> + Clone,
    limited: Option<Limited>,
    asking: Asking<'_>,
    doorman: &Doorman,
) -> Result<Admitted, Problem> {
    let (mut admitted, limited) = (Admitted::default(), limited.unwrap_or_default());
    if let Some(rate) = &limited.server {
        admitted.standings.count(rate, asking.client)?;
    }
    shares::follow(&asking, fronts.clone().map(|ahead| ahead.front.shares()))?;
    let whole = fronts.clone().filter(|ahead| !ahead.is_of_backend);
    let widths = whole.flat_map(|ahead| ahead.front.widths());
    admitted.up = Pace::of(widths.clone(), asking.client, Direction::Up);
    admitted.down = Pace::of(widths, asking.client, Direction::Down);
    // Whom the first that asks finds, all others ask about.
    let mut is_looked_up = false;
    for Ahead { front, is_of_backend } in fronts {
        front.check_client(asking.client)?;
        front.check_fields(asking.headers)?;
        if !is_of_backend {
            front.check_maintenance()?;
            for rate in front.rates() {
                admitted.standings.count(rate, asking.client)?;
            }
        }
        let by_link = front.asks_who() && front.shares().let_in(&asking);
        if front.settings().sign_in.is_some() && !by_link {
            if !is_looked_up {
                admitted.visitor = doorman.visitor(&asking, front.owner()).await?;
                is_looked_up = true;
            }
            doorman.check(front, &asking, admitted.visitor.as_ref())?;
        }
        if let Some(passwords) = front.passwords()
            && !by_link
        {
            admitted.by_password = true;
            if !passwords.knows(asking.headers) {
                passwords.verify(asking.headers, asking.client, doorman.services()).await?;
            }
        }
        front.check_body(asking.body)?;
        if !is_of_backend {
            admitted.places.extend(front.place()?);
        }
    }
    if let Some(rate) = &limited.owner {
        admitted.standings.count(rate, asking.client)?;
    }
    Ok(admitted)
}

/// How limits stand, for the fields of draft-ietf-httpapi-ratelimit-headers-10.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    policies: String,
    limits: String,
}

impl Standings {
    /// Counts a request.
    ///
    /// # Errors
    /// What its client is told when it is one too many.
    pub fn count(&mut self, rate: &Rate, client: IpAddr) -> Result<(), Problem> {
        let standing = rate.count(client);
        self.note(rate, standing);
        if standing.may {
            return Ok(());
        }
        Err(Problem::rate_limited(standing.wait, rate.whose().reason(), std::mem::take(self).fields()))
    }

    fn note(&mut self, rate: &Rate, standing: Standing) {
        let limit = rate.limit();
        // Each has a name of its own.
        let comma = if self.policies.is_empty() { "" } else { ", " };
        let name = format!("{}-{}s", rate.name(), limit.seconds);
        self.policies += &format!("{comma}\"{name}\";q={};w={}", limit.requests, limit.seconds);
        let wait = standing.wait.as_millis().div_ceil(1_000);
        self.limits += &format!("{comma}\"{name}\";r={};t={wait}", standing.remaining);
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The fields that say so; none where nothing is limited.
    pub fn fields(self) -> HeaderMap {
        let Self { policies, limits } = self;
        let named = [("ratelimit-policy", policies), ("ratelimit", limits)];
        let filled = named.into_iter().filter(|(_, value)| !value.is_empty());
        filled
            .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?)))
            .collect()
    }
}
