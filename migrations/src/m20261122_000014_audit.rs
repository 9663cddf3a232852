//! What has to do with security: who came in, who did not, who changed what that protects accounts.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_events()).await?;
        for column in ["kind", "account_id", "actor_id"] {
            let name = format!("audit_events_{column}");
            let index = Index::create().name(name).table("audit_events").col(column).col("id").to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_events").to_owned()).await
    }
}

/// Without references to accounts: what was written stays when they go.
fn audit_events() -> TableCreateStatement {
    Table::create()
        .table("audit_events")
        .col(pk_uuid("id"))
        .col(text("kind"))
        .col(timestamp_with_time_zone("at"))
        .col(timestamp_with_time_zone("last_at"))
        .col(big_integer("times"))
        .col(uuid_null("actor_id"))
        .col(text_null("actor_email"))
        .col(uuid_null("account_id"))
        .col(text_null("account_email"))
        .col(text_null("address"))
        .col(text_null("detail"))
        .to_owned()
}
