//! Table `security_settings`: what administrators say that holds for the whole switchboard, each by its name.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, entity::prelude::*, sea_query::OnConflict};

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "security_settings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was said under this name; `None`: nothing yet.
pub(crate) async fn said(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>, DbErr> {
    Ok(Entity::find_by_id(name).one(connection).await?.map(|row| row.value))
}

/// Says it, in place of what was said before.
pub(crate) async fn say(connection: &impl ConnectionTrait, name: &str, value: String) -> Result<(), DbErr> {
    let row = ActiveModel { name: Set(name.into()), value: Set(value) };
    let replace = OnConflict::column(Column::Name).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(connection).await.map(drop)
}

/// Says nothing any more.
pub(crate) async fn unsay(connection: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
    Entity::delete_by_id(name).exec(connection).await.map(drop)
}
