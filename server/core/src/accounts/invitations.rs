//! Accounts for those who were invited.

use super::{
    Accounts, email_taken, find_by_email,
    links::{self, For, HandedLink, Mail},
    parse_email,
};
use crate::{
    CoreError, Listing, Page, Result, Viewer,
    audit::Entry,
    page,
    store::{parse, rows::account_links},
};
use chrono::TimeDelta;
use domain::{AuditKind, Email, Invitation, InvitationId, Role};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::net::IpAddr;
use uuid::Uuid;

/// The longest that an invitation waits, hours.
const LONGEST: u32 = 720;

const MAIL: Mail = Mail {
    subject: "[Switchboard] An account for you",
    text: "You are invited to Switchboard. Open this link and choose a password:",
};

impl Accounts {
    /// Invites somebody: whoever has the link makes the account. An earlier invitation to the same address ends.
    ///
    /// # Errors
    /// `admin_only`; `Invalid` for `email` and `expires_in_hours`, 1 to 720; `email_taken`, `link_limit`.
    pub async fn invite(
        &self,
        viewer: &Viewer,
        email: &str,
        role: Role,
        expires_in_hours: u32,
    ) -> Result<(Invitation, HandedLink)> {
        let email = parse_email(email)?;
        if !(1..=LONGEST).contains(&expires_in_hours) {
            let message = format!("an invitation waits 1 to {LONGEST} hours");
            return Err(CoreError::invalid("expires_in_hours", message));
        }
        let write = self.administrate(viewer).await?;
        if find_by_email(&write.tx, &email).await?.is_some() {
            return Err(email_taken());
        }
        let lifetime = TimeDelta::hours(expires_in_hours.into());
        let (row, secret) = links::insert(&write.tx, viewer.id(), &email, For::Invitation(role), lifetime).await?;
        let entry = Entry::by(viewer, AuditKind::Invited).on(None, email.as_str());
        entry.with(format!("as {}", role.as_str())).write(&write.tx).await?;
        write.commit().await?;
        let link = self.hand("invitation", &secret, &row, MAIL).await;
        Ok((shown(&row)?, link))
    }

    /// The invitations that wait, newest first.
    ///
    /// # Errors
    /// `admin_only`; `Invalid` for `limit` and `cursor`.
    pub async fn invitations(&self, viewer: &Viewer, page: Page) -> Result<Listing<Invitation>> {
        super::admins_only(viewer)?;
        let limit = page.limit()?;
        let mut query = account_links::Entity::find()
            .filter(account_links::Column::UserId.is_null())
            .filter(account_links::Column::ExpiresAt.gt(crate::store::now()));
        if let Some(after) = page.after::<Uuid>()? {
            query = query.filter(account_links::Column::Id.lt(after));
        }
        let query = query.order_by_desc(account_links::Column::Id).limit(limit as u64 + 1);
        let mut rows = query.all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing { items: rows.iter().map(shown).collect::<Result<_>>()?, next_cursor })
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`.
    pub async fn withdraw(&self, viewer: &Viewer, id: InvitationId) -> Result<()> {
        let write = self.administrate(viewer).await?;
        let row = account_links::Entity::find_by_id(id.0).filter(account_links::Column::UserId.is_null());
        let row = row.one(&write.tx).await?.ok_or(CoreError::NotFound("invitation"))?;
        links::spend(&write.tx, &row).await?;
        Entry::by(viewer, AuditKind::InvitationWithdrawn).on(None, &row.email).write(&write.tx).await?;
        write.commit().await
    }

    /// What the invitation with this secret offers.
    ///
    /// # Errors
    /// `link_ended`.
    pub async fn invitation(&self, secret: &str) -> Result<Invitation> {
        shown(&links::find(self.store.read(), secret).await?)
    }

    /// Makes the account that an invitation offers.
    ///
    /// # Errors
    /// `link_ended`, also when somebody else was faster; `Invalid` for `password`; `email_taken`.
    pub async fn accept(&self, secret: &str, password: &str, client: IpAddr) -> Result<Viewer> {
        let link = self.used_link(secret, client).await?;
        let Invitation { email, role, .. } = shown(&link)?;
        let hash = self.passwords.accept(password, &email).await?;
        let write = self.store.write().await?;
        links::spend(&write.tx, &link).await?;
        let user = super::insert(&write.tx, &email, hash, role, false).await?;
        let entry = Entry::of(&user, AuditKind::AccountMade, Some(client));
        entry.with(format!("by invitation, {}", role.as_str())).write(&write.tx).await?;
        write.commit().await?;
        Ok(Viewer::new(user).at(client))
    }

    /// Keeps a link in memory for the page that shows it once.
    pub fn keep_for_reveal(&self, viewer: &Viewer, link: HandedLink) -> Uuid {
        let id = Uuid::now_v7();
        self.reveals.keep((viewer.id(), id), link);
        id
    }

    /// The link kept for this page, once.
    pub fn reveal(&self, viewer: &Viewer, id: Uuid) -> Option<HandedLink> {
        self.reveals.take((viewer.id(), id))
    }
}

pub(super) fn shown(row: &account_links::Model) -> Result<Invitation> {
    // A link for a new password is no invitation.
    let role = row.role.as_deref().ok_or_else(links::ended)?;
    Ok(Invitation {
        id: InvitationId(row.id),
        email: parse::<Email>(&row.email)?,
        role: parse(role)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}
