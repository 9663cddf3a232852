//! What was entered into forms that come back.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(drafts()).await?;
        for column in ["user_id", "expires_at"] {
            let mut index = Index::create();
            index.name(format!("drafts_{column}")).table("drafts").col(column);
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("drafts").to_owned()).await
    }
}

fn drafts() -> TableCreateStatement {
    Table::create()
        .table("drafts")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        .col(binary("sealed"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(
            ForeignKey::create().from("drafts", "user_id").to("users", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
