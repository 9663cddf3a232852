//! Letting in who is signed in to the dashboard.
//!
//! A browser that nobody is known of is sent to the dashboard, which sends it back with a ticket (`server_core::Passes`).
//! That becomes a cookie of this host, which says of which session of the dashboard it is. Who that is, is kept in memory for
//! a few seconds, and no longer when it is told that sessions have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use dashmap::DashMap;
use domain::{User, UserId};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use server_core::{
    BadgeOf, Change, CoreError, Doorstep, Redeemed, Services, TICKET_PARAMETER, browser_hash, is_let_in,
    new_browser_secret,
};
use server_heads::parameter;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Front;
use super::admit::Asking;
use super::cookies::{self, values};
use crate::ingress::RequestHost;
use crate::proxy::Problem;

/// The cookie with the badge, and what it is called with TLS.
pub(super) const BADGES: [&str; 2] = ["switchboard-visitor", "__Host-switchboard-visitor"];
/// The cookie by which a browser is known again that was sent to the dashboard.
pub(super) const BROWSERS: [&str; 2] = ["switchboard-entry", "__Host-switchboard-entry"];
/// How long a browser may be away, seconds.
const AWAY: u32 = 1_800;
/// How long a badge's cookie is kept, seconds: no longer than it is good.
const KEPT: u32 = 30 * 86_400;
/// How many cookies of one name are: whoever shares a parent domain can add some where there is no TLS.
const MOST_COOKIES: usize = 4;
/// How long it is known who somebody is, should nobody tell that this has ended.
const FRESH: Duration = Duration::from_secs(5);
/// How long while the database is away.
const STALE: Duration = Duration::from_secs(600);
/// How often those are looked at who keep a connection open.
const SWEEP: Duration = Duration::from_secs(30);
/// After so long what could not be looked at is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How many sessions are kept in memory; when there are more, all are looked up again.
const MOST_KNOWN: usize = 20_000;
/// How many are looked up at once.
const AT_ONCE: usize = 32;
/// The longest path and query that a visitor is sent back to, bytes: it becomes a part of another address.
const LONGEST_WAY: usize = 1_000;

/// Who came in, as we say it.
const OURS: &str = "x-switchboard-user";
/// What servers are told of users by others like us, and what is ours: nobody else's word is passed on.
const CLAIMS: [&str; 13] = [
    OURS,
    "remote-email",
    "remote-groups",
    "remote-name",
    "remote-user",
    "x-auth-request-email",
    "x-auth-request-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-remote-user",
    "x-webauth-user",
];
/// Those of them that say who it is.
const SAID: [&str; 3] = [OURS, "remote-user", "x-forwarded-user"];

/// Somebody who is signed in, and whose request or connection is under way.
#[derive(Clone, Debug)]
pub struct Visitor {
    person: Arc<Person>,
    /// As long as one of these is there, the session is looked after.
    _here: Arc<()>,
}

/// Somebody whose session there was when it was looked up.
#[derive(Debug)]
struct Person {
    user: User,
    email: HeaderValue,
    /// Cancelled when the session has ended.
    ended: CancellationToken,
    here: Arc<()>,
}

impl Visitor {
    fn new(person: &Arc<Person>) -> Self {
        Self { person: person.clone(), _here: person.here.clone() }
    }

    /// Waits until the session has ended. Somebody is here until this is dropped.
    pub async fn ended(self) {
        self.person.ended.cancelled().await;
    }
}

#[derive(Debug)]
struct Known {
    person: Arc<Person>,
    since: Instant,
    /// Nobody has told since that it may have ended.
    is_fresh: bool,
}

impl Known {
    /// Whether one of their requests or connections is under way.
    fn is_here(&self) -> bool {
        Arc::strong_count(&self.person.here) > 1
    }
}

/// Knows who is signed in.
#[derive(Debug)]
pub struct Doorman {
    services: Services,
    control: Handle,
    public_url: Url,
    known: DashMap<BadgeOf, Known>,
    /// Counts what may have ended sessions, so that nothing is kept that was read before.
    endings: AtomicU64,
    places: Arc<Semaphore>,
}

