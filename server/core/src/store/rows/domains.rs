//! Table `domains`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "domains")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub host: String,
    pub target_kind: String,
    pub service_id: Option<Uuid>,
    pub tag: Option<String>,
    pub tunnel_id: Option<Uuid>,
    pub redirect: Option<String>,
    pub header_rules: String,
    pub host_rewrite: Option<String>,
    pub front: Option<String>,
    pub http_to_https: bool,
    pub verification_token: String,
    pub verified_at: Option<DateTimeUtc>,
    pub checked_at: Option<DateTimeUtc>,
    pub check_error: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_with: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
