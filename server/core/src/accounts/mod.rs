//! Accounts: set-up, sign-up, sign-in, passwords; and everybody's, for administrators.

mod changing;
mod counted;
mod first;
mod identities;
mod invitations;
mod links;
mod people;
mod resets;
mod rows;
mod second_factor;

use crate::{
    Alerts, Audit, Change, Changes, CoreError, OidcSettings, Result, SignupPolicy, Viewer,
    audit::Entry,
    auth::{Key, Passwords, Throttle, Verified, sha256},
    news, sessions,
    store::{
        Store, Write, now,
        rows::{account_links, users},
        unique_violation,
    },
    tickets::Seal,
    tokens::Reveals,
};
pub use changing::AccountPatch;
pub(crate) use counted::SignIns;
pub use counted::{SignInMethod, SignInOutcome};
use domain::{AuditKind, Email, Role, User, UserId, WebSessionId};
pub(crate) use first::FirstAccount;
use identities::NO_PASSWORD;
pub use identities::{Errand, Journey, Proven};
pub use links::HandedLink;
pub use people::AccountQuery;
use people::admins_only;
use rows::{email_taken, parse_email};
pub(crate) use rows::{find_by_email, find_by_id, to_user};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};
pub(crate) use second_factor::seed_purpose;
pub use second_factor::{Challenge, Enrolment, RecoveryCodes, SignIn};
use std::net::IpAddr;
use url::Url;
use uuid::Uuid;

/// How what the command line does is written down.
const BY_COMMAND: &str = "by a command on the server";

const WRONG: CoreError = CoreError::Unauthorized("the e-mail address or the password is wrong");

/// Accounts.
#[derive(Debug)]
pub struct Accounts {
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) changes: Changes,
    pub(crate) signup: SignupPolicy,
    pub(crate) first: FirstAccount,
    /// What links begin with.
    pub(crate) public_url: Url,
    /// What sends mail.
    pub(crate) alerts: Alerts,
    pub(crate) audit: Audit,
    pub(crate) reveals: Reveals<HandedLink>,
    pub(crate) code_reveals: Reveals<RecoveryCodes>,
    pub(crate) seal: Seal,
    pub(crate) sign_ins: SignIns,
    /// The provider by which people sign in.
    pub(crate) oidc: Option<OidcSettings>,
}

impl Accounts {
    /// Whether there is an account yet.
    pub async fn any_exist(&self) -> Result<bool> {
        if self.first.exists() {
            return Ok(true);
        }
        let exists =
            users::Entity::find().filter(users::Column::DeletedAt.is_null()).count(self.store.read()).await? > 0;
        if exists {
            self.first.was_made();
        }
        Ok(exists)
    }

    /// The one-time code that the first account needs, while there is none and others than this machine reach the
    /// server.
    pub fn setup_code(&self) -> Option<String> {
        self.first.code()
    }

    /// Makes the first account, an administrator.
    ///
    /// # Errors
    /// `setup_code_required` when the code is needed and missing or wrong; `already_set_up` when there is an account, also
    /// when it was made at the same moment; `Invalid` for the address and the password.
    pub async fn set_up(&self, code: Option<&str>, email: &str, password: &str, client: IpAddr) -> Result<Viewer> {
        if self.any_exist().await? {
            return Err(first::already_set_up());
        }
        if let Err(refused) = self.first.check(code) {
            self.attempt(&[Key::sign_up(client)], client).await?;
            self.audit.note_failure(AuditKind::SetUpRefused, None, client).await;
            return Err(refused);
        }
        let email = parse_email(email)?;
        let hash = self.passwords.accept(password, &email).await?;
        let user = self.insert(&email, hash, (Role::Admin, true), Some(client), "the first account").await?;
        Ok(Viewer::new(user).at(client))
    }

    /// Whether whoever comes may create an account now.
    pub async fn signup_open(&self) -> Result<bool> {
        Ok(match self.signup {
            SignupPolicy::Open => true,
            SignupPolicy::Closed | SignupPolicy::Invite | SignupPolicy::FirstAccount => {
                !self.first.needs_code() && !self.any_exist().await?
            }
        })
    }

