//! New passwords for those who have lost theirs.

use super::{
    Accounts, find_by_id,
    links::{self, For, HandedLink, Mail},
    people::deactivated,
    to_user,
};
use crate::{Result, Viewer, audit::Entry, auth::Key};
use chrono::TimeDelta;
use domain::{AuditKind, User, UserId};
use std::net::IpAddr;
use uuid::Uuid;

/// How long a link to choose a new password works.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

const MAIL: Mail = Mail {
    subject: "[Switchboard] A new password",
    text: "An administrator has made this link for you. Open it and choose a new password for Switchboard:",
};

impl Accounts {
    /// Makes a link by which the account's owner chooses a new password, within a day. An earlier one ends; the present
    /// password stays good until the link is used.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`, `account_deactivated`, `link_limit`.
    pub async fn offer_reset(&self, viewer: &Viewer, id: UserId) -> Result<HandedLink> {
        let write = self.administrate(viewer).await?;
        let row = super::people::find(&write.tx, id).await?;
        if row.deactivated_at.is_some() {
            return Err(deactivated());
        }
        let user = to_user(row)?;
        let (link, secret) = links::insert(&write.tx, viewer.id(), &user.email, For::Reset(id), LIFETIME).await?;
        let entry = Entry::by(viewer, AuditKind::ResetOffered).on(Some(id), user.email.as_str());
        entry.write(&write.tx).await?;
        write.commit().await?;
        Ok(self.hand("reset", &secret, &link, MAIL).await)
    }

    /// Whose password the link with this secret changes.
    ///
    /// # Errors
    /// `link_ended`.
    pub async fn reset_of(&self, secret: &str) -> Result<User> {
        let link = links::find(self.store.read(), secret).await?;
        self.user_of(link.user_id).await
    }

    /// Sets a new password by such a link, and ends all sessions.
    ///
    /// # Errors
    /// `link_ended`; `Invalid` for `password`.
    pub async fn reset_password(&self, secret: &str, password: &str, client: IpAddr) -> Result<()> {
        let link = self.used_link(secret, client).await?;
        let user = self.user_of(link.user_id).await?;
        let hash = self.passwords.accept(password, &user.email).await?;
        let write = self.store.write().await?;
        links::spend(&write.tx, &link).await?;
        let entry = Entry::of(&user, AuditKind::PasswordChanged, Some(client));
        entry.with("by a link of an administrator").write(&write.tx).await?;
        self.replace_password(write, user.id, hash, None).await?;
        // Whoever guessed at the old password has not made the new one wait.
        for key in [super::account_key(&user.email), Key::Confirmation(user.id.0)] {
            self.throttle.forget(key);
        }
        Ok(())
    }

    async fn user_of(&self, id: Option<Uuid>) -> Result<User> {
        let id = id.ok_or_else(links::ended)?;
        let row = find_by_id(self.store.read(), UserId(id)).await?;
        to_user(row.ok_or_else(links::ended)?)
    }
}
