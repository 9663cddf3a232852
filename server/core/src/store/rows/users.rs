//! Table `users`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub password_hash: String,
    pub role: String,
    pub founder: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub deactivated_at: Option<DateTimeUtc>,
    /// What makes one-time passwords; encrypted.
    pub totp_seed: Option<Vec<u8>>,
    pub totp_since: Option<DateTimeUtc>,
    /// The step of the last one that was used.
    pub totp_step: i64,
    /// How many requests may come to what it has, as JSON.
    pub rate_limit: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
