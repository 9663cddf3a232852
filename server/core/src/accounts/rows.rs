//! Rows of `users` and what they mean.

use crate::{CoreError, Result, store::rows::users};
use domain::{Email, User, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// An account that can be used: neither deleted nor deactivated.
pub(crate) async fn find_by_id(connection: &impl ConnectionTrait, id: UserId) -> Result<Option<users::Model>> {
    Ok(users::Entity::find_by_id(id.0)
        .filter(users::Column::DeletedAt.is_null())
        .filter(users::Column::DeactivatedAt.is_null())
        .one(connection)
        .await?)
}

/// An account that is not deleted; whether it can be used is another question.
pub(crate) async fn find_by_email(connection: &impl ConnectionTrait, email: &Email) -> Result<Option<users::Model>> {
    Ok(users::Entity::find()
        .filter(users::Column::Email.eq(email.as_str()))
        .filter(users::Column::DeletedAt.is_null())
        .one(connection)
        .await?)
}

pub(crate) fn to_user(row: users::Model) -> Result<User> {
    let wrong = |what: &str| CoreError::Internal(format!("user {} has a wrong {what}", row.id));
    let role = row.role.parse().map_err(|_| wrong("role"))?;
    let email = row.email.parse().map_err(|_| wrong("email"))?;
    Ok(User { id: UserId(row.id), email, role, created_at: row.created_at })
}

pub(crate) fn parse_email(text: &str) -> Result<Email> {
    text.parse().map_err(|error| CoreError::invalid("email", error))
}

pub(crate) fn email_taken() -> CoreError {
    CoreError::conflict("email_taken", "there is an account with this e-mail address; sign in instead")
}
