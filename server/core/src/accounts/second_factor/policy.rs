//! Whether everybody needs a second factor.

use super::Accounts;
use crate::{
    Change, CoreError, Expected, Result, Viewer,
    audit::Entry,
    news, sessions,
    store::rows::{security_settings, users},
};
use domain::{AuditKind, Timestamp, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

const NAME: &str = "require_second_factor";

impl Accounts {
    /// Whether everybody needs a second factor.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn requires_second_factor(&self) -> Result<bool> {
        Ok(self.second_factor_policy().await?.0)
    }

    /// The same, and when that was last said.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn second_factor_policy(&self) -> Result<(bool, Timestamp)> {
        said(self.store.read()).await
    }

    /// Says whether everybody needs one. From then on who has none sets one up when signing in; and is signed out now.
    ///
    /// # Errors
    /// `admin_only`; `second_factor_first`: the administrator has none; `Changed` when it is not as expected.
    pub async fn require_second_factor(&self, viewer: &Viewer, required: bool, expected: &Expected) -> Result<()> {
        let write = self.administrate(viewer).await?;
        let (is, before) = said(&write.tx).await?;
        expected.check(before)?;
        if is == required {
            return Ok(());
        }
        let without: Vec<Uuid> = users::Entity::find()
            .select_only()
            .column(users::Column::Id)
            .filter(users::Column::TotpSeed.is_null())
            .filter(users::Column::DeletedAt.is_null())
            .into_tuple()
            .all(&write.tx)
            .await?;
        if required && without.contains(&viewer.id().0) {
            let message = "set up your own second factor first, so that you are not signed out by this";
            return Err(CoreError::conflict("second_factor_first", message));
        }
        security_settings::say(&write.tx, NAME, required.to_string(), before).await?;
        let entry = Entry::by(viewer, AuditKind::SecondFactorPolicy);
        entry.with(if required { "required of everybody" } else { "left to everybody" }).write(&write.tx).await?;
        let out: Vec<_> = if required { without.into_iter().map(UserId).collect() } else { Vec::new() };
        for user in &out {
            sessions::end_all(&write.tx, *user, None).await?;
            news::tell_of(&write.tx, &self.changes, Change::UserSessionsEnded(*user)).await?;
        }
        write.commit().await?;
        out.into_iter().for_each(|user| self.changes.publish(Change::UserSessionsEnded(user)));
        Ok(())
    }
}

async fn said(connection: &impl ConnectionTrait) -> Result<(bool, Timestamp)> {
    let (said, updated_at) = security_settings::said(connection, NAME).await?;
    Ok((said.is_some_and(|value| value == "true"), updated_at))
}
