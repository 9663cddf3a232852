//! Tokens whose secret is replaced while the old one stays good for a time.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for column in [
            // Counts the secrets, so that it is known with which of them somebody has signed in.
            integer("generation").default(1).to_owned(),
            binary_null("previous_hash").to_owned(),
            timestamp_with_time_zone_null("previous_until").to_owned(),
        ] {
            manager.alter_table(Table::alter().table("tokens").add_column(column).to_owned()).await?;
        }
        let mut index = Index::create();
        index.name("tokens_previous").table("tokens").col("previous_hash");
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("tokens_previous").table("tokens").to_owned()).await?;
        for column in ["generation", "previous_hash", "previous_until"] {
            manager.alter_table(Table::alter().table("tokens").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
