//! Table `tunnels`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tunnels")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub name: String,
    pub subdomain: String,
    pub local_url: Option<String>,
    pub region: Option<String>,
    pub metadata: String,
    pub front: Option<String>,
    pub paused: bool,
    pub auto_token_id: Option<Uuid>,
    pub auto_local_url: Option<String>,
    pub auto_announced: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub last_active_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
    /// Since when it has its subdomain; `None`: since it was made.
    pub named_at: Option<DateTimeUtc>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
