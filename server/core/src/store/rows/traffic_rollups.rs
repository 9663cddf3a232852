//! Table `traffic_rollups`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "traffic_rollups")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub step: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub start: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    pub informational: i64,
    pub success: i64,
    pub redirection: i64,
    pub client_error: i64,
    pub server_error: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub in_flight_max: i64,
    pub held_max: i64,
    pub latency: Vec<u8>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
