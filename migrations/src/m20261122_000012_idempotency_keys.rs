//! Requests that made something and carried a key, with what they were answered.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(idempotency_keys()).await?;
        let mut index = Index::create();
        index.name("idempotency_keys_user").table("idempotency_keys").col("user_id").col("id");
        manager.create_index(index).await?;
        let mut index = Index::create();
        index.name("idempotency_keys_expiry").table("idempotency_keys").col("expires_at");
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_keys").to_owned()).await
    }
}

fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        // SHA-256 of who asked, with which rights, and the key.
        .col(binary("key_hash").unique_key())
        // SHA-256 of what was asked.
        .col(binary("request_hash"))
        // Sealed, since it may hold a secret. Null: none yet.
        .col(blob_null("answer"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(
            ForeignKey::create()
                .from("idempotency_keys", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
