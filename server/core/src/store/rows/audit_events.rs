//! Table `audit_events`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub at: DateTimeUtc,
    pub last_at: DateTimeUtc,
    pub times: i64,
    pub actor_id: Option<Uuid>,
    pub actor_email: Option<String>,
    pub account_id: Option<Uuid>,
    pub account_email: Option<String>,
    pub address: Option<String>,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
