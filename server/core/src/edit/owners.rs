//! Whose things are.

use super::Edit;
use crate::{CoreError, Result, Viewer, accounts::find_by_email, store::rows::users};
use domain::{Email, Role, UserId};
use sea_orm::{ColumnTrait, Condition, EntityTrait};
use uuid::Uuid;

/// Whose something is, and what that allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) id: UserId,
    pub(crate) is_admin: bool,
}

/// Which rows a viewer sees, by the column that holds their owner. The one place that decides it.
pub(crate) fn scope(viewer: &Viewer, owner: impl ColumnTrait) -> Condition {
    let all = Condition::all();
    if viewer.is_admin() { all } else { all.add(owner.eq(viewer.id().0)) }
}

impl From<&Viewer> for Owner {
    fn from(viewer: &Viewer) -> Self {
        Self { id: viewer.id(), is_admin: viewer.is_admin() }
    }
}

fn is_admin(row: &users::Model) -> bool {
    row.role == Role::Admin.as_str()
}

impl Edit<'_> {
    /// Whose a new object is to be: who is named, which only administrators may for others, else who asks.
    pub(crate) async fn owner_named(&self, email: Option<&Email>) -> Result<Owner> {
        let actor = self.actor();
        match email {
            None => Ok(actor.into()),
            Some(email) if *email == actor.user().email => Ok(actor.into()),
            Some(_) if !actor.is_admin() => {
                Err(CoreError::invalid("owner", "only an administrator makes something for somebody else"))
            }
            Some(email) => {
                let row = find_by_email(self.tx(), email).await?;
                let row = row.ok_or_else(|| CoreError::invalid("owner", format!("there is no account {email}")))?;
                Ok(Owner { id: UserId(row.id), is_admin: is_admin(&row) })
            }
        }
    }

    /// The owner of an object.
    pub(crate) async fn owner(&self, id: Uuid) -> Result<Owner> {
        if id == self.actor().id().0 {
            return Ok(self.actor().into());
        }
        let row = users::Entity::find_by_id(id).one(self.tx()).await?;
        Ok(Owner { id: UserId(id), is_admin: row.is_some_and(|row| is_admin(&row)) })
    }

    /// Whether who changes something may make use of what this user has, for something of `owner`.
    pub(crate) fn may_use(&self, owner: &Owner, whose: Uuid) -> bool {
        whose == owner.id.0 || self.actor().is_admin()
    }
}