impl Doorman {
    /// Looks sessions up on `control`; `public_url` is where one signs in.
    pub fn new(services: Services, control: Handle, public_url: Url) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { services, control, public_url, known: DashMap::new(), endings: AtomicU64::new(0), places }
    }

    /// The services.
    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    /// Who asks, at a front of `owner`'s; the answer instead, if that is another one than the request is for.
    ///
    /// # Errors
    /// Where to go, or why nobody is let in.
    pub(super) async fn visitor(&self, asking: &Asking<'_>, owner: UserId) -> Result<Option<Visitor>, Problem> {
        let host = RequestHost::of(asking.uri, asking.headers).map_err(|error| Problem::bad_host(&error))?;
        let doorstep = Doorstep { host: host.name.into_owned(), owner };
        let visitor = self.known_by_badge(asking, &doorstep).await?;
        let is_visit = matches!(*asking.method, Method::GET | Method::HEAD);
        let (path, query) = (asking.target.path(), asking.target.query());
        let Some((ticket, rest)) = parameter(TICKET_PARAMETER, path, query).filter(|_| is_visit) else {
            return Ok(visitor);
        };
        let location = HeaderValue::try_from(rest).map_err(|_| Problem::sign_in_failed())?;
        match self.redeem(asking, ticket, doorstep).await? {
            Redeemed::Badge(badge) => {
                Err(Problem::sent_on(location, cookies::set(&BADGES, &badge, KEPT, asking.secure)))
            }
            // Somebody who is in comes by an old address.
            Redeemed::Worthless if visitor.is_some() => Err(Problem::elsewhere(location)),
            Redeemed::Worthless => Err(Problem::sign_in_failed()),
        }
    }

    /// Lets somebody in, or says what to do.
    ///
    /// # Errors
    /// Where to sign in, or that this account is not let in.
    pub(super) fn check(&self, front: &Front, asking: &Asking<'_>, visitor: Option<&Visitor>) -> Result<(), Problem> {
        match visitor {
            Some(visitor) if is_let_in(front.settings(), front.owner(), &visitor.person.user) => Ok(()),
            known => Err(self.send_to_sign_in(asking, known.is_some())),
        }
    }

    /// A browser that shows a page goes to the dashboard, which tells it if the account is the wrong one; others are told.
    fn send_to_sign_in(&self, asking: &Asking<'_>, is_known: bool) -> Problem {
        let is_visit = matches!(*asking.method, Method::GET | Method::HEAD);
        if !is_visit || !Problem::is_for_a_page(asking.headers) {
            return if is_known { Problem::not_let_in() } else { Problem::sign_in_required() };
        }
        let Some(authority) = asking.headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
            return Problem::sign_in_required();
        };
        let scheme = if asking.secure { "https" } else { "http" };
        let known = values(asking.headers, BROWSERS[usize::from(asking.secure)]).find(|secret| is_secret(secret));
        let secret = known.map_or_else(new_browser_secret, str::to_owned);
        let to = back(scheme, authority, asking.target);
        let mut address = self.public_url.clone();
        address.set_path("/web/enter");
        address
            .query_pairs_mut()
            .append_pair("to", &BASE64_URL_SAFE_NO_PAD.encode(to))
            .append_pair("browser", &browser_hash(&secret));
        match HeaderValue::try_from(String::from(address)) {
            Ok(location) => Problem::sign_in_at(location, cookies::set(&BROWSERS, &secret, AWAY, asking.secure)),
            Err(_) => Problem::sign_in_required(),
        }
    }

    async fn redeem(&self, asking: &Asking<'_>, ticket: &str, doorstep: Doorstep) -> Result<Redeemed, Problem> {
        let secret = values(asking.headers, BROWSERS[usize::from(asking.secure)]).find(|secret| is_secret(secret));
        let (ticket, secret) = (ticket.to_owned(), secret.map(str::to_owned));
        let (services, client) = (self.services.clone(), asking.client);
        let redeemed = self
            .on_control(async move { services.passes().redeem(&ticket, &doorstep, secret.as_deref(), client).await });
        redeemed.await.map_err(|error| unavailable(&error))
    }

    async fn known_by_badge(&self, asking: &Asking<'_>, doorstep: &Doorstep) -> Result<Option<Visitor>, Problem> {
        for badge in values(asking.headers, BADGES[usize::from(asking.secure)]).take(MOST_COOKIES) {
            let Some(of) = self.services.passes().read(badge, doorstep) else { continue };
            if let Some(visitor) = self.known(of).await? {
                return Ok(Some(visitor));
            }
        }
        Ok(None)
    }

    /// Whose session it is, if it still is one.
    async fn known(&self, of: BadgeOf) -> Result<Option<Visitor>, Problem> {
        // Made under the map's lock: whoever looks through it sees that somebody is here.
        let kept = self.known.get(&of).map(|known| (Visitor::new(&known.person), known.since, known.is_fresh));
        if let Some((visitor, since, true)) = &kept
            && since.elapsed() < FRESH
        {
            return Ok(Some(visitor.clone()));
        }
        match self.look_up(of).await {
            Ok(visitor) => Ok(visitor),
            Err(error) => match kept {
                // What passes does not depend on the database.
                Some((visitor, since, _)) if since.elapsed() < STALE && !visitor.person.ended.is_cancelled() => {
                    Ok(Some(visitor))
                }
                _ => Err(unavailable(&error)),
            },
        }
    }

    async fn look_up(&self, of: BadgeOf) -> Result<Option<Visitor>, CoreError> {
        loop {
            let endings = self.endings.load(SeqCst);
            let services = self.services.clone();
            let user = self.on_control(async move { services.passes().standing(of).await }).await?;
            let visitor = self.note(of, user);
            // Otherwise what was read may be from before, and whoever looked may not have seen what was noted.
            if self.endings.load(SeqCst) == endings {
                return Ok(visitor);
            }
        }
    }

    /// Notes who it is now; nobody, if the session has ended.
    fn note(&self, of: BadgeOf, user: Option<User>) -> Option<Visitor> {
        let Some(user) = user else {
            if let Some((_, known)) = self.known.remove(&of) {
                known.person.ended.cancel();
            }
            return None;
        };
        if self.known.len() >= MOST_KNOWN {
            self.known.retain(|_, known| known.is_here());
        }
        let before = self.known.get(&of).map(|known| known.person.clone());
        let person = match before {
            Some(before) if before.user == user => before,
            before => {
                let (ended, here) =
                    before.map(|before| (before.ended.clone(), before.here.clone())).unwrap_or_default();
                let email = HeaderValue::from_bytes(user.email.as_str().as_bytes());
                let email = email.unwrap_or(HeaderValue::from_static("unknown"));
                Arc::new(Person { user, email, ended, here })
            }
        };
        let visitor = Visitor::new(&person);
        self.known.insert(of, Known { person, since: Instant::now(), is_fresh: true });
        Some(visitor)
    }

    /// Does something with the database on the control plane, so many at once.
    async fn on_control<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, CoreError>> + Send + 'static,
    ) -> Result<T, CoreError> {
        let place = self.places.clone().acquire_owned().await;
        let work = async move {
            let _place = place;
            work.await
        };
        let done = tokio_util::task::AbortOnDropHandle::new(self.control.spawn(work)).await;
        done.unwrap_or_else(|error| Err(CoreError::Internal(format!("who is signed in was not looked up: {error}"))))
    }

    /// Follows what ends sessions, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut changes = self.services.changes().subscribe();
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            let change = tokio::select! {
                () = stop.cancelled() => return,
                change = changes.recv() => change,
                _ = sweep.tick() => {
                    self.known.retain(|_, known| known.is_here() || known.since.elapsed() < STALE);
                    self.look_again(|_, known| known.since.elapsed() >= FRESH).await;
                    continue;
                }
            };
            match change {
                Ok(Change::UserSessionsEnded(user) | Change::AccountDeactivated(user)) => {
                    self.look_again(|of, _| of.user == user).await;
                    // Not even should the database be away next: nobody knows which of them have ended.
                    self.known.retain(|of, known| of.user != user || known.is_fresh || known.is_here());
                }
                // Something may have been missed.
                Ok(Change::Elsewhere) | Err(RecvError::Lagged(_)) => self.look_again(|_, _| true).await,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Nobody comes in any more with what was known of these; who is here is looked up now, and cut off if the session has
    /// ended.
    async fn look_again(&self, which: impl Fn(&BadgeOf, &Known) -> bool) {
        self.endings.fetch_add(1, SeqCst);
        let mut here = Vec::new();
        for mut entry in self.known.iter_mut() {
            let (of, known) = entry.pair_mut();
            if which(of, known) {
                known.is_fresh = false;
                here.extend(known.is_here().then_some(*of));
            }
        }
        for of in here {
            if let Err(error) = self.look_up(of).await {
                tracing::warn!(cause = error.cause(), "a visitor was not looked up again: {error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Takes away what a client says about who it is. `is_asked`: whether one signs in in front; then also what others than we
/// are told by. What else a server believes is its owner's matter.
pub(crate) fn strip_claims(headers: &mut HeaderMap, is_asked: bool) {
    let is_claim = |name: &HeaderName| {
        let name = name.as_str();
        let claims = |known: &&str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(known, byte)| {
                    // Servers that hand fields on as CGI variables make the same of both.
                    known == byte || known == b'-' && byte == b'_'
                })
        };
        let known = if is_asked { &CLAIMS[..] } else { &CLAIMS[..1] };
        known.iter().any(claims)
    };
    while let Some(name) = headers.keys().find(|name| is_claim(name)).cloned() {
        headers.remove(name);
    }
}

/// Says who came in.
pub(crate) fn introduce(headers: &mut HeaderMap, visitor: &Visitor) {
    for name in SAID {
        headers.insert(HeaderName::from_static(name), visitor.person.email.clone());
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Where a visitor was going, as far as it fits into another address, without a ticket.
fn back(scheme: &str, authority: &str, target: &PathAndQuery) -> String {
    let asked = parameter(TICKET_PARAMETER, target.path(), target.query());
    let asked = asked.map_or_else(|| target.to_string(), |(_, rest)| rest);
    let fits = |part: &&str| part.len() <= LONGEST_WAY;
    let part = [asked.as_str(), target.path()].into_iter().find(fits).unwrap_or("/");
    format!("{scheme}://{authority}{part}")
}

fn unavailable(error: &CoreError) -> Problem {
    tracing::warn!(cause = error.cause(), "who is signed in cannot be looked up: {error}");
    Problem::sign_in_unavailable()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nobody_says_for_themselves_who_they_are() {
        let names =
            ["x-switchboard-user", "X_Switchboard_User", "remote_user", "Remote-User", "x-forwarded-user", "accept"];
        let all: HeaderMap =
            names.iter().map(|name| (name.parse::<HeaderName>().unwrap(), "eve".parse().unwrap())).collect();
        let left = |is_asked| {
            let mut headers = all.clone();
            strip_claims(&mut headers, is_asked);
            let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).map(str::to_owned).collect();
            left.sort_unstable();
            left
        };
        assert_eq!(left(true), ["accept"]);
        assert_eq!(left(false), ["accept", "remote-user", "remote_user", "x-forwarded-user"]);
    }

    #[test]
    fn a_visitor_goes_back_to_the_same_host() {
        let long = format!("/a?{}", "x".repeat(2_000));
        for (target, expected) in [
            ("/a?b=c", "http://shop.test:8080/a?b=c"),
            ("//evil.test/", "http://shop.test:8080//evil.test/"),
            ("/a?switchboard-ticket=x&b=c", "http://shop.test:8080/a?b=c"),
            (long.as_str(), "http://shop.test:8080/a"),
        ] {
            assert_eq!(back("http", "shop.test:8080", &target.parse().unwrap()), expected);
        }
        assert_eq!(back("http", "shop.test", &format!("/{}", "%20".repeat(600)).parse().unwrap()), "http://shop.test/");
    }
}
