//! Table `security_settings`: what administrators say that holds for the whole switchboard, each by its name.

use domain::Timestamp;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, entity::prelude::*, sea_query::OnConflict};

use crate::expected::later_than;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "security_settings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: String,
    pub updated_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was said under this name and when; `None` and the beginning of time: nothing yet.
pub(crate) async fn said(connection: &impl ConnectionTrait, name: &str) -> Result<(Option<String>, Timestamp), DbErr> {
    let row = Entity::find_by_id(name).one(connection).await?;
    let (value, updated_at) = row.map_or((None, None), |row| (Some(row.value), row.updated_at));
    Ok((value, updated_at.unwrap_or(Timestamp::UNIX_EPOCH)))
}

/// Says it, in place of what was said `before`.
pub(crate) async fn say(
    connection: &impl ConnectionTrait,
    name: &str,
    value: String,
    before: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel { name: Set(name.into()), value: Set(value), updated_at: Set(Some(later_than(before))) };
    let replace = OnConflict::column(Column::Name).update_columns([Column::Value, Column::UpdatedAt]).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(connection).await.map(drop)
}
