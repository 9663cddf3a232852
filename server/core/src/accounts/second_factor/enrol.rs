//! Setting a second factor up, and doing without one again.

use super::{
    Accounts, ENROL,
    codes::{self, RecoveryCodes},
};
use crate::{
    CoreError, Result, Viewer,
    accounts::{SignInMethod, find_by_email, people::find, rows::parse_email, to_user},
    audit::Entry,
    auth::Key,
    store::{Write, now, rows::users},
};
use chrono::TimeDelta;
use domain::{AuditKind, UserId};
use rand::RngCore;
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use std::{fmt, net::IpAddr};
use url::{Url, form_urlencoded};
use uuid::Uuid;

/// How long a seed waits for its first code.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);
/// What apps call this server.
const ISSUER: &str = "Switchboard";

/// A new seed on its way into an app. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The seed, to be typed in where nothing can be scanned: base32.
    pub seed: String,
    /// The seed as an address that apps understand (`otpauth`), to be shown as a QR code.
    pub url: String,
    /// To be brought back with the first code; the server keeps nothing until then.
    pub ticket: String,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

fn is_on() -> CoreError {
    CoreError::conflict("second_factor_on", "there is a second factor already; turn it off first")
}

fn is_off() -> CoreError {
    CoreError::conflict("no_second_factor", "there is no second factor; set one up first")
}

fn ended() -> CoreError {
    CoreError::unusable("enrolment_ended", "enrolment", "this took too long; begin again with a new seed")
}

fn wrong() -> CoreError {
    CoreError::invalid("code", "this code does not belong to the seed; check the clock of the device that shows it")
}

impl Accounts {
    /// Makes a seed for the viewer's app; the same as before for whoever brings back a good ticket.
    ///
    /// # Errors
    /// `second_factor_on`.
    pub async fn begin_second_factor(&self, viewer: &Viewer, ticket: Option<&str>) -> Result<Enrolment> {
        let row = self.own(viewer).await?;
        self.enrolment(&row, ticket)
    }

    /// The same for somebody whose sign-in needs a second factor.
    ///
    /// # Errors
    /// `Unauthorized` for a challenge that has ended; `second_factor_on`.
    pub async fn begin_with_challenge(&self, challenge: &str, ticket: Option<&str>) -> Result<Enrolment> {
        let row = self.challenged(ENROL, challenge).await?;
        self.enrolment(&row, ticket)
    }

    fn enrolment(&self, row: &users::Model, ticket: Option<&str>) -> Result<Enrolment> {
        if row.totp_seed.is_some() {
            return Err(is_on());
        }
        let known: Option<Vec<u8>> = ticket.and_then(|ticket| self.seal.redeem(&codes::purpose(row.id), ticket));
        let seed = known.unwrap_or_else(|| {
            let mut seed = vec![0; 20];
            rand::rng().fill_bytes(&mut seed);
            seed
        });
        let text = totp_rs::Secret::from(seed.clone()).to_base32();
        let host = self.public_url.host_str().unwrap_or("localhost");
        let label: String = form_urlencoded::byte_serialize(row.email.as_bytes()).collect();
        let url = format!("otpauth://totp/{ISSUER}:{label}?secret={text}&issuer={ISSUER}%20{host}");
        let url = Url::parse(&url).map_err(|error| CoreError::Internal(format!("an otpauth address: {error}")))?;
        let ticket = self.seal.ticket(&codes::purpose(row.id), seed, PATIENCE)?;
        Ok(Enrolment { seed: text, url: url.into(), ticket })
    }

    /// Turns the second factor on, with the first code that the app shows.
    ///
    /// # Errors
    /// `Invalid` for `password` and `code`; `enrolment_ended`, `second_factor_on`, `Throttled`.
    pub async fn finish_second_factor(
        &self,
        viewer: &Viewer,
        password: &str,
        ticket: &str,
        code: &str,
    ) -> Result<RecoveryCodes> {
        let (seed, step) = self.first_code(viewer.id().0, ticket, code)?;
        let row = self.confirm(viewer, "current_password", password).await?;
        self.turn_on(row, viewer, &seed, step).await
    }

    /// The same for somebody whose sign-in needs a second factor; ends that sign-in.
    ///
    /// # Errors
    /// As [`finish_second_factor`](Self::finish_second_factor); `Unauthorized` for a challenge that has ended.
    pub async fn sign_in_by_enrolling(
        &self,
        challenge: &str,
        ticket: &str,
        code: &str,
        client: IpAddr,
    ) -> Result<(Viewer, RecoveryCodes)> {
        self.sign_ins.count(SignInMethod::Code, self.by_enrolling(challenge, ticket, code, client).await)
    }

