//! Rows of `tokens` and what they mean.

use crate::{
    CoreError, Result, Viewer,
    store::{now, rows::tokens},
};
use domain::{Token, TokenId, TokenScope};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// The viewer's token.
pub(crate) async fn find(connection: &impl ConnectionTrait, viewer: &Viewer, id: TokenId) -> Result<tokens::Model> {
    tokens::Entity::find_by_id(id.0)
        .filter(tokens::Column::OwnerId.eq(viewer.id().0))
        .filter(tokens::Column::DeletedAt.is_null())
        .one(connection)
        .await?
        .ok_or(CoreError::NotFound("token"))
}

pub(crate) fn to_token(row: tokens::Model) -> Result<Token> {
    let scope = to_scope(&row)?;
    let name =
        row.name.parse().map_err(|error| CoreError::Internal(format!("token {} has a wrong name: {error}", row.id)))?;
    Ok(Token {
        id: TokenId(row.id),
        name,
        prefix: row.prefix,
        scope,
        expires_at: row.expires_at,
        previous_until: row.previous_until.filter(|until| *until > now()),
        last_used_at: row.last_used_at,
        created_at: row.created_at,
    })
}

pub(crate) fn to_scope(row: &tokens::Model) -> Result<TokenScope> {
    serde_json::from_str(&row.scope)
        .map_err(|error| CoreError::Internal(format!("token {} has a wrong scope: {error}", row.id)))
}

pub(crate) fn write_scope(scope: &TokenScope) -> Result<String> {
    serde_json::to_string(scope).map_err(|error| CoreError::Internal(format!("writing a scope: {error}")))
}
