//! Tunnel tokens.

mod reveal;
mod rows;

use crate::{
    Change, Changes, CoreError, Listing, Page, Result, TokenHolder, TokenSecret, Viewer,
    auth::{random_base64, sha256},
    page,
    store::{Store, now, rows::tokens},
};
use chrono::TimeDelta;
use domain::{NewToken, Token, TokenId, TokenScope, UserId};
pub(crate) use reveal::Reveals;
use rows::{find, to_scope, to_token, write_scope};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

const PREFIX: &str = "sbt_";

/// How many tokens a user may have that are not revoked.
const MAX_PER_USER: u64 = 200;

/// The most entries of one kind in a scope.
const MAX_LISTED: usize = 50;

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

    /// Ends a token at once; telephones that signed in with it must go.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn revoke(&self, viewer: &Viewer, id: TokenId) -> Result<()> {
        let write = self.store.write().await?;
        let mut row: tokens::ActiveModel = find(&write.tx, viewer, id).await?.into();
        row.deleted_at = Set(Some(now()));
        row.update(&write.tx).await?;
        write.commit().await?;
        self.changes.publish(Change::TokenRevoked(id));
        Ok(())
    }

    /// Gives a token a new secret; the old one ends at once, and with it the telephones that use it.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn rotate(&self, viewer: &Viewer, id: TokenId) -> Result<(Token, TokenSecret)> {
        let (secret, hash, prefix) = new_secret();
        let write = self.store.write().await?;
        let mut row: tokens::ActiveModel = find(&write.tx, viewer, id).await?.into();
        row.secret_hash = Set(hash);
        row.prefix = Set(prefix);
        row.updated_at = Set(now());
        let row = row.update(&write.tx).await?;
        write.commit().await?;
        self.changes.publish(Change::TokenRevoked(id));
        Ok((to_token(row)?, secret))
    }

    /// Who presents this secret. Notes that the token was used, at most once a minute.
    ///
    /// # Errors
    /// See [`TokenRefused`].
    pub async fn authenticate(&self, secret: &str) -> Result<TokenHolder, TokenRefused> {
        // Looked up by the hash of 256 random bits: what time the look-up takes says nothing about them.
        let row = tokens::Entity::find()
            .filter(tokens::Column::SecretHash.eq(sha256(secret).to_vec()))
            .one(self.store.read())
            .await
            .map_err(CoreError::from)?
            .ok_or(TokenRefused::Invalid)?;
        if row.deleted_at.is_some() {
            return Err(TokenRefused::Revoked);
        }
        let moment = now();
        if row.expires_at.is_some_and(|expires_at| expires_at <= moment) {
            return Err(TokenRefused::Expired);
        }
        if row.last_used_at.is_none_or(|last| moment - last >= TimeDelta::minutes(1))
            && let Err(error) = self.note_use(row.id).await
        {
            // A good token stays good while nothing can be written.
            tracing::warn!(cause = error.cause(), "the use of a token was not noted: {error}");
        }
        Ok(TokenHolder {
            token_id: TokenId(row.id),
            owner_id: UserId(row.owner_id),
            scope: to_scope(&row)?,
            expires_at: row.expires_at,
        })
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

fn new_secret() -> (TokenSecret, Vec<u8>, String) {
    let text = format!("{PREFIX}{}", random_base64());
    let (hash, prefix) = (sha256(&text).to_vec(), text.chars().take(PREFIX.len() + 4).collect());
    (TokenSecret::new(text), hash, prefix)
}

fn check(new: &NewToken) -> Result<()> {
    if new.expires_at.is_some_and(|expires_at| expires_at <= now()) {
        return Err(CoreError::invalid("expires_at", "choose a time in the future"));
    }
    let TokenScope { subdomains, hosts, paths, tags } = &new.scope;
    if subdomains.as_ref().is_some_and(|list| list.is_empty() || list.len() > MAX_LISTED) {
        let message = format!("name 1 to {MAX_LISTED} subdomains, or allow all tunnels");
        return Err(CoreError::invalid("scope", message));
    }
    let lengths = [hosts.as_ref().map(Vec::len), paths.as_ref().map(Vec::len), tags.as_ref().map(Vec::len)];
    if lengths.into_iter().flatten().any(|length| length > MAX_LISTED) {
        let message = format!("name at most {MAX_LISTED} hosts, {MAX_LISTED} paths and {MAX_LISTED} tags");
        return Err(CoreError::invalid("scope", message));
    }
    Ok(())
}
