//! Tunnel tokens.

mod reveal;
mod rows;
mod short;
mod standing;

use crate::{
    Change, Changes, CoreError, Listing, Page, Result, TokenHolder, TokenSecret, Viewer,
    accounts::{find_by_id, to_user},
    audit::{Audit, Entry},
    auth::{random_base64, sha256},
    news, page,
    store::{
        Store, Write, batches, now,
        rows::{tokens, users},
    },
};
use chrono::TimeDelta;
use domain::{AuditKind, NewShortToken, NewToken, Rotation, Token, TokenId, TokenScope, User, UserId};
pub(crate) use reveal::Reveals;
use rows::{find, to_scope, to_token, write_scope};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
pub use short::ShortToken;
pub(crate) use short::ShortTokens;
use standing::end;
pub use standing::{ShortProof, StoredToken, TokenEnd, TokenProof, TokenStanding};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};
use uuid::Uuid;

const PREFIX: &str = "sbt_";

/// How many tokens a user may have that are not revoked.
const MAX_PER_USER: u64 = 200;

/// The most entries of one kind in a scope.
const MAX_LISTED: usize = 50;

/// The longest time for which the old secret stays good when a token gets another, seconds.
const LONGEST_OVERLAP: u32 = 30 * 86_400;

/// The shortest and the longest life of a short-lived token, seconds.
const SHORT_LIFE: (u32, u32) = (60, 86_400);

/// Why a telephone's token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// No such token.
    #[error("this token is not known here; create one on the dashboard's page Tokens")]
    Invalid,
    /// Its time is over.
    #[error("this token has expired; create another on the dashboard's page Tokens")]
    Expired,
    /// Its owner ended it.
    #[error("this token was revoked; create another on the dashboard's page Tokens")]
    Revoked,
    /// The account of its owner was deactivated.
    #[error("the account that this token belongs to is deactivated; ask an administrator of this server")]
    Deactivated,
    /// It has another secret now.
    #[error("this token has another secret now; use that one, or rotate it again on the dashboard's page Tokens")]
    Replaced,
    /// It could not be looked up.
    #[error(transparent)]
    Unavailable(#[from] CoreError),
}

/// Tunnel tokens.
#[derive(Debug)]
pub struct Tokens {
    pub(crate) store: Store,
    pub(crate) changes: Changes,
    pub(crate) reveals: Reveals<TokenSecret>,
    pub(crate) short: ShortTokens,
    pub(crate) audit: Audit,
}

impl Tokens {
    /// Creates a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// `Invalid` for the scope or an expiry that is not in the future, `token_limit`.
    pub async fn create(&self, viewer: &Viewer, new: NewToken) -> Result<(Token, TokenSecret)> {
        check(&new)?;
        let (secret, hash, prefix) = new_secret();
        let moment = now();
        let row = tokens::ActiveModel {
            id: Set(Uuid::now_v7()),
            owner_id: Set(viewer.id().0),
            name: Set(new.name.into()),
            secret_hash: Set(hash),
            prefix: Set(prefix),
            generation: Set(1),
            previous_hash: Set(None),
            previous_until: Set(None),
            scope: Set(write_scope(&new.scope)?),
            expires_at: Set(new.expires_at),
            last_used_at: Set(None),
            created_at: Set(moment),
            updated_at: Set(moment),
            deleted_at: Set(None),
        };
        let write = self.store.write().await?;
        let owned = tokens::Entity::find()
            .filter(tokens::Column::OwnerId.eq(viewer.id().0))
            .filter(tokens::Column::DeletedAt.is_null())
            .count(&write.tx)
            .await?;
        if owned >= MAX_PER_USER {
            let message = format!("you have {owned} tokens, which is the limit; revoke one that is not needed");
            return Err(CoreError::conflict("token_limit", message));
        }
        let row = row.insert(&write.tx).await?;
        Entry::by(viewer, AuditKind::TokenCreated).with(&row.name).write(&write.tx).await?;
        write.commit().await?;
        Ok((to_token(row)?, secret))
    }

    /// The viewer's own tokens, newest first.
    pub async fn list(&self, viewer: &Viewer, page: Page) -> Result<Listing<Token>> {
        let limit = page.limit()?;
        let mut query = tokens::Entity::find()
            .filter(tokens::Column::OwnerId.eq(viewer.id().0))
            .filter(tokens::Column::DeletedAt.is_null());
        if let Some(after) = page.after::<Uuid>()? {
            query = query.filter(tokens::Column::Id.lt(after));
        }
        let mut rows = query.order_by_desc(tokens::Column::Id).limit(limit as u64 + 1).all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        let items = rows.into_iter().map(to_token).collect::<Result<_>>()?;
        Ok(Listing { items, next_cursor })
    }

