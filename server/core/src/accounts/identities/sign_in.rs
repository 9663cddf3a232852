//! Getting in by what a provider has said.

use super::{NO_PASSWORD, Proven};
use crate::{
    CoreError, OidcSignUp, Result, SignIn, Viewer,
    accounts::{Accounts, SignInMethod, SignInOutcome, find_by_email, insert, links, to_user},
    audit::Entry,
    auth::Key,
    store::{
        now,
        rows::{identities, users},
        unique_violation,
    },
};
use domain::{AuditKind, Email, Role, User};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use std::net::IpAddr;
use uuid::Uuid;

impl Accounts {
    /// Counts that somebody comes back from the provider, before it is asked anything.
    ///
    /// # Errors
    /// `Throttled`.
    pub fn returned(&self, client: IpAddr) -> Result<()> {
        let attempt = self.throttle.attempt(&[Key::address(client)]);
        if attempt.is_err() {
            self.sign_ins.note(SignInMethod::Provider, SignInOutcome::Throttled);
        }
        Ok(attempt?)
    }

    /// Writes down that somebody came back with nothing that lets them in.
    pub async fn not_returned(&self, client: IpAddr) {
        self.sign_ins.note(SignInMethod::Provider, SignInOutcome::Refused);
        self.audit.note_failure(AuditKind::SignInFailed, None, client).await;
    }

    /// Signs in to the account that is linked, makes one where that is allowed, or says what else it takes.
    ///
    /// # Errors
    /// `no_account`, `email_unverified`, `email_domain`, `link_first` (there is an account with this address, which its owner
    /// has to link), `account_closed` (it is deactivated), `Throttled`.
    pub async fn sign_in_by(&self, proven: &Proven, client: IpAddr) -> Result<SignIn> {
        self.sign_ins.count(SignInMethod::Provider, self.by_provider(proven, client).await)
    }

    async fn by_provider(&self, proven: &Proven, client: IpAddr) -> Result<SignIn> {
        let row = match self.linked(self.store.read(), proven).await? {
            Some((_, user)) => user,
            None => self.sign_up_by(proven, client).await?,
        };
        if row.deactivated_at.is_some() {
            self.audit.note_failure(AuditKind::SignInFailed, Some(&to_user(row)?), client).await;
            let message = "this account is deactivated; ask an administrator of this server";
            return Err(CoreError::forbidden("account_closed", message));
        }
        self.throttle.succeeded(&[Key::address(client)]);
        self.after_provider(row, proven, client).await
    }

    /// Makes the account that an invitation offers, linked and without a password, and signs in to it.
    ///
    /// # Errors
    /// `link_ended`, `email_taken`, `identity_taken`.
    pub async fn accept_by(&self, secret: &str, proven: &Proven, client: IpAddr) -> Result<SignIn> {
        self.sign_ins.count(SignInMethod::Provider, self.accepted_by(secret, proven, client).await)
    }

    async fn accepted_by(&self, secret: &str, proven: &Proven, client: IpAddr) -> Result<SignIn> {
        let link = self.used_link(secret, client).await?;
        let invitation = super::super::invitations::shown(&link)?;
        let write = self.store.write().await?;
        links::spend(&write.tx, &link).await?;
        let (user, row) = self.make(&write.tx, &invitation.email, invitation.role, proven).await?;
        let how = format!("by invitation, {}, with {}", invitation.role.as_str(), self.provider_name());
        Entry::of(&user, AuditKind::AccountMade, Some(client)).with(how).write(&write.tx).await?;
        write.commit().await?;
        self.throttle.succeeded(&[Key::address(client)]);
        self.after_provider(row, proven, client).await
    }

    /// The identity with its account, which is not deleted; whether it can be used is another question.
    pub(super) async fn linked(
        &self,
        connection: &impl ConnectionTrait,
        proven: &Proven,
    ) -> Result<Option<(identities::Model, users::Model)>> {
        use identities::Column;
        let identity = identities::Entity::find()
            .filter(Column::Issuer.eq(&proven.issuer))
            .filter(Column::Subject.eq(&proven.subject))
            .one(connection)
            .await?;
        let Some(identity) = identity else { return Ok(None) };
        let user = users::Entity::find_by_id(identity.user_id).filter(users::Column::DeletedAt.is_null());
        Ok(user.one(connection).await?.map(|user| (identity, user)))
    }

