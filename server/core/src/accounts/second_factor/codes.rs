//! Codes: what an app shows, and those for whoever has lost it.

use super::Accounts;
use crate::{
    CoreError, Result,
    auth::{random_base32, sha256},
    store::rows::{recovery_codes, users},
};
use domain::UserId;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use std::fmt;
use totp_rs::{Builder, Totp};
use uuid::Uuid;

/// How many recovery codes somebody gets.
const RECOVERY_CODES: usize = 10;
/// The characters of one, five random bits each; shown in groups of four.
const LENGTH: usize = 16;

/// New recovery codes, shown once. `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCodes(Vec<String>);

impl RecoveryCodes {
    /// The codes.
    pub fn expose(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes(…)")
    }
}

/// The passwords of a seed: SHA-1, six digits, thirty seconds, which is what apps support; one step early or late is let
/// pass (RFC 6238 section 5.2).
pub(super) fn totp(seed: &[u8]) -> Result<Totp> {
    let totp = Builder::new().with_secret(seed.to_vec()).build();
    totp.map_err(|error| CoreError::Internal(format!("one-time passwords: {error}")))
}

/// Six digits, perhaps in groups.
fn looks_like_a_password(code: &str) -> bool {
    let mut rest = code.chars().filter(|c| !c.is_whitespace());
    rest.by_ref().take(6).filter(char::is_ascii_digit).count() == 6 && rest.next().is_none()
}

/// The step that a code belongs to, if it is one of these and of about now.
pub(super) fn step_of(seed: &[u8], code: &str) -> Result<Option<i64>> {
    if !looks_like_a_password(code) {
        return Ok(None);
    }
    let code: String = code.chars().filter(char::is_ascii_digit).collect();
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default();
    Ok(totp(seed)?.check(&code, now).and_then(|step| i64::try_from(step).ok()))
}

/// Replaces somebody's recovery codes.
pub(super) async fn renew(tx: &impl ConnectionTrait, user: UserId) -> Result<RecoveryCodes> {
    forget(tx, user).await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| random_base32(LENGTH)).collect();
    let rows = codes.iter().map(|code| recovery_codes::ActiveModel {
        id: Set(Uuid::now_v7()),
        user_id: Set(user.0),
        code_hash: Set(sha256(code).to_vec()),
    });
    recovery_codes::Entity::insert_many(rows).exec_without_returning(tx).await?;
    let grouped = |code: &String| [&code[..4], &code[4..8], &code[8..12], &code[12..]].join("-");
    Ok(RecoveryCodes(codes.iter().map(grouped).collect()))
}

/// Removes somebody's recovery codes.
pub(super) async fn forget(tx: &impl ConnectionTrait, user: UserId) -> Result<()> {
    recovery_codes::Entity::delete_many().filter(recovery_codes::Column::UserId.eq(user.0)).exec(tx).await?;
    Ok(())
}

impl Accounts {
    /// Uses a code up; what it was, or `None` when it is wrong or was used before.
    pub(super) async fn check_code(&self, row: &users::Model, code: &str) -> Result<Option<&'static str>> {
        if looks_like_a_password(code) {
            let Some(step) = step_of(&self.seed(row)?, code)? else { return Ok(None) };
            // One statement compares and sets, so that of two with the same code at once one gets in.
            let write = self.store.write().await?;
            let used = users::Entity::update_many()
                .col_expr(users::Column::TotpStep, step.into())
                .filter(users::Column::Id.eq(row.id))
                .filter(users::Column::TotpStep.lt(step))
                .exec(&write.tx)
                .await?;
            write.commit().await?;
            return Ok((used.rows_affected == 1).then_some("with a code"));
        }
        let typed: String = code.chars().filter(char::is_ascii_alphanumeric).take(LENGTH + 1).collect();
        if typed.len() != LENGTH {
            return Ok(None);
        }
        let write = self.store.write().await?;
        let used = recovery_codes::Entity::delete_many()
            .filter(recovery_codes::Column::UserId.eq(row.id))
            .filter(recovery_codes::Column::CodeHash.eq(sha256(&typed.to_ascii_uppercase()).to_vec()))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok((used.rows_affected == 1).then_some("with a recovery code"))
    }

    fn seed(&self, row: &users::Model) -> Result<Vec<u8>> {
        let sealed = row.totp_seed.as_deref().ok_or(CoreError::NotFound("second factor"))?;
        self.seal.open(&purpose(row.id), sealed).ok_or_else(|| {
            let cause = "the seed of a second factor was sealed with another key; set sealing_key to that one";
            CoreError::Internal(cause.into())
        })
    }
}

/// What a seed is sealed for.
pub(crate) fn purpose(user: Uuid) -> String {
    format!("second factor of {user}")
}
