//! Table `tunnel_sessions`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tunnel_sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tunnel_id: Uuid,
    pub token_id: Uuid,
    pub address: String,
    pub agent: String,
    pub machine: Option<String>,
    pub protocol: String,
    pub lines: i32,
    pub round_trip_ms: Option<f64>,
    pub local_failures: i64,
    pub last_local_failure: Option<String>,
    pub last_local_failure_at: Option<DateTimeUtc>,
    pub connected_at: DateTimeUtc,
    pub ended_at: DateTimeUtc,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
