//! A second factor to sign in with: one-time passwords by time (RFC 6238), as an app makes them from a seed that it was
//! given once, and recovery codes for whoever has lost the app. The seed is encrypted at rest, of recovery codes the SHA-256
//! is kept. Each code works once.

mod codes;
mod enrol;
mod policy;

use super::{Accounts, SignInMethod, find_by_id, to_user};
use crate::{
    CoreError, Result, Viewer,
    audit::Entry,
    auth::{Key, sha256},
    store::rows::{recovery_codes, users},
};
use chrono::TimeDelta;
pub use codes::RecoveryCodes;
pub(crate) use codes::purpose as seed_purpose;
use domain::{AuditKind, SecondFactor, UserId};
pub use enrol::Enrolment;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};
use uuid::Uuid;

/// How long after the password the code may follow.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

const TOO_LATE: CoreError = CoreError::Unauthorized("this sign-in took too long, or was ended; begin again");
const WRONG_CODE: CoreError = CoreError::Unauthorized("this code is wrong, or was used before; take the next one");

/// What came of a right password.
#[derive(Debug, Clone)]
pub enum SignIn {
    /// That is all it needs.
    Done(Viewer),
    /// A code is to follow.
    Code(Challenge),
    /// Everybody needs a second factor here, and this account has none yet: one is to be set up.
    Enrol(Challenge),
}

impl SignIn {
    /// Who signed in, if that was all.
    pub fn done(self) -> Option<Viewer> {
        match self {
            Self::Done(viewer) => Some(viewer),
            Self::Code(_) | Self::Enrol(_) => None,
        }
    }
}

/// Shows that somebody knew the password, for five minutes. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// How long it works, seconds.
    pub const SECONDS: u64 = 300;

    /// The challenge as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(…)")
    }
}

/// What a challenge holds.
#[derive(Serialize, Deserialize)]
struct Claim {
    user: Uuid,
    /// A fingerprint of the password's hash: another password ends it.
    password: Vec<u8>,
}

/// What a challenge is for.
const CODE: &str = "sign in with a code";
const ENROL: &str = "sign in by setting a second factor up";

fn key(id: Uuid) -> Key {
    Key::SecondFactor(id)
}

impl Accounts {
    /// What else it takes to sign in to an account whose password was right.
    pub(super) async fn after_password(&self, row: users::Model, client: IpAddr) -> Result<SignIn> {
        if row.totp_seed.is_some() {
            return self.ask_for_code(&row);
        }
        if self.requires_second_factor().await? {
            return self.ask_to_enrol(&row);
        }
        let viewer = Viewer::new(to_user(row)?).at(client);
        self.audit.note(Entry::by(&viewer, AuditKind::SignedIn)).await?;
        Ok(SignIn::Done(viewer))
    }

    /// A code is to follow.
    pub(super) fn ask_for_code(&self, row: &users::Model) -> Result<SignIn> {
        Ok(SignIn::Code(self.challenge(CODE, row)?))
    }

    /// A second factor is to be set up.
    pub(super) fn ask_to_enrol(&self, row: &users::Model) -> Result<SignIn> {
        Ok(SignIn::Enrol(self.challenge(ENROL, row)?))
    }

    fn challenge(&self, purpose: &str, row: &users::Model) -> Result<Challenge> {
        let claim = Claim { user: row.id, password: sha256(&row.password_hash).to_vec() };
        Ok(Challenge(self.seal.ticket(purpose, claim, PATIENCE)?))
    }

    async fn challenged(&self, purpose: &str, challenge: &str) -> Result<users::Model> {
        let claim: Claim = self.seal.redeem(purpose, challenge).ok_or(TOO_LATE)?;
        let row = find_by_id(self.store.read(), UserId(claim.user)).await?;
        row.filter(|row| sha256(&row.password_hash).as_slice() == claim.password).ok_or(TOO_LATE)
    }

    /// Ends a sign-in with a code of the app, or a recovery code.
    ///
    /// # Errors
    /// `Unauthorized` for a wrong code and a challenge that has ended; `Throttled`.
    pub async fn sign_in_with_code(&self, challenge: &str, code: &str, client: IpAddr) -> Result<Viewer> {
        self.sign_ins.count(SignInMethod::Code, self.by_code(challenge, code, client).await)
    }

    async fn by_code(&self, challenge: &str, code: &str, client: IpAddr) -> Result<Viewer> {
        let row = self.challenged(CODE, challenge).await?;
        let keys = [key(row.id), Key::address(client)];
        self.attempt(&keys, client).await?;
        let user = to_user(row.clone())?;
        let Some(how) = self.check_code(&row, code).await? else {
            self.audit.note_failure(AuditKind::SecondFactorFailed, Some(&user), client).await;
            return Err(WRONG_CODE);
        };
        self.throttle.succeeded(&keys);
        let viewer = Viewer::new(user).at(client);
        self.audit.note(Entry::by(&viewer, AuditKind::SignedIn).with(how)).await?;
        Ok(viewer)
    }

    /// How it stands with the viewer's own second factor.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn second_factor(&self, viewer: &Viewer) -> Result<SecondFactor> {
        let row = self.own(viewer).await?;
        let left = recovery_codes::Entity::find().filter(recovery_codes::Column::UserId.eq(row.id));
        Ok(SecondFactor {
            since: row.totp_since,
            recovery_codes: left.count(self.store.read()).await?,
            required: self.requires_second_factor().await?,
        })
    }

    /// Keeps new recovery codes in memory for the page that shows them once.
    pub fn keep_codes_for_reveal(&self, viewer: &Viewer, codes: RecoveryCodes) -> Uuid {
        let id = Uuid::now_v7();
        self.code_reveals.keep((viewer.id(), id), codes);
        id
    }

    /// The recovery codes kept for this page, once.
    pub fn reveal_codes(&self, viewer: &Viewer, id: Uuid) -> Option<RecoveryCodes> {
        self.code_reveals.take((viewer.id(), id))
    }

    /// The viewer's row.
    async fn own(&self, viewer: &Viewer) -> Result<users::Model> {
        find_by_id(self.store.read(), viewer.id()).await?.ok_or(CoreError::NotFound("account"))
    }
}
