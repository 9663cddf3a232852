//! Accounts at OpenID Connect providers, by which people sign in.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(identities()).await?;
        // One who signs in at a provider has one account here, and an account one identity at each provider.
        for (name, columns) in
            [("identities_subject", ["issuer", "subject"]), ("identities_user", ["user_id", "issuer"])]
        {
            let mut index = Index::create();
            index.name(name).table("identities").unique();
            columns.into_iter().for_each(|column| {
                index.col(column);
            });
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("identities").to_owned()).await
    }
}

fn identities() -> TableCreateStatement {
    Table::create()
        .table("identities")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        .col(text("issuer"))
        .col(text("subject"))
        .col(text_null("email"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .foreign_key(
            ForeignKey::create().from("identities", "user_id").to("users", "id").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