    /// Creates an account as the sign-up policy allows it; the first is an administrator.
    ///
    /// # Errors
    /// `signup_closed`, `setup_code_required` (the first account of a server that others reach is made with
    /// [`set_up`](Self::set_up)), `email_taken`, `Throttled`, `Invalid`.
    pub async fn register(&self, email: &str, password: &str, client: IpAddr) -> Result<Viewer> {
        let parsed = parse_email(email)?;
        if !self.any_exist().await? {
            return self.set_up(None, email, password, client).await;
        }
        if self.signup != SignupPolicy::Open {
            return Err(CoreError::forbidden(
                "signup_closed",
                "sign-up is closed; ask an administrator for an account",
            ));
        }
        self.attempt(&[Key::sign_up(client)], client).await?;
        if find_by_email(self.store.read(), &parsed).await?.is_some() {
            return Err(email_taken());
        }
        let hash = self.passwords.accept(password, &parsed).await?;
        let user = self.insert(&parsed, hash, (Role::Member, false), Some(client), "signed up").await?;
        Ok(Viewer::new(user).at(client))
    }

    /// Signs in, or says what else that takes.
    ///
    /// # Errors
    /// `Unauthorized` with one text, and after the same time, for a wrong password and an unknown account; `Throttled`.
    pub async fn sign_in(&self, email: &str, password: &str, client: IpAddr) -> Result<SignIn> {
        self.sign_ins.count(SignInMethod::Password, self.by_password(email, password, client).await)
    }

    /// Counts an attempt of a stranger, or has them wait. The first that has to wait is written down: the others of that time
    /// cost nothing.
    async fn attempt(&self, keys: &[Key], client: IpAddr) -> Result<()> {
        let Err(early) = self.throttle.attempt(keys) else { return Ok(()) };
        if early.first {
            self.audit.note_failure(AuditKind::SignInDelayed, None, client).await;
        }
        Err(early.into())
    }

    /// The link with this secret, which somebody uses.
    async fn used_link(&self, secret: &str, client: IpAddr) -> Result<account_links::Model> {
        let keys = [Key::address(client)];
        self.attempt(&keys, client).await?;
        match links::find(self.store.read(), secret).await {
            Err(refused @ CoreError::Unusable { .. }) => {
                self.audit.note_failure(AuditKind::LinkRefused, None, client).await;
                Err(refused)
            }
            other => {
                self.throttle.succeeded(&keys);
                other
            }
        }
    }

    async fn by_password(&self, email: &str, password: &str, client: IpAddr) -> Result<SignIn> {
        let email = parse_email(email)?;
        let keys = [account_key(&email), Key::address(client)];
        self.attempt(&keys, client).await?;
        let row = find_by_email(self.store.read(), &email).await?;
        let known = row.clone().map(to_user).transpose()?;
        let Some(row) = self.verify(password, row).await?.filter(|row| row.deactivated_at.is_none()) else {
            self.audit.note_failure(AuditKind::SignInFailed, known.as_ref(), client).await;
            return Err(WRONG);
        };
        self.throttle.succeeded(&keys);
        // There was a queue for a core meanwhile: a password that was changed in that time opens nothing any more.
        let is = find_by_id(self.store.read(), UserId(row.id)).await?;
        let row = is.filter(|is| is.password_hash == row.password_hash && is.deactivated_at.is_none()).ok_or(WRONG)?;
        self.after_password(row, client).await
    }

