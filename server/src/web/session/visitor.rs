//! Who a request of a browser comes from, and the session's life.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use chrono::Utc;
use domain::UserId;
use server_core::{Services, Viewer};
use std::net::IpAddr;
use tower_sessions::Session;

use super::store::key_hash;
use crate::{
    api::error::{chain, describe},
    ingress::Client,
    web::plain,
};

/// Who is signed in: set by the sign-in of `app`, read here.
pub(super) const USER_ID: &str = "user_id";
/// When the session was last written back, seconds since the Unix epoch.
const SEEN_AT: &str = "seen_at";
pub(super) const USER_AGENT: &str = "user_agent";
pub(super) const ADDRESS: &str = "address";

/// A session in use is written back this often, seconds: that moves its expiry and the "last seen" people are shown.
const SEEN_EVERY: i64 = 60;
/// Longer ones are cut, characters.
const MAX_USER_AGENT: usize = 256;

/// Who is asking. In the extensions of every request behind [`load`].
#[derive(Clone)]
pub(crate) struct Visitor {
    /// The account, when somebody is signed in.
    pub(crate) viewer: Option<Viewer>,
    /// What the session is filed under, when somebody is signed in.
    pub(crate) session_key: Option<[u8; 32]>,
}

/// Finds out who is asking, keeps a session in use alive, ends one whose account is gone, and
/// writes down where a new one was signed in. Lies inside of [`layer`](super::layer).
pub(crate) async fn load(
    State(services): State<Services>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let address = request.extensions().get::<Client>().map(|client| client.address);
    let visitor = match identify(&services, &session, address).await {
        Ok(visitor) => visitor,
        Err(cause) => {
            tracing::warn!(cause, "a page was refused because its session could not be read");
            return plain::database_away();
        }
    };
    let origin = SignedInFrom::of(&request);
    request.extensions_mut().insert(visitor);
    let response = next.run(request).await;
    if let Err(error) = origin.note(&session).await {
        tracing::warn!(cause = chain(&error), "a session could not be completed");
        return plain::database_away();
    }
    response
}

async fn identify(services: &Services, session: &Session, address: Option<IpAddr>) -> Result<Visitor, String> {
    const NOBODY: Visitor = Visitor { viewer: None, session_key: None };
    let failed = |error: tower_sessions::session::Error| chain(&error);
    let Some(user_id) = session.get::<UserId>(USER_ID).await.map_err(failed)? else { return Ok(NOBODY) };
    let viewer = services.accounts().viewer(user_id).await.map_err(|error| describe(&error))?;
    if viewer.is_none() {
        session.flush().await.map_err(failed)?;
        return Ok(NOBODY);
    }
    let now = Utc::now().timestamp();
    let seen_at: i64 = session.get(SEEN_AT).await.map_err(failed)?.unwrap_or_default();
    if now - seen_at >= SEEN_EVERY {
        session.insert(SEEN_AT, now).await.map_err(failed)?;
    }
    let viewer = match address {
        Some(address) => viewer.map(|viewer| viewer.at(address)),
        None => viewer,
    };
    Ok(Visitor { viewer, session_key: session.id().map(key_hash) })
}

/// What the list of sessions shows people to recognise a sign-in by.
struct SignedInFrom {
    user_agent: Option<String>,
    address: Option<IpAddr>,
}

impl SignedInFrom {
    fn of(request: &Request) -> Self {
        Self {
            user_agent: user_agent(request.headers()),
            address: request.extensions().get::<Client>().map(|client| client.address),
        }
    }

    /// A session without an id is about to be made: somebody has just signed in.
    async fn note(self, session: &Session) -> Result<(), tower_sessions::session::Error> {
        if session.id().is_some() || session.get::<UserId>(USER_ID).await?.is_none() {
            return Ok(());
        }
        session.insert(SEEN_AT, Utc::now().timestamp()).await?;
        session.insert(USER_AGENT, self.user_agent).await?;
        session.insert(ADDRESS, self.address).await
    }
}

/// What a client says that it is, as it can be shown.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes());
    Some(text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect())
}