    /// A new account, where the setting lets it be made.
    async fn sign_up_by(&self, proven: &Proven, client: IpAddr) -> Result<users::Model> {
        let allowed = self.provider().map_or(&OidcSignUp::Off, |provider| &provider.sign_up);
        if *allowed == OidcSignUp::Off || !self.any_exist().await? {
            let message = "no account of this server is connected with this sign-in; sign in with your password and \
                           connect it on the settings page, or ask an administrator for an invitation";
            return self.turned_away("no_account", message, client).await;
        }
        let Some(email) = proven.email.as_ref().filter(|_| proven.email_verified) else {
            let message = "the provider does not say that it has verified your e-mail address; have it do that first";
            return self.turned_away("email_unverified", message, client).await;
        };
        if !allowed.lets_in(email) {
            let message = "addresses of this domain do not get an account by themselves; ask for an invitation";
            return self.turned_away("email_domain", message, client).await;
        }
        if find_by_email(self.store.read(), email).await?.is_some() {
            let message = "there is an account with your e-mail address; sign in to it with its password and connect \
                           this sign-in on the settings page";
            return self.turned_away("link_first", message, client).await;
        }
        self.attempt(&[Key::sign_up(client)], client).await?;
        let write = self.store.write().await?;
        let (user, row) = self.make(&write.tx, email, Role::Member, proven).await?;
        let how = format!("signed up with {}, member", self.provider_name());
        Entry::of(&user, AuditKind::AccountMade, Some(client)).with(how).write(&write.tx).await?;
        write.commit().await?;
        Ok(row)
    }

    async fn turned_away(&self, code: &'static str, message: &'static str, client: IpAddr) -> Result<users::Model> {
        self.audit.note_failure(AuditKind::SignInFailed, None, client).await;
        Err(CoreError::forbidden(code, message))
    }

    /// An account with its identity and without a password.
    async fn make(
        &self,
        tx: &impl ConnectionTrait,
        email: &Email,
        role: Role,
        proven: &Proven,
    ) -> Result<(User, users::Model)> {
        let user = insert(tx, email, NO_PASSWORD.to_owned(), role, false).await?;
        new_row(user.id.0, proven).insert(tx).await.map_err(taken)?;
        let row = users::Entity::find_by_id(user.id.0).one(tx).await?;
        Ok((user, row.ok_or(CoreError::NotFound("account"))?))
    }

    /// What else it takes to sign in to an account that a provider has let somebody into. A second factor that was shown
    /// there need not be shown again here.
    async fn after_provider(&self, row: users::Model, proven: &Proven, client: IpAddr) -> Result<SignIn> {
        if !proven.second_factor {
            if row.totp_seed.is_some() {
                return self.ask_for_code(&row);
            }
            if self.requires_second_factor().await? {
                return self.ask_to_enrol(&row);
            }
        }
        let viewer = Viewer::new(to_user(row)?).at(client);
        let how = match proven.second_factor {
            true => format!("with {}, which asked for a second factor", self.provider_name()),
            false => format!("with {}", self.provider_name()),
        };
        let write = self.store.write().await?;
        used(&write.tx, proven).await?;
        Entry::by(&viewer, AuditKind::SignedIn).with(how).write(&write.tx).await?;
        write.commit().await?;
        Ok(SignIn::Done(viewer))
    }

    pub(super) fn provider_name(&self) -> &str {
        self.provider().map_or("a provider", |provider| &provider.name)
    }
}

/// Notes that an identity was used, and what the provider says now.
async fn used(tx: &impl ConnectionTrait, proven: &Proven) -> Result<()> {
    use identities::Column;
    identities::Entity::update_many()
        .set(identities::ActiveModel {
            email: Set(proven.email.as_ref().map(ToString::to_string)),
            last_used_at: Set(Some(now())),
            ..Default::default()
        })
        .filter(Column::Issuer.eq(&proven.issuer))
        .filter(Column::Subject.eq(&proven.subject))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) fn new_row(user: Uuid, proven: &Proven) -> identities::ActiveModel {
    identities::ActiveModel {
        id: Set(Uuid::now_v7()),
        user_id: Set(user),
        issuer: Set(proven.issuer.clone()),
        subject: Set(proven.subject.clone()),
        email: Set(proven.email.as_ref().map(ToString::to_string)),
        created_at: Set(now()),
        last_used_at: Set(None),
    }
}

/// Of two that are linked at the same moment, one is.
pub(super) fn taken(error: sea_orm::DbErr) -> CoreError {
    match unique_violation(&error) {
        Some(_) => {
            CoreError::conflict("identity_taken", "this sign-in, or another of this provider, is connected already")
        }
        None => error.into(),
    }
}
