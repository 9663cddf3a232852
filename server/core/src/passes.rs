//! Signing in in front of tunnels, domains and routes, with the dashboard's accounts.
//!
//! Hosts share no cookies with the dashboard, and should not. So somebody who is signed in there is given a *ticket* for
//! a host, good once, for a minute, and in the browser that was sent from there: without that anybody could have others
//! use the host under a name that is not theirs (RFC 6819 section 4.4.1.8). At the host it becomes a *badge*, the value of
//! a cookie, which says which session of the dashboard it is of, and is worth nothing when that has ended. Both are
//! encrypted with the key that all nodes on a database have, for the host and its owner, so that nothing has to be looked up
//! to refuse what is not ours.

use crate::{
    CoreError, Result, Services, Viewer,
    accounts::{find_by_id, to_user},
    audit::Entry,
    auth::{hex, random_base64, sha256},
    sessions::Lifetime,
    store::{
        Store, now,
        rows::{used_passes, web_sessions},
        unique_violation,
    },
    tickets::Seal,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{AuditKind, Front, User, UserId, WebSessionId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::Arc};
use url::Url;
use uuid::Uuid;

/// How long a ticket is good.
const TICKET_LIFE: TimeDelta = TimeDelta::seconds(60);
/// How long a badge is, if its session is.
const BADGE_LIFE: TimeDelta = TimeDelta::days(30);
/// The longest address that somebody is sent back to, bytes.
const LONGEST_ADDRESS: usize = 4_096;
/// The parameter of the query that has a ticket.
pub const TICKET_PARAMETER: &str = "switchboard-ticket";

/// Where somebody wants in: a host, of somebody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doorstep {
    /// The host, as routing compares it.
    pub host: String,
    /// Who asks for an account there.
    pub owner: UserId,
}

impl Doorstep {
    /// What texts are sealed for, so that those for another host or owner are worth nothing here.
    fn purpose(&self, what: &str) -> String {
        format!("{what} {} {}", self.owner.0, self.host)
    }
}

/// What a request has to pass that asks for an account.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Where that is.
    pub doorstep: Doorstep,
    /// Each front that asks for one, with its owner.
    pub fronts: Vec<(UserId, Arc<Front>)>,
}

impl Gate {
    /// Whether this account is let in by all of them.
    pub fn lets_in(&self, user: &User) -> bool {
        self.fronts.iter().all(|(owner, front)| is_let_in(front, *owner, user))
    }
}

/// Whether an account is let in by a front of `owner`'s, who is, and so are administrators, who could change it.
pub fn is_let_in(front: &Front, owner: UserId, user: &User) -> bool {
    let listed = |sign_in: &domain::FrontSignIn| sign_in.lets_in(user.id);
    user.id == owner || user.role == domain::Role::Admin || front.sign_in.as_ref().is_none_or(listed)
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    id: Uuid,
    session: Uuid,
    user: Uuid,
    browser: String,
}

#[derive(Serialize, Deserialize)]
struct Badge {
    session: Uuid,
    user: Uuid,
}

/// The session that a badge is of, and whose that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BadgeOf {
    /// The session.
    pub session: WebSessionId,
    /// Whose it is.
    pub user: UserId,
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// The badge that it became.
    Badge(String),
    /// It is none, or not for here, or too old, or was used, or began in another browser.
    Worthless,
}

/// A secret for a browser, by which it is known again when it comes back.
pub fn new_browser_secret() -> String {
    random_base64()
}

/// What the dashboard is told of it.
pub fn browser_hash(secret: &str) -> String {
    hex(&sha256(secret))
}

/// Tickets and badges.
#[derive(Debug)]
pub struct Passes {
    pub(crate) store: Store,
    pub(crate) seal: Seal,
    pub(crate) lifetime: Lifetime,
}

impl Passes {
    fn ticket(&self, of: BadgeOf, doorstep: &Doorstep, browser: &str) -> Result<String> {
        let ticket = Ticket { id: Uuid::now_v7(), session: of.session.0, user: of.user.0, browser: browser.to_owned() };
        self.seal.ticket(&doorstep.purpose("ticket"), ticket, TICKET_LIFE)
    }