    /// Ends a token at once; telephones that signed in with it, or with what it was exchanged for, must go.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn revoke(&self, viewer: &Viewer, id: TokenId) -> Result<()> {
        let write = self.store.write().await?;
        let mut row: tokens::ActiveModel = find(&write.tx, viewer, id).await?.into();
        row.deleted_at = Set(Some(now()));
        let row = row.update(&write.tx).await?;
        Entry::by(viewer, AuditKind::TokenRevoked).with(row.name).write(&write.tx).await?;
        self.ended(write, id).await
    }

    /// Gives a token a new secret. The old one ends after the overlap, and with it the telephones that still use it and
    /// what it was exchanged for; one that is older still ends at once.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Invalid` for an overlap that is too long.
    pub async fn rotate(&self, viewer: &Viewer, id: TokenId, how: Rotation) -> Result<(Token, TokenSecret)> {
        if how.overlap_seconds > LONGEST_OVERLAP {
            return Err(CoreError::invalid("overlap_seconds", "the old secret stays good for at most 30 days"));
        }
        let (secret, hash, prefix) = new_secret();
        let write = self.store.write().await?;
        let old = find(&write.tx, viewer, id).await?;
        let moment = now();
        let (generation, old_hash) = (old.generation.saturating_add(1), old.secret_hash.clone());
        let mut row: tokens::ActiveModel = old.into();
        row.secret_hash = Set(hash);
        row.prefix = Set(prefix);
        row.generation = Set(generation);
        row.previous_hash = Set(Some(old_hash));
        row.previous_until = Set(Some(moment + TimeDelta::seconds(how.overlap_seconds.into())));
        row.updated_at = Set(moment);
        let row = row.update(&write.tx).await?;
        Entry::by(viewer, AuditKind::TokenRotated).with(&row.name).write(&write.tx).await?;
        self.ended(write, id).await?;
        Ok((to_token(row)?, secret))
    }

    /// Something that telephones may have signed in with is good no more, or not for long: all nodes are told.
    async fn ended(&self, write: Write<'_>, id: TokenId) -> Result<()> {
        news::tell_of(&write.tx, &self.changes, Change::TokenRevoked(id)).await?;
        write.commit().await?;
        self.changes.publish(Change::TokenRevoked(id));
        Ok(())
    }

    /// A short-lived token in place of the viewer's own.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Invalid` for a life or a scope that it may not have; `Conflict` when the
    /// token has ended.
    pub async fn exchange(&self, viewer: &Viewer, id: TokenId, new: NewShortToken) -> Result<ShortToken> {
        let row = find(self.store.read(), viewer, id).await?;
        let proof = TokenProof { generation: row.generation, short: None };
        let ends = end(&row, &proof).map_err(|error| CoreError::conflict("token_expired", error.to_string()))?;
        let made = self.shorten(&row, proof, ends, new).await?;
        self.note_exchange(&row, viewer.user(), viewer.address()).await;
        Ok(made)
    }

    /// A short-lived token in place of the one whose secret is presented from `address`.
    ///
    /// # Errors
    /// `Unauthorized` for a token that is not good, `token_scope` where it may not be used from there, `Invalid` as with
    /// [`exchange`](Self::exchange).
    pub async fn exchange_secret(&self, secret: &str, address: IpAddr, new: NewShortToken) -> Result<ShortToken> {
        let (row, proof, ends) = self.find_secret(secret).await.map_err(|refused| match refused {
            TokenRefused::Unavailable(error) => error,
            TokenRefused::Invalid => CoreError::Unauthorized("this token is not known here"),
            TokenRefused::Expired => CoreError::Unauthorized("this token has expired"),
            TokenRefused::Revoked => CoreError::Unauthorized("this token was revoked"),
            TokenRefused::Replaced => CoreError::Unauthorized("this token has another secret now"),
            TokenRefused::Deactivated => CoreError::Unauthorized("the account of this token is deactivated"),
        })?;
        if !to_scope(&row)?.allows_address(address) {
            let message = format!("this token may not be used from {address}");
            return Err(CoreError::Forbidden { code: "token_scope", message });
        }
        self.note(&row).await;
        let made = self.shorten(&row, proof, ends, new).await?;
        if let Some(owner) = find_by_id(self.store.read(), UserId(row.owner_id)).await? {
            self.note_exchange(&row, &to_user(owner)?, Some(address)).await;
        }
        Ok(made)
    }

    /// Writes down that somebody got a short-lived token. Machines ask for them again and again: what is alike counts as
    /// one event for ten minutes.
    async fn note_exchange(&self, row: &tokens::Model, owner: &User, address: Option<IpAddr>) {
        let entry = Entry::of(owner, AuditKind::TokenExchanged, address).with(format!("of {}", row.name));
        self.audit.note_often(entry).await;
    }

    async fn shorten(
        &self,
        row: &tokens::Model,
        proof: TokenProof,
        ends: Option<TokenEnd>,
        new: NewShortToken,
    ) -> Result<ShortToken> {
        let (least, most) = SHORT_LIFE;
        if !(least..=most).contains(&new.expires_in) {
            let message = format!("a short-lived token is good for {least} to {most} seconds");
            return Err(CoreError::invalid("expires_in", message));
        }
        check_scope(&new.scope)?;
        if new.scope.rate_limit.is_some() {
            let message = "rate_limit: a short-lived token has that of its token; leave it out";
            return Err(CoreError::invalid("scope", message));
        }
        let scope = to_scope(row)?.narrowed(&new.scope).map_err(|list| {
            CoreError::invalid("scope", format!("{list}: the token itself does not allow all of it; ask for less"))
        })?;
        let life = TimeDelta::seconds(new.expires_in.into());
        let left = ends.map_or(life, |end| end.at - now());
        self.short.issue(row.id, proof.generation, scope, life.min(left)).await
    }

    /// Who presents this secret or short-lived token. Notes that the token was used, at most once a minute.
    ///
    /// # Errors
    /// See [`TokenRefused`].
    pub async fn authenticate(&self, presented: &str) -> Result<TokenHolder, TokenRefused> {
        let (row, proof, ends, scope) = if ShortTokens::is_one(presented) {
            self.find_short(presented).await?
        } else {
            let (row, proof, ends) = self.find_secret(presented).await?;
            let scope = to_scope(&row)?;
            (row, proof, ends, scope)
        };
        self.note(&row).await;
        let TokenScope { max_sessions, rate_limit, .. } = to_scope(&row)?;
        let (token_id, owner_id) = (TokenId(row.id), UserId(row.owner_id));
        Ok(TokenHolder { token_id, owner_id, scope, max_sessions, rate_limit, proof, ends })
    }

    /// Writes down that a telephone was refused that presented this; `why` is the code of the line's protocol. What is alike
    /// counts as one event, as failures to sign in do.
    pub async fn note_refused(&self, presented: &str, why: &str, client: IpAddr) {
        let user = self.owner_of(presented).await.unwrap_or_else(|error| {
            tracing::warn!(cause = error.cause(), "whose token was refused is not known: {error}");
            None
        });
        let entry = Entry::by_stranger(AuditKind::TelephoneRefused, user.as_ref(), client);
        self.audit.note_often(entry.with(why)).await;
    }

    /// Whose secret or short-lived token this is or was, as far as it can be read.
    async fn owner_of(&self, presented: &str) -> Result<Option<User>> {
        let query = if ShortTokens::is_one(presented) {
            let Ok(claims) = self.short.read(presented).await else { return Ok(None) };
            tokens::Entity::find_by_id(claims.sub)
        } else {
            tokens::Entity::find().filter(of_hash(&sha256(presented)))
        };
        let Some(row) = query.one(self.store.read()).await? else { return Ok(None) };
        let owner = users::Entity::find_by_id(row.owner_id).one(self.store.read()).await?;
        owner.map(to_user).transpose()
    }

    async fn find_secret(&self, secret: &str) -> Result<(tokens::Model, TokenProof, Option<TokenEnd>), TokenRefused> {
        // Looked up by the hash of 256 random bits: what time the look-up takes says nothing about them.
        let hash = sha256(secret).to_vec();
        let found =
            tokens::Entity::find().filter(of_hash(&hash)).one(self.store.read()).await.map_err(CoreError::from)?;
        let row = found.ok_or(TokenRefused::Invalid)?;
        let generation = row.generation - i32::from(row.secret_hash != hash);
        let proof = TokenProof { generation, short: None };
        let ends = end(&row, &proof)?;
        self.check_owner(&row).await?;
        Ok((row, proof, ends))
    }

    async fn find_short(
        &self,
        token: &str,
    ) -> Result<(tokens::Model, TokenProof, Option<TokenEnd>, TokenScope), TokenRefused> {
        let claims = self.short.read(token).await?;
        let found = tokens::Entity::find_by_id(claims.sub).one(self.store.read()).await.map_err(CoreError::from)?;
        let row = found.ok_or(TokenRefused::Revoked)?;
        let short = ShortProof { id: claims.jti, max_sessions: claims.scope.max_sessions, until: claims.until()? };
        let proof = TokenProof { generation: claims.generation, short: Some(short) };
        let ends = end(&row, &proof)?;
        self.check_owner(&row).await?;
        if claims.scope.beyond(&to_scope(&row)?).is_some() {
            return Err(TokenRefused::Replaced);
        }
        Ok((row, proof, ends, claims.scope))
    }

    async fn check_owner(&self, row: &tokens::Model) -> Result<(), TokenRefused> {
        let owner = find_by_id(self.store.read(), UserId(row.owner_id)).await?;
        owner.map(drop).ok_or(TokenRefused::Deactivated)
    }

    /// What is left of these tokens, for whoever has signed in with them.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn standing(&self, ids: &[TokenId]) -> Result<HashMap<TokenId, TokenStanding>> {
        let mut standing: HashMap<_, _> = ids.iter().map(|id| (*id, TokenStanding::Gone)).collect();
        for batch in batches(ids) {
            let ids = batch.iter().map(|id| id.0);
            let rows = tokens::Entity::find().filter(tokens::Column::Id.is_in(ids)).all(self.store.read()).await?;
            let owners = users::Entity::find()
                .select_only()
                .column(users::Column::Id)
                .filter(users::Column::Id.is_in(rows.iter().map(|row| row.owner_id)))
                .filter(users::Column::DeletedAt.is_null())
                .filter(users::Column::DeactivatedAt.is_null());
            let owners: HashSet<Uuid> = owners.into_tuple().all(self.store.read()).await?.into_iter().collect();
            standing.extend(rows.into_iter().map(|row| {
                let id = TokenId(row.id);
                let is_active = owners.contains(&row.owner_id);
                (
                    id,
                    if is_active {
                        TokenStanding::There(Box::new(StoredToken(row)))
                    } else {
                        TokenStanding::Deactivated
                    },
                )
            }));
        }
        Ok(standing)
    }

    async fn note(&self, row: &tokens::Model) {
        if row.last_used_at.is_none_or(|last| now() - last >= TimeDelta::minutes(1))
            && let Err(error) = self.note_use(row.id).await
        {
            // A good token stays good while nothing can be written.
            tracing::warn!(cause = error.cause(), "the use of a token was not noted: {error}");
        }
    }

    async fn note_use(&self, id: Uuid) -> Result<()> {
        let write = self.store.write().await?;
        tokens::Entity::update_many()
            .col_expr(tokens::Column::LastUsedAt, now().into())
            .filter(tokens::Column::Id.eq(id))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// Keeps a new secret in memory for the page that shows it once, for at most ten minutes.
    pub fn keep_for_reveal(&self, viewer: &Viewer, id: TokenId, secret: TokenSecret) {
        self.reveals.keep((viewer.id(), id.0), secret);
    }

    /// The secret kept for this page, once.
    pub fn reveal(&self, viewer: &Viewer, id: TokenId) -> Option<TokenSecret> {
        self.reveals.take((viewer.id(), id.0))
    }
}

