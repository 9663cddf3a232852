//! Which key the secrets in the database are sealed with, so that another one is noticed before it is used.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("sealing")
            // Derived from the key, and of no use to whoever reads it. There is one row, or none before the first start.
            .col(text("key_id").primary_key())
            .col(timestamp_with_time_zone("since"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("sealing").to_owned()).await
    }
}
