//! Accounts that are deactivated, and links by which people get in.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let deactivated = timestamp_with_time_zone_null("deactivated_at");
        manager.alter_table(Table::alter().table("users").add_column(deactivated).to_owned()).await?;
        manager.create_table(account_links()).await?;
        for column in ["email", "user_id", "created_by"] {
            let name = format!("account_links_{column}");
            manager.create_index(Index::create().name(name).table("account_links").col(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("account_links").to_owned()).await?;
        manager.alter_table(Table::alter().table("users").drop_column("deactivated_at").to_owned()).await
    }
}

/// Invitations, which have a role, and links to choose a new password, which have a user.
fn account_links() -> TableCreateStatement {
    Table::create()
        .table("account_links")
        .col(pk_uuid("id"))
        .col(binary("secret_hash").unique_key())
        .col(text("email"))
        .col(text_null("role"))
        .col(uuid_null("user_id"))
        .col(uuid("created_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(ForeignKey::create().from("account_links", "user_id").to("users", "id"))
        .foreign_key(ForeignKey::create().from("account_links", "created_by").to("users", "id"))
        .to_owned()
}
