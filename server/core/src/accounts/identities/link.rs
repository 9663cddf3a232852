//! Which sign-ins get into an account: for its owner to change, for administrators to see.

use super::{NO_PASSWORD, Proven, shown, sign_in};
use crate::{
    CoreError, Result, Viewer,
    accounts::{Accounts, find_by_id, people},
    audit::Entry,
    auth::Key,
    store::rows::{identities, users},
};
use chrono::TimeDelta;
use domain::{AuditKind, Identity, IdentityId, UserId};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// How long somebody may take from the password to the provider.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

fn purpose(user: UserId) -> String {
    format!("link a provider with {user}")
}

impl Accounts {
    /// The viewer's identities, the oldest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn identities(&self, viewer: &Viewer) -> Result<Vec<Identity>> {
        of(self.store.read(), viewer.id()).await
    }

    /// Somebody's identities, the oldest first.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`.
    pub async fn identities_of(&self, viewer: &Viewer, id: UserId) -> Result<Vec<Identity>> {
        people::admins_only(viewer)?;
        people::find(self.store.read(), id).await?;
        of(self.store.read(), id).await
    }

    /// Whether the viewer can sign in with a password: accounts that were made by way of a provider have none at first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn has_password(&self, viewer: &Viewer) -> Result<bool> {
        let row = find_by_id(self.store.read(), viewer.id()).await?.ok_or(CoreError::NotFound("account"))?;
        Ok(row.password_hash != NO_PASSWORD)
    }

    /// Makes sure that it is the account's owner who wants a further way in, and gives what [`linking`](Self::linking) wants.
    ///
    /// # Errors
    /// `Invalid` for `current_password`; `no_provider`, `identity_taken`; `Throttled`.
    pub async fn offer_link(&self, viewer: &Viewer, password: &str) -> Result<String> {
        let Some(provider) = self.provider() else {
            return Err(CoreError::conflict("no_provider", "this server has no provider of sign-ins"));
        };
        if self.identities(viewer).await?.iter().any(|identity| identity.issuer == provider.issuer) {
            let message = "your account is connected already; disconnect that first";
            return Err(CoreError::conflict("identity_taken", message));
        }
        if self.has_password(viewer).await? {
            self.confirm(viewer, "current_password", password).await?;
        }
        self.seal.ticket(&purpose(viewer.id()), (), PATIENCE)
    }

    /// Whether this was given to the viewer, a short time ago.
    pub fn linking(&self, viewer: &Viewer, ticket: &str) -> bool {
        self.seal.redeem::<()>(&purpose(viewer.id()), ticket).is_some()
    }

    /// Links what a provider has said with the viewer's account.
    ///
    /// # Errors
    /// `identity_taken`: it is linked with another account, or this one has an identity of the provider.
    pub async fn link(&self, viewer: &Viewer, proven: &Proven) -> Result<Identity> {
        let write = self.store.write_accounts().await?;
        find_by_id(&write.tx, viewer.id()).await?.ok_or(CoreError::NotFound("account"))?;
        let row = sign_in::new_row(viewer.id().0, proven).insert(&write.tx).await.map_err(sign_in::taken)?;
        Entry::by(viewer, AuditKind::IdentityLinked).with(told(&row)).write(&write.tx).await?;
        write.commit().await?;
        if let Some(address) = viewer.address() {
            self.throttle.succeeded(&[Key::address(address)]);
        }
        Ok(shown(row))
    }

    /// Takes one of the viewer's identities away.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `only_way_in`: there is no password, and no other identity by which one
    /// can sign in now.
    pub async fn unlink(&self, viewer: &Viewer, id: IdentityId) -> Result<()> {
        let write = self.store.write_accounts().await?;
        let user = find_by_id(&write.tx, viewer.id()).await?.ok_or(CoreError::NotFound("account"))?;
        let row = identities::Entity::find_by_id(id.0).filter(identities::Column::UserId.eq(user.id));
        let row = row.one(&write.tx).await?.ok_or(CoreError::NotFound("identity"))?;
        if !self.has_another_way_in(&write.tx, &user, &row).await? {
            let message = "this is the only way into your account; set a password first";
            return Err(CoreError::conflict("only_way_in", message));
        }
        identities::Entity::delete_by_id(row.id).exec(&write.tx).await?;
        Entry::by(viewer, AuditKind::IdentityUnlinked).with(told(&row)).write(&write.tx).await?;
        write.commit().await
    }

    async fn has_another_way_in(
        &self,
        tx: &impl ConnectionTrait,
        user: &users::Model,
        but: &identities::Model,
    ) -> Result<bool> {
        use identities::Column;
        if user.password_hash != NO_PASSWORD {
            return Ok(true);
        }
        let Some(provider) = self.provider() else { return Ok(false) };
        let others = identities::Entity::find()
            .filter(Column::UserId.eq(user.id))
            .filter(Column::Issuer.eq(&provider.issuer))
            .filter(Column::Id.ne(but.id));
        Ok(others.count(tx).await? > 0)
    }
}

/// Removes somebody's identities, so that they can be linked with another account.
pub(crate) async fn forget(tx: &impl ConnectionTrait, user: UserId) -> Result<()> {
    identities::Entity::delete_many().filter(identities::Column::UserId.eq(user.0)).exec(tx).await?;
    Ok(())
}

async fn of(connection: &impl ConnectionTrait, user: UserId) -> Result<Vec<Identity>> {
    let rows = identities::Entity::find()
        .filter(identities::Column::UserId.eq(user.0))
        .order_by_asc(identities::Column::Id)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(shown).collect())
}

/// How the log names it.
fn told(row: &identities::Model) -> String {
    match &row.email {
        Some(email) => format!("{email} at {}", row.issuer),
        None => format!("{} at {}", row.subject, row.issuer),
    }
}