    async fn by_enrolling(
        &self,
        challenge: &str,
        ticket: &str,
        code: &str,
        client: IpAddr,
    ) -> Result<(Viewer, RecoveryCodes)> {
        let row = self.challenged(ENROL, challenge).await?;
        let keys = [super::key(row.id), Key::address(client)];
        self.throttle.attempt(&keys)?;
        let (seed, step) = self.first_code(row.id, ticket, code)?;
        self.throttle.succeeded(&keys);
        let viewer = Viewer::new(to_user(row.clone())?).at(client);
        let codes = self.turn_on(row, &viewer, &seed, step).await?;
        self.audit.note(Entry::by(&viewer, AuditKind::SignedIn).with("with a new second factor")).await?;
        Ok((viewer, codes))
    }

    fn first_code(&self, user: Uuid, ticket: &str, code: &str) -> Result<(Vec<u8>, i64)> {
        let seed: Vec<u8> = self.seal.redeem(&codes::purpose(user), ticket).ok_or_else(ended)?;
        let step = codes::step_of(&seed, code)?.ok_or_else(wrong)?;
        Ok((seed, step))
    }

    async fn turn_on(&self, row: users::Model, viewer: &Viewer, seed: &[u8], step: i64) -> Result<RecoveryCodes> {
        let id = UserId(row.id);
        let sealed = self.seal.seal(&codes::purpose(row.id), seed)?;
        let write = self.store.write_sealed_accounts().await?;
        let row = find(&write.tx, id).await?;
        if row.totp_seed.is_some() {
            return Err(is_on());
        }
        let mut row: users::ActiveModel = row.into();
        row.totp_seed = Set(Some(sealed));
        row.totp_since = Set(Some(now()));
        row.totp_step = Set(step);
        row.update(&write.tx).await?;
        let codes = codes::renew(&write.tx, id).await?;
        Entry::by(viewer, AuditKind::SecondFactorOn).write(&write.tx).await?;
        write.commit().await?;
        Ok(codes)
    }

    /// Gives the viewer new recovery codes; the old ones end.
    ///
    /// # Errors
    /// `no_second_factor`; `Invalid` for `current_password`; `Throttled`.
    pub async fn renew_recovery_codes(&self, viewer: &Viewer, password: &str) -> Result<RecoveryCodes> {
        if self.own(viewer).await?.totp_seed.is_none() {
            return Err(is_off());
        }
        self.confirm(viewer, "current_password", password).await?;
        let write = self.store.write_accounts().await?;
        let codes = codes::renew(&write.tx, viewer.id()).await?;
        Entry::by(viewer, AuditKind::RecoveryCodesRenewed).write(&write.tx).await?;
        write.commit().await?;
        Ok(codes)
    }

    /// Turns the viewer's second factor off.
    ///
    /// # Errors
    /// `no_second_factor`, `second_factor_required`; `Invalid` for `current_password`; `Throttled`.
    pub async fn end_second_factor(&self, viewer: &Viewer, password: &str) -> Result<()> {
        if self.own(viewer).await?.totp_seed.is_none() {
            return Err(is_off());
        }
        if self.requires_second_factor().await? {
            let message = "everybody needs a second factor on this server; an administrator can reset it";
            return Err(CoreError::conflict("second_factor_required", message));
        }
        self.confirm(viewer, "current_password", password).await?;
        let write = self.store.write_accounts().await?;
        Entry::by(viewer, AuditKind::SecondFactorOff).write(&write.tx).await?;
        turn_off(write, viewer.id()).await
    }

    /// Turns somebody's second factor off, who has lost it.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`, `no_second_factor`.
    pub async fn reset_second_factor(&self, viewer: &Viewer, id: UserId) -> Result<()> {
        let write = self.administrate(viewer).await?;
        let row = find(&write.tx, id).await?;
        if row.totp_seed.is_none() {
            return Err(is_off());
        }
        let entry = Entry::by(viewer, AuditKind::SecondFactorOff).on(Some(id), &row.email);
        entry.with("by an administrator").write(&write.tx).await?;
        turn_off(write, id).await
    }

    /// The same for whoever runs the server.
    ///
    /// # Errors
    /// `NotFound`, `no_second_factor`.
    pub async fn drop_second_factor(&self, email: &str) -> Result<()> {
        let write = self.store.write_accounts().await?;
        let row = find_by_email(&write.tx, &parse_email(email)?).await?.ok_or(CoreError::NotFound("account"))?;
        if row.totp_seed.is_none() {
            return Err(is_off());
        }
        let user = to_user(row)?;
        let entry = Entry::of(&user, AuditKind::SecondFactorOff, None);
        entry.with(crate::accounts::BY_COMMAND).write(&write.tx).await?;
        turn_off(write, user.id).await
    }
}

async fn turn_off(write: Write<'_>, id: UserId) -> Result<()> {
    let mut row: users::ActiveModel = find(&write.tx, id).await?.into();
    row.totp_seed = Set(None);
    row.totp_since = Set(None);
    row.update(&write.tx).await?;
    codes::forget(&write.tx, id).await?;
    write.commit().await
}
