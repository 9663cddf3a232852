//! Programs that use the REST API: a short-lived access token (JWT, RFC 7519) and a refresh token that is exchanged for
//! the next pair each time.
//!
//! A refresh token is a selector, which stays the same for the session, and a verifier, which is new after each
//! exchange; the SHA-256 of both is stored. A right selector with a wrong verifier is a token that was exchanged before:
//! somebody has a copy, so the session ends (RFC 9700 section 4.14.2).

use crate::{
    Change, Changes, CoreError, Result, Viewer,
    accounts::{find_by_id, to_user},
    audit::Entry,
    auth::{random_base64, sha256},
    news,
    signing::{Signed, SigningKeys, Unchecked},
    store::{Newest, Store, Write, now, rows::api_sessions},
};
use chrono::TimeDelta;
use domain::{AuditKind, ProgramSessionId, UserId};
use jsonwebtoken::{Algorithm, Validation};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, sync::Arc};
use subtle::ConstantTimeEq;
use uuid::Uuid;

const SESSION_DAYS: i64 = 30;
const PREFIX: &str = "sbr_";
const ISSUER: &str = "switchboard";
const AUDIENCE: &str = "switchboard-api";

/// How many programs a user may be signed in with; a further one signs out the oldest.
const LATEST: Newest<api_sessions::Entity> = {
    use api_sessions::Column;
    Newest { id: Column::Id, list: Column::UserId, age: Column::Id, most: 100 }
};

/// How much is kept of what a program says it is, characters.
const MAX_USER_AGENT: usize = 256;

const ENDED: CoreError = CoreError::Unauthorized("this session has ended; sign in again");
const NO_ACCESS: CoreError =
    CoreError::Unauthorized("the access token is missing, wrong or has expired; sign in again");

/// What a program gets when it signs in. `Debug` shows neither token.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiTokens {
    /// Sent with each request; a JWT.
    pub access_token: String,
    /// Exchanged once for the next pair.
    pub refresh_token: String,
    /// How long the access token is good, seconds.
    pub expires_in: u64,
}

impl fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiTokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    /// The session: an access token ends with it.
    sid: Uuid,
    typ: String,
    iat: i64,
    exp: i64,
}

/// Sessions of programs.
pub struct ApiSessions {
    pub(super) store: Store,
    pub(super) changes: Changes,
    keys: Arc<SigningKeys>,
    validation: Validation,
}

impl fmt::Debug for ApiSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiSessions").finish_non_exhaustive()
    }
}

impl ApiSessions {
    pub(crate) fn new(store: Store, changes: Changes, keys: Arc<SigningKeys>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        Self { store, changes, keys, validation }
    }

    /// Starts a session of a program that calls itself so. People recognise it by that, and by where the viewer asks from.
    pub async fn issue(&self, viewer: &Viewer, user_agent: Option<&str>) -> Result<ApiTokens> {
        let (selector, verifier, moment) = (random_base64(), random_base64(), now());
        let row = api_sessions::ActiveModel {
            id: Set(Uuid::now_v7()),
            user_id: Set(viewer.id().0),
            selector_hash: Set(sha256(&selector).to_vec()),
            verifier_hash: Set(sha256(&verifier).to_vec()),
            user_agent: Set(user_agent.map(|agent| agent.chars().take(MAX_USER_AGENT).collect())),
            address: Set(viewer.address().map(|address| address.to_string())),
            created_at: Set(moment),
            last_seen_at: Set(Some(moment)),
            expires_at: Set(moment + TimeDelta::days(SESSION_DAYS)),
        };
        let write = self.store.write().await?;
        let row = row.insert(&write.tx).await?;
        LATEST.keep(&write.tx, viewer.id().0).await?;
        write.commit().await?;
        self.pair(&row, &selector, &verifier).await
    }

    /// Exchanges a refresh token for the next pair. One that was exchanged before ends the whole session.
    ///
    /// # Errors
    /// `Unauthorized` when the session has ended.
    pub async fn refresh(&self, refresh_token: &str, client: Option<IpAddr>) -> Result<ApiTokens> {
        let (selector, old) = split(refresh_token).ok_or(ENDED)?;
        let write = self.store.write().await?;
        let row = find(&write.tx, selector).await?.ok_or(ENDED)?;
        let next = random_base64();
        // One statement compares and replaces, so that of two exchanges at once only one succeeds.
        let exchanged = api_sessions::Entity::update_many()
            .col_expr(api_sessions::Column::VerifierHash, Expr::value(sha256(&next).to_vec()))
            .filter(api_sessions::Column::Id.eq(row.id))
            .filter(api_sessions::Column::VerifierHash.eq(sha256(old).to_vec()))
            .exec(&write.tx)
            .await?;
        let known = find_by_id(&write.tx, UserId(row.user_id)).await?;
        if exchanged.rows_affected == 0 || row.expires_at <= now() || known.is_none() {
            api_sessions::Entity::delete_by_id(row.id).exec(&write.tx).await?;
            if let Some(user) = known.filter(|_| exchanged.rows_affected == 0) {
                Entry::of(&to_user(user)?, AuditKind::RefreshReused, client).write(&write.tx).await?;
            }
            self.ended(write, UserId(row.user_id)).await?;
            return Err(ENDED);
        }
        write.commit().await?;
        self.pair(&row, selector, &next).await
    }