    /// Writes down that somebody signs out.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn signed_out(&self, viewer: &Viewer) -> Result<()> {
        self.audit.note(Entry::by(viewer, AuditKind::SignedOut).with("a browser")).await
    }

    /// The user of a web session; `None`: the account is gone, or deactivated.
    pub async fn viewer(&self, id: UserId) -> Result<Option<Viewer>> {
        find_by_id(self.store.read(), id).await?.map(|row| to_user(row).map(Viewer::new)).transpose()
    }

    /// The account with this address, as which commands on the server's machine act when they are told to.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`.
    pub async fn named(&self, email: &str) -> Result<Viewer> {
        let row =
            find_by_email(self.store.read(), &parse_email(email)?).await?.ok_or(CoreError::NotFound("account"))?;
        to_user(row).map(Viewer::new)
    }

    /// The oldest administrator, as whom commands on the server's machine act.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn administrator(&self) -> Result<Option<Viewer>> {
        let row = users::Entity::find()
            .filter(users::Column::Role.eq(Role::Admin.as_str()))
            .filter(users::Column::DeletedAt.is_null())
            .filter(users::Column::DeactivatedAt.is_null())
            .order_by_asc(users::Column::Id)
            .one(self.store.read())
            .await?;
        row.map(|row| to_user(row).map(Viewer::new)).transpose()
    }

    /// Changes the password and ends all other sessions, of browsers (but `keep`) and of programs. Where there is none yet,
    /// `current` does not matter.
    ///
    /// # Errors
    /// `Invalid` for `current_password` when it is wrong, for `password` when the new one is not accepted; `Throttled`.
    pub async fn change_password(
        &self,
        viewer: &Viewer,
        current: &str,
        new: &str,
        keep: Option<WebSessionId>,
    ) -> Result<()> {
        if self.has_password(viewer).await? {
            self.confirm(viewer, "current_password", current).await?;
        }
        let hash = self.passwords.accept(new, &viewer.user().email).await?;
        let write = self.store.write().await?;
        Entry::by(viewer, AuditKind::PasswordChanged).write(&write.tx).await?;
        self.replace_password(write, viewer.id(), hash, keep).await
    }

    /// Changes the address that the user signs in with.
    ///
    /// # Errors
    /// `Invalid` for `password` when it is wrong, for `email` when it is none; `email_taken`; `Throttled`.
    pub async fn change_email(&self, viewer: &Viewer, password: &str, email: &str) -> Result<User> {
        let email = parse_email(email)?;
        let row = self.confirm(viewer, "password", password).await?;
        let mut row: users::ActiveModel = row.into();
        let changed = format!("from {} to {email}", viewer.user().email);
        row.email = Set(email.into());
        row.updated_at = Set(now());
        let write = self.store.write().await?;
        Entry::by(viewer, AuditKind::EmailChanged).with(changed).write(&write.tx).await?;
        let row = row.update(&write.tx).await.map_err(|error| match unique_violation(&error) {
            Some(_) => email_taken(),
            None => error.into(),
        })?;
        write.commit().await?;
        to_user(row)
    }

    /// Adds an account whatever the sign-up policy says; for whoever runs the server.
    ///
    /// # Errors
    /// `email_taken`, `Invalid`.
    pub async fn add(&self, email: &str, password: &str, role: Role) -> Result<User> {
        let email = parse_email(email)?;
        let hash = self.passwords.accept(password, &email).await?;
        if !self.any_exist().await? {
            match self.insert(&email, hash.clone(), (role, true), None, BY_COMMAND).await {
                Err(CoreError::Conflict { code: "already_set_up", .. }) => {}
                outcome => return outcome,
            }
        }
        self.insert(&email, hash, (role, false), None, BY_COMMAND).await
    }

    /// Sets a password without knowing the old one and ends all sessions; for whoever runs the server.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`.
    pub async fn set_password(&self, email: &str, password: &str) -> Result<()> {
        let email = parse_email(email)?;
        let row = find_by_email(self.store.read(), &email).await?.ok_or(CoreError::NotFound("account"))?;
        let hash = self.passwords.accept(password, &email).await?;
        let (id, user) = (UserId(row.id), to_user(row)?);
        let write = self.store.write().await?;
        Entry::of(&user, AuditKind::PasswordChanged, None).with(BY_COMMAND).write(&write.tx).await?;
        self.replace_password(write, id, hash, None).await
    }

    /// Makes sure that the viewer knows the password.
    async fn confirm(&self, viewer: &Viewer, field: &'static str, password: &str) -> Result<users::Model> {
        let keys = [Key::Confirmation(viewer.id().0)];
        self.throttle.attempt(&keys)?;
        let row = find_by_id(self.store.read(), viewer.id()).await?;
        if row.as_ref().is_some_and(|row| row.password_hash == NO_PASSWORD) {
            return Err(CoreError::invalid(field, "your account has no password yet; set one first"));
        }
        let Some(row) = self.verify(password, row).await? else {
            if let Some(client) = viewer.address() {
                self.audit.note_failure(AuditKind::SignInFailed, Some(viewer.user()), client).await;
            }
            return Err(CoreError::invalid(field, "this is not your password"));
        };
        self.throttle.succeeded(&keys);
        Ok(row)
    }

    /// The row, when the password is its; renews the hash when it was made with other parameters.
    async fn verify(&self, password: &str, row: Option<users::Model>) -> Result<Option<users::Model>> {
        // Who has none is answered as nobody is, after the same time.
        let row = row.filter(|row| row.password_hash != NO_PASSWORD);
        let stored = row.as_ref().map(|row| row.password_hash.as_str());
        let Verified::Right(renewed) = self.passwords.verify(password, stored).await? else { return Ok(None) };
        let (Some(hash), Some(row)) = (renewed, &row) else { return Ok(row) };
        let write = self.store.write().await?;
        // One that was set meanwhile stays.
        let renewed = users::Entity::update_many()
            .set(users::ActiveModel { password_hash: Set(hash.clone()), ..Default::default() })
            .filter(users::Column::Id.eq(row.id))
            .filter(users::Column::PasswordHash.eq(row.password_hash.as_str()))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        if renewed.rows_affected > 0 {
            return Ok(Some(users::Model { password_hash: hash, ..row.clone() }));
        }
        // Somebody else has renewed it, or there is another password now.
        let is = find_by_id(self.store.read(), UserId(row.id)).await?;
        let stored = is.as_ref().map(|row| row.password_hash.as_str());
        Ok(match self.passwords.verify(password, stored).await? {
            Verified::Right(_) => is,
            Verified::Wrong => None,
        })
    }

    async fn replace_password(
        &self,
        write: Write<'_>,
        user: UserId,
        hash: String,
        keep: Option<WebSessionId>,
    ) -> Result<()> {
        users::ActiveModel { id: Set(user.0), password_hash: Set(hash), updated_at: Set(now()), ..Default::default() }
            .update(&write.tx)
            .await?;
        sessions::end_all(&write.tx, user, keep).await?;
        let change = Change::UserSessionsEnded(user);
        news::tell_of(&write.tx, &self.changes, change).await?;
        write.commit().await?;
        self.changes.publish(change);
        Ok(())
    }

    /// Makes an account of this role, perhaps as the founder, and writes down how.
    async fn insert(
        &self,
        email: &Email,
        password_hash: String,
        (role, founder): (Role, bool),
        client: Option<IpAddr>,
        how: &str,
    ) -> Result<User> {
        let write = self.store.write().await?;
        let user = insert(&write.tx, email, password_hash, role, founder).await?;
        let how = format!("{how}, {}", role.as_str());
        Entry::of(&user, AuditKind::AccountMade, client).with(how).write(&write.tx).await?;
        write.commit().await?;
        self.first.was_made();
        Ok(user)
    }
}

/// Inserts an account. Of two founders the database lets one in, even when two processes try at once.
async fn insert(
    tx: &impl ConnectionTrait,
    email: &Email,
    password_hash: String,
    role: Role,
    founder: bool,
) -> Result<User> {
    let moment = now();
    let row = users::ActiveModel {
        id: Set(Uuid::now_v7()),
        email: Set(email.to_string()),
        password_hash: Set(password_hash),
        role: Set(role.as_str().into()),
        founder: Set(founder),
        created_at: Set(moment),
        updated_at: Set(moment),
        deleted_at: Set(None),
        deactivated_at: Set(None),
        totp_seed: Set(None),
        totp_since: Set(None),
        totp_step: Set(0),
        rate_limit: Set(None),
    };
    let row = row.insert(tx).await.map_err(|error| match unique_violation(&error) {
        Some(text) if text.contains("founder") => first::already_set_up(),
        Some(_) => email_taken(),
        None => error.into(),
    })?;
    to_user(row)
}

fn account_key(email: &Email) -> Key {
    Key::Account(sha256(email.as_str()))
}
