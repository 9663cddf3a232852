//! Table `alert_events`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_events")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub alert_id: Uuid,
    pub owner_id: Uuid,
    pub at: DateTimeUtc,
    pub state: String,
    pub subject_kind: String,
    pub subject_id: Uuid,
    pub subject_name: String,
    pub value: Option<f64>,
    pub message: String,
    pub target: String,
    pub delivery: String,
    pub attempts: i32,
    pub next_attempt_at: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub last_error: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
