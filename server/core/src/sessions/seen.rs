//! When people were there last.

use crate::{
    Result,
    store::rows::{api_sessions, personal_tokens, web_sessions},
};
use domain::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;
use uuid::Uuid;

/// When each of these users was last seen, to the minute: by a browser or a program that is signed in, or with a personal
/// token that is there still.
pub(crate) async fn last_seen(connection: &impl ConnectionTrait, users: &[Uuid]) -> Result<HashMap<Uuid, Timestamp>> {
    let mut seen = HashMap::new();
    macro_rules! look {
        ($table:ident, $used:ident) => {
            let used = $table::Entity::find()
                .select_only()
                .column($table::Column::UserId)
                .column_as($table::Column::$used.max(), "last")
                .filter($table::Column::UserId.is_in(users.iter().copied()))
                .filter($table::Column::$used.is_not_null())
                .group_by($table::Column::UserId)
                .into_tuple::<(Uuid, Timestamp)>();
            for (user, at) in used.all(connection).await? {
                let last = seen.entry(user).or_insert(at);
                *last = at.max(*last);
            }
        };
    }
    look!(web_sessions, LastSeenAt);
    look!(api_sessions, LastSeenAt);
    look!(personal_tokens, LastUsedAt);
    Ok(seen)
}
