//! Personal tokens: long-lived secrets with which programs use the API, each for what its owner allows.

use crate::{
    Change, Changes, CoreError, Listing, Page, Result, TokenSecret, Viewer,
    accounts::{find_by_id, to_user},
    audit::Entry,
    auth::{random_base64, sha256},
    news, page,
    store::{Store, now, rows::personal_tokens},
    tokens::Reveals,
};
use chrono::TimeDelta;
use domain::{ApiScope, AuditKind, NewPersonalToken, PersonalToken, PersonalTokenId, Role, User, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the secrets begin with.
const PREFIX: &str = "sbp_";

/// How many a user may have.
const MAX_PER_USER: u64 = 50;

const NO_ACCESS: CoreError = CoreError::Unauthorized(
    "this personal token is not known here, or has ended; create another on the dashboard's page Settings",
);

/// Personal tokens.
#[derive(Debug)]
pub struct PersonalTokens {
    pub(crate) store: Store,
    pub(crate) changes: Changes,
    pub(crate) reveals: Reveals<TokenSecret>,
}

impl PersonalTokens {
    /// Whether a bearer token is meant to be one.
    pub fn is_one(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Creates a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// `Invalid` for `scopes` or `expires_at`, `token_limit`.
    pub async fn create(&self, viewer: &Viewer, new: NewPersonalToken) -> Result<(PersonalToken, TokenSecret)> {
        check(&new)?;
        let text = format!("{PREFIX}{}", random_base64());
        let row = personal_tokens::ActiveModel {
            id: Set(Uuid::now_v7()),
            user_id: Set(viewer.id().0),
            name: Set(new.name.into()),
            secret_hash: Set(sha256(&text).to_vec()),
            prefix: Set(text.chars().take(PREFIX.len() + 4).collect()),
            scopes: Set(new.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")),
            expires_at: Set(new.expires_at),
            last_used_at: Set(None),
            created_at: Set(now()),
        };
        let write = self.store.write().await?;
        let own = personal_tokens::Column::UserId.eq(viewer.id().0);
        let owned = personal_tokens::Entity::find().filter(own).count(&write.tx).await?;
        if owned >= MAX_PER_USER {
            let message =
                format!("you have {owned} personal tokens, which is the limit; revoke one that is not needed");
            return Err(CoreError::conflict("token_limit", message));
        }
        let row = row.insert(&write.tx).await?;
        Entry::by(viewer, AuditKind::PersonalTokenCreated).with(&row.name).write(&write.tx).await?;
        write.commit().await?;
        Ok((to_token(row)?, TokenSecret::new(text)))
    }

    /// The viewer's own tokens, newest first; also those that have ended by themselves.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, viewer: &Viewer, page: Page) -> Result<Listing<PersonalToken>> {
        let limit = page.limit()?;
        let mut query = personal_tokens::Entity::find().filter(personal_tokens::Column::UserId.eq(viewer.id().0));
        if let Some(after) = page.after::<Uuid>()? {
            query = query.filter(personal_tokens::Column::Id.lt(after));
        }
        let newest = query.order_by_desc(personal_tokens::Column::Id);
        let mut rows = newest.limit(limit as u64 + 1).all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        let items = rows.into_iter().map(to_token).collect::<Result<_>>()?;
        Ok(Listing { items, next_cursor })
    }

    /// Ends a token at once, and the live sockets that were opened with it.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn revoke(&self, viewer: &Viewer, id: PersonalTokenId) -> Result<()> {
        let write = self.store.write().await?;
        let own = personal_tokens::Column::UserId.eq(viewer.id().0);
        let row = personal_tokens::Entity::find_by_id(id.0).filter(own).one(&write.tx).await?;
        let row = row.ok_or(CoreError::NotFound("personal token"))?;
        personal_tokens::Entity::delete_by_id(row.id).exec(&write.tx).await?;
        Entry::by(viewer, AuditKind::PersonalTokenRevoked).with(row.name).write(&write.tx).await?;
        let change = Change::UserSessionsEnded(viewer.id());
        news::tell_of(&write.tx, &self.changes, change).await?;
        write.commit().await?;
        self.changes.publish(change);
        Ok(())
    }

    /// Who presents this secret, and for what it is good. An administrator without the scope `admin` comes as a member.
    /// Notes that the token was used, at most once a minute.
    ///
    /// # Errors
    /// `Unauthorized` when it is no token of ours or has ended, or its owner's account is deactivated.
    pub async fn authenticate(&self, secret: &str) -> Result<(Viewer, BTreeSet<ApiScope>)> {
        // Looked up by the hash of 256 random bits: what time the look-up takes says nothing about them.
        let row = personal_tokens::Entity::find()
            .filter(personal_tokens::Column::SecretHash.eq(sha256(secret).to_vec()))
            .one(self.store.read())
            .await?
            .ok_or(NO_ACCESS)?;
        let moment = now();
        if row.expires_at.is_some_and(|expires_at| expires_at <= moment) {
            return Err(NO_ACCESS);
        }
        let user = to_user(find_by_id(self.store.read(), UserId(row.user_id)).await?.ok_or(NO_ACCESS)?)?;
        if row.last_used_at.is_none_or(|last| moment - last >= TimeDelta::minutes(1))
            && let Err(error) = self.note_use(row.id).await
        {
            // A good token stays good while nothing can be written.
            tracing::warn!(cause = error.cause(), "the use of a personal token was not noted: {error}");
        }
        let scopes = to_token(row)?.scopes;
        let role = if scopes.contains(&ApiScope::Admin) { user.role } else { Role::Member };
        Ok((Viewer::new(User { role, ..user }), scopes))
    }

    async fn note_use(&self, id: Uuid) -> Result<()> {
        let write = self.store.write().await?;
        personal_tokens::Entity::update_many()
            .col_expr(personal_tokens::Column::LastUsedAt, now().into())
            .filter(personal_tokens::Column::Id.eq(id))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// Keeps a new secret in memory for the page that shows it once, for at most ten minutes.
    pub fn keep_for_reveal(&self, viewer: &Viewer, id: PersonalTokenId, secret: TokenSecret) {
        self.reveals.keep((viewer.id(), id.0), secret);
    }

    /// The secret kept for this page, once.
    pub fn reveal(&self, viewer: &Viewer, id: PersonalTokenId) -> Option<TokenSecret> {
        self.reveals.take((viewer.id(), id.0))
    }
}

fn check(new: &NewPersonalToken) -> Result<()> {
    if new.expires_at.is_some_and(|expires_at| expires_at <= now()) {
        return Err(CoreError::invalid("expires_at", "choose a time in the future"));
    }
    if new.scopes.iter().all(|scope| *scope == ApiScope::Admin) {
        let message = "choose at least one of read, write and tunnels; admin says as whom, not what";
        return Err(CoreError::invalid("scopes", message));
    }
    Ok(())
}

fn to_token(row: personal_tokens::Model) -> Result<PersonalToken> {
    let wrong = |what: &str| CoreError::Internal(format!("personal token {} has wrong {what}", row.id));
    let scopes: Result<BTreeSet<ApiScope>, _> = row.scopes.split_whitespace().map(str::parse).collect();
    Ok(PersonalToken {
        id: PersonalTokenId(row.id),
        scopes: scopes.map_err(|_| wrong("scopes"))?,
        name: row.name.parse().map_err(|_| wrong("name"))?,
        prefix: row.prefix,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        created_at: row.created_at,
    })
}
