//! Table `routes`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "routes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub domain_id: Option<Uuid>,
    pub mount: String,
    pub strip_prefix: bool,
    pub enabled: bool,
    pub target_kind: String,
    pub service_id: Option<Uuid>,
    pub tag: Option<String>,
    pub tunnel_id: Option<Uuid>,
    pub redirect: Option<String>,
    pub header_rules: String,
    pub host_rewrite: Option<String>,
    pub front: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_with: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