/// Tokens with a secret of this hash, or that had it before the last rotation.
fn of_hash(hash: &[u8]) -> Condition {
    let (now, before) = (tokens::Column::SecretHash, tokens::Column::PreviousHash);
    Condition::any().add(now.eq(hash.to_vec())).add(before.eq(hash.to_vec()))
}

fn new_secret() -> (TokenSecret, Vec<u8>, String) {
    let text = format!("{PREFIX}{}", random_base64());
    let (hash, prefix) = (sha256(&text).to_vec(), text.chars().take(PREFIX.len() + 4).collect());
    (TokenSecret::new(text), hash, prefix)
}

fn check(new: &NewToken) -> Result<()> {
    if new.expires_at.is_some_and(|expires_at| expires_at <= now()) {
        return Err(CoreError::invalid("expires_at", "choose a time in the future"));
    }
    check_scope(&new.scope)
}

fn check_scope(scope: &TokenScope) -> Result<()> {
    let TokenScope { subdomains, hosts, paths, tags, networks, max_sessions, rate_limit: _ } = scope;
    if subdomains.as_ref().is_some_and(|list| list.is_empty() || list.len() > MAX_LISTED) {
        let message = format!("name 1 to {MAX_LISTED} subdomains, or allow all tunnels");
        return Err(CoreError::invalid("scope", message));
    }
    if networks.as_ref().is_some_and(|list| list.is_empty() || list.len() > MAX_LISTED) {
        return Err(CoreError::invalid("scope", format!("name 1 to {MAX_LISTED} networks, or allow all of them")));
    }
    if *max_sessions == Some(0) {
        return Err(CoreError::invalid("scope", "allow at least one telephone, or leave the limit out"));
    }
    let lengths = [hosts.as_ref().map(Vec::len), paths.as_ref().map(Vec::len), tags.as_ref().map(Vec::len)];
    if lengths.into_iter().flatten().any(|length| length > MAX_LISTED) {
        let message = format!("name at most {MAX_LISTED} hosts, {MAX_LISTED} paths and {MAX_LISTED} tags");
        return Err(CoreError::invalid("scope", message));
    }
    Ok(())
}