    /// Ends the session of a refresh token; one that is not known changes nothing.
    pub async fn revoke(&self, refresh_token: &str, client: Option<IpAddr>) -> Result<()> {
        let Some((selector, verifier)) = split(refresh_token) else { return Ok(()) };
        let write = self.store.write().await?;
        if let Some(row) = find(&write.tx, selector).await?
            && bool::from(row.verifier_hash.ct_eq(&sha256(verifier)))
        {
            api_sessions::Entity::delete_by_id(row.id).exec(&write.tx).await?;
            if let Some(user) = find_by_id(&write.tx, UserId(row.user_id)).await? {
                let entry = Entry::of(&to_user(user)?, AuditKind::SignedOut, client);
                entry.with("a program").write(&write.tx).await?;
            }
            return self.ended(write, UserId(row.user_id)).await;
        }
        Ok(())
    }

    /// Commits that sessions of a user have ended, and tells what still serves them.
    pub(super) async fn ended(&self, write: Write<'_>, user: UserId) -> Result<()> {
        let change = Change::UserSessionsEnded(user);
        news::tell_of(&write.tx, &self.changes, change).await?;
        write.commit().await?;
        self.changes.publish(change);
        Ok(())
    }

    /// Who presents this access token. Notes that its session was used, at most once a minute.
    ///
    /// # Errors
    /// `Unauthorized` when it is no token of ours, has expired, or its session or account has ended.
    pub async fn authenticate(&self, access_token: &str) -> Result<Viewer> {
        let checked = self.keys.check::<Claims>(access_token, &self.validation, Signed::Access).await;
        let claims = checked.map_err(|refused| match refused {
            Unchecked::Wrong | Unchecked::Expired => NO_ACCESS,
            Unchecked::Unavailable(error) => error,
        })?;
        if claims.typ != "access" {
            return Err(NO_ACCESS);
        }
        let session = api_sessions::Entity::find_by_id(claims.sid).one(self.store.read()).await?;
        let session = session.filter(|session| session.user_id == claims.sub).ok_or(NO_ACCESS)?;
        let row = find_by_id(self.store.read(), UserId(claims.sub)).await?.ok_or(NO_ACCESS)?;
        let moment = now();
        if session.last_seen_at.is_none_or(|last| moment - last >= TimeDelta::minutes(1))
            && let Err(error) = self.note_use(session.id).await
        {
            // Who is signed in stays so while nothing can be written.
            tracing::warn!(cause = error.cause(), "the use of a session was not noted: {error}");
        }
        Ok(Viewer::new(to_user(row)?).by_program(ProgramSessionId(session.id)))
    }

    async fn note_use(&self, id: Uuid) -> Result<()> {
        let write = self.store.write().await?;
        api_sessions::Entity::update_many()
            .col_expr(api_sessions::Column::LastSeenAt, Expr::value(now()))
            .filter(api_sessions::Column::Id.eq(id))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// Removes sessions that have ended by themselves; how many.
    pub(crate) async fn purge_expired(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let purged = api_sessions::Entity::delete_many()
            .filter(api_sessions::Column::ExpiresAt.lte(now()))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(purged.rows_affected)
    }

    async fn pair(&self, row: &api_sessions::Model, selector: &str, verifier: &str) -> Result<ApiTokens> {
        // None outlives its session.
        let iat = now().timestamp();
        let seconds = Signed::Access.life().num_seconds().min(row.expires_at.timestamp() - iat).max(0);
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: row.user_id,
            sid: row.id,
            typ: "access".into(),
            iat,
            exp: iat + seconds,
        };
        Ok(ApiTokens {
            access_token: self.keys.sign(&claims).await?,
            refresh_token: format!("{PREFIX}{selector}.{verifier}"),
            expires_in: seconds.unsigned_abs(),
        })
    }
}

fn split(refresh_token: &str) -> Option<(&str, &str)> {
    refresh_token.strip_prefix(PREFIX)?.split_once('.')
}

async fn find(connection: &impl ConnectionTrait, selector: &str) -> Result<Option<api_sessions::Model>> {
    Ok(api_sessions::Entity::find()
        .filter(api_sessions::Column::SelectorHash.eq(sha256(selector).to_vec()))
        .one(connection)
        .await?)
}