    /// Takes a ticket from the browser with this secret. Whatever comes of it, it is good no more.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn redeem(
        &self,
        ticket: &str,
        doorstep: &Doorstep,
        browser: Option<&str>,
        client: IpAddr,
    ) -> Result<Redeemed> {
        let Some(ticket) = self.seal.redeem::<Ticket>(&doorstep.purpose("ticket"), ticket) else {
            return Ok(Redeemed::Worthless);
        };
        let is_same = browser.is_some_and(|secret| browser_hash(secret) == ticket.browser);
        let of = BadgeOf { session: WebSessionId(ticket.session), user: UserId(ticket.user) };
        let user = if is_same { self.standing(of).await? } else { None };
        let write = self.store.write().await?;
        let used = used_passes::ActiveModel { id: Set(ticket.id), expires_at: Set(now() + TICKET_LIFE) };
        match used.insert(&write.tx).await {
            Ok(_) => {}
            Err(error) if unique_violation(&error).is_some() => return Ok(Redeemed::Worthless),
            Err(error) => return Err(error.into()),
        }
        let redeemed = match &user {
            Some(user) => {
                Entry::of(user, AuditKind::Entered, Some(client)).with(&doorstep.host).write(&write.tx).await?;
                let badge = Badge { session: ticket.session, user: ticket.user };
                Redeemed::Badge(self.seal.ticket(&doorstep.purpose("badge"), badge, BADGE_LIFE)?)
            }
            None => Redeemed::Worthless,
        };
        write.commit().await?;
        Ok(redeemed)
    }

    /// Of which session a badge is. Takes no I/O, and does not say whether there still is such a session.
    pub fn read(&self, badge: &str, doorstep: &Doorstep) -> Option<BadgeOf> {
        let badge: Badge = self.seal.redeem(&doorstep.purpose("badge"), badge)?;
        Some(BadgeOf { session: WebSessionId(badge.session), user: UserId(badge.user) })
    }

    /// Whose session it is, as long as it is there and the account may be used.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn standing(&self, of: BadgeOf) -> Result<Option<User>> {
        let session = web_sessions::Entity::find_by_id(of.session.0)
            .filter(web_sessions::Column::UserId.eq(of.user.0))
            .filter(self.lifetime.standing(now()))
            .one(self.store.read())
            .await?;
        if session.is_none() {
            return Ok(None);
        }
        find_by_id(self.store.read(), of.user).await?.map(to_user).transpose()
    }

    /// Forgets used tickets that are too old; how many.
    pub(crate) async fn purge_expired(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let purged = used_passes::Entity::delete_many()
            .filter(used_passes::Column::ExpiresAt.lte(now()))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(purged.rows_affected)
    }
}

/// Where a visitor comes from who is to be let in, as the dashboard has understood it.
#[derive(Debug, Clone)]
pub struct Entrance {
    to: Url,
    browser: String,
    gate: Gate,
}

impl Entrance {
    /// The host, with its port if that is not the usual one.
    pub fn host(&self) -> String {
        let host = self.to.host_str().unwrap_or_default();
        self.to.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether the viewer is let in there.
    pub fn lets_in(&self, viewer: &Viewer) -> bool {
        self.gate.lets_in(viewer.user())
    }

    /// Whether it is the viewer's own.
    pub fn is_of(&self, viewer: &Viewer) -> bool {
        self.gate.doorstep.owner == viewer.id()
    }
}

impl Services {
    /// What somebody asks for who comes from the address `to`, in base64 (RFC 4648 section 5, so that nothing that passes it
    /// on decodes it), with the browser whose secret has the hash `browser`.
    ///
    /// # Errors
    /// `NotFound` when nobody is asked for an account there.
    pub fn entrance(&self, to: &str, browser: &str) -> Result<Entrance> {
        let nothing = CoreError::NotFound("place that asks for an account");
        let is_hash = browser.len() == 64 && browser.bytes().all(|byte| byte.is_ascii_hexdigit());
        let to = Some(to).filter(|to| to.len() <= LONGEST_ADDRESS).and_then(|to| URL_SAFE_NO_PAD.decode(to).ok());
        let to = to.and_then(|to| Url::parse(std::str::from_utf8(&to).ok()?).ok());
        let Some(to) = to.filter(|to| is_hash && self.is_here(to)) else { return Err(nothing) };
        let gate = self.engine().and_then(|engine| engine.gate(to.host_str()?, to.path()));
        match gate {
            Some(gate) => Ok(Entrance { to, browser: browser.to_owned(), gate }),
            None => Err(nothing),
        }
    }

    /// Whether this server may be what listens there: not everything on a machine is.
    fn is_here(&self, to: &Url) -> bool {
        let usual = match to.scheme() {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        let port = to.port_or_known_default();
        let is_port = port == Some(usual) || port == self.settings().public_url.port_or_known_default();
        is_port && to.username().is_empty() && to.password().is_none()
    }

    /// Where the viewer, whose browser has this session, goes to be let in; good for a minute, once, in the browser that
    /// came from there.
    ///
    /// # Errors
    /// `not_let_in`; `Unauthorized` when the session has ended meanwhile.
    pub async fn enter(&self, viewer: &Viewer, session: Option<[u8; 32]>, entrance: &Entrance) -> Result<Url> {
        if !entrance.lets_in(viewer) {
            let client = viewer.address().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
            self.audit().note_failure(AuditKind::EntryRefused, Some(viewer.user()), client).await;
            return Err(CoreError::forbidden("not_let_in", "the owner of this address does not let this account in"));
        }
        let session = match session {
            Some(key) => self.web_sessions().id_of(key).await?,
            None => None,
        };
        let session = session.ok_or(CoreError::Unauthorized("this session has ended; sign in again"))?;
        let of = BadgeOf { session, user: viewer.id() };
        let ticket = self.passes().ticket(of, &entrance.gate.doorstep, &entrance.browser)?;
        let mut to = entrance.to.clone();
        // What was asked for stays as it was written.
        let query = to.query().map_or_else(String::new, |query| format!("{query}&"));
        to.set_query(Some(&format!("{query}{TICKET_PARAMETER}={ticket}")));
        to.set_fragment(None);
        Ok(to)
    }
}
