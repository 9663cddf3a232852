//! Tokens with which programs use the API.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(personal_tokens()).await?;
        let mut index = Index::create();
        index.name("personal_tokens_user").table("personal_tokens").col("user_id").col("id");
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("personal_tokens").to_owned()).await
    }
}

fn personal_tokens() -> TableCreateStatement {
    Table::create()
        .table("personal_tokens")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        .col(text("name"))
        // SHA-256 of the secret; it is nowhere else.
        .col(binary("secret_hash").unique_key())
        .col(text("prefix"))
        // Words, in order, with spaces between.
        .col(text("scopes"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(
            ForeignKey::create()
                .from("personal_tokens", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
