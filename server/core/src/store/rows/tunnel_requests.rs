//! Table `tunnel_requests`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tunnel_requests")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub owner_id: Uuid,
    pub subject_id: Uuid,
    pub node: String,
    pub tunnel_id: Option<Uuid>,
    pub rule_kind: Option<String>,
    pub rule_id: Option<Uuid>,
    pub service_id: Option<Uuid>,
    pub method: String,
    pub host: String,
    pub path: String,
    pub status: Option<i32>,
    pub error: Option<String>,
    pub ended: String,
    pub kind: String,
    pub duration_us: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub content_type: Option<String>,
    pub client: String,
    pub pinned: bool,
    pub note: Option<String>,
    pub replay_of: Option<Uuid>,
    pub stored: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
