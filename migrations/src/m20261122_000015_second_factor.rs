//! A second factor to sign in with, and whether everybody needs one.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            binary_null("totp_seed"),
            timestamp_with_time_zone_null("totp_since"),
            big_integer("totp_step").default(0).to_owned(),
        ] {
            manager.alter_table(Table::alter().table("users").add_column(column).to_owned()).await?;
        }
        manager.create_table(recovery_codes()).await?;
        let index = Index::create().name("recovery_codes_user").table("recovery_codes").col("user_id").to_owned();
        manager.create_index(index).await?;
        let table =
            Table::create().table("security_settings").col(text("name").primary_key()).col(text("value")).to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["security_settings", "recovery_codes"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in ["totp_step", "totp_since", "totp_seed"] {
            manager.alter_table(Table::alter().table("users").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn recovery_codes() -> TableCreateStatement {
    Table::create()
        .table("recovery_codes")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        .col(binary("code_hash"))
        .foreign_key(ForeignKey::create().from("recovery_codes", "user_id").to("users", "id"))
        .to_owned()
}
