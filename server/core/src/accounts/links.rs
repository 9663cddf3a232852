//! Links by which people get in: invitations, and new passwords for those who have lost theirs. Each works once and for a
//! while, and its secret, of which the database holds the SHA-256, is in the hands of whom it was given to.

use super::Accounts;
use crate::{
    CoreError, Result, Secret,
    auth::{random_base64, sha256},
    store::{now, rows::account_links},
};
use chrono::TimeDelta;
use domain::{Email, Role, Timestamp, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::ExprTrait,
};
use std::fmt;
use uuid::Uuid;

/// How many links may wait to be used. Administrators alone make them.
const MOST: u64 = 1_000;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// An account of this role.
    Invitation(Role),
    /// A new password for this account.
    Reset(UserId),
}

/// A link that was just made, to be handed to whom it is for. `Debug` hides the link: whoever has it gets in.
#[derive(Clone, PartialEq, Eq)]
pub struct HandedLink {
    url: Secret,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// Whether it was mailed, too; otherwise why not, where this server sends mail.
    pub mailed: Option<Result<(), String>>,
}

impl HandedLink {
    /// The address to open in a browser.
    pub fn expose(&self) -> String {
        String::from_utf8_lossy(self.url.expose()).into_owned()
    }
}

impl fmt::Debug for HandedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandedLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The link was used, is too old, or never was.
pub(super) fn ended() -> CoreError {
    let message = "this link was used, has ended or was withdrawn; ask an administrator for another one";
    CoreError::unusable("link_ended", "token", message)
}

/// Writes a new link; whoever had one for the same before has it no more.
pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    by: UserId,
    email: &Email,
    what: For,
    lifetime: TimeDelta,
) -> Result<(account_links::Model, String)> {
    use account_links::Column;
    let moment = now();
    let same = match what {
        For::Invitation(_) => Column::Email.eq(email.as_str()).and(Column::UserId.is_null()),
        For::Reset(user) => Column::UserId.eq(user.0),
    };
    account_links::Entity::delete_many().filter(Column::ExpiresAt.lte(moment).or(same)).exec(tx).await?;
    if account_links::Entity::find().count(tx).await? >= MOST {
        let message = format!("{MOST} links wait to be used, which is the limit; withdraw invitations first");
        return Err(CoreError::conflict("link_limit", message));
    }
    let (role, user, prefix) = match what {
        For::Invitation(role) => (Some(role.as_str().to_owned()), None, "sbi_"),
        For::Reset(user) => (None, Some(user.0), "sbn_"),
    };
    let secret = format!("{prefix}{}", random_base64());
    let row = account_links::ActiveModel {
        id: Set(Uuid::now_v7()),
        secret_hash: Set(sha256(&secret).to_vec()),
        email: Set(email.to_string()),
        role: Set(role),
        user_id: Set(user),
        created_by: Set(by.0),
        created_at: Set(moment),
        expires_at: Set(moment + lifetime),
    };
    Ok((row.insert(tx).await?, secret))
}

/// The link with this secret, if it can be used.
pub(super) async fn find(connection: &impl ConnectionTrait, secret: &str) -> Result<account_links::Model> {
    // Looked up by the hash of 256 random bits: what time the look-up takes says nothing about them.
    let row = account_links::Entity::find()
        .filter(account_links::Column::SecretHash.eq(sha256(secret).to_vec()))
        .filter(account_links::Column::ExpiresAt.gt(now()))
        .one(connection)
        .await?;
    row.ok_or_else(ended)
}

/// Uses it up. Of two who use it at the same moment, one has.
pub(super) async fn spend(tx: &impl ConnectionTrait, link: &account_links::Model) -> Result<()> {
    let spent = account_links::Entity::delete_by_id(link.id).exec(tx).await?;
    if spent.rows_affected == 1 { Ok(()) } else { Err(ended()) }
}

/// Withdraws the links that were made for an account, and by it.
pub(super) async fn withdraw_all(tx: &impl ConnectionTrait, user: UserId) -> Result<()> {
    use account_links::Column;
    let its = Column::UserId.eq(user.0).or(Column::CreatedBy.eq(user.0));
    account_links::Entity::delete_many().filter(its).exec(tx).await?;
    Ok(())
}

impl Accounts {
    /// The link to hand out, mailed as well where mail is sent.
    pub(super) async fn hand(&self, page: &str, secret: &str, link: &account_links::Model, mail: Mail) -> HandedLink {
        let base = self.public_url.as_str().trim_end_matches('/');
        let url = format!("{base}/web/{page}?token={secret}");
        let text = format!(
            "{}\n\n{url}\n\nThe link works once, until {}. If you did not expect this mail, leave it be.\n",
            mail.text,
            link.expires_at.format("%Y-%m-%d %H:%M UTC"),
        );
        let mailed = match link.email.parse() {
            Ok(to) => self.alerts.mail(&to, mail.subject, &text).await,
            Err(_) => None,
        };
        if let Some(Err(error)) = &mailed {
            tracing::warn!(%error, to = link.email, "a link was not mailed");
        }
        HandedLink { url: Secret::new(url), expires_at: link.expires_at, mailed }
    }

    /// Removes links that have ended by themselves; how many.
    pub(crate) async fn purge_links(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let ended = account_links::Entity::delete_many()
            .filter(account_links::Column::ExpiresAt.lte(now()))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(ended.rows_affected)
    }
}

/// What a mail with a link says.
pub(super) struct Mail {
    pub(super) subject: &'static str,
    pub(super) text: &'static str,
}
