//! How many requests an account may have, and what was used of signing in in front of tunnels, domains and routes.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let limit = text_null("rate_limit").to_owned();
        manager.alter_table(Table::alter().table("users").add_column(limit).to_owned()).await?;
        manager.create_table(used_passes()).await?;
        let mut index = Index::create();
        index.name("used_passes_expires_at").table("used_passes").col("expires_at");
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("used_passes").to_owned()).await?;
        manager.alter_table(Table::alter().table("users").drop_column("rate_limit").to_owned()).await
    }
}

/// Those that are good no more by themselves are removed.
fn used_passes() -> TableCreateStatement {
    Table::create().table("used_passes").col(pk_uuid("id")).col(timestamp_with_time_zone("expires_at")).to_owned()
}
