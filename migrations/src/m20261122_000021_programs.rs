//! What programs that are signed in are recognised by.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more. Of those who signed in before nothing of it is known.
        for column in [
            text_null("user_agent").to_owned(),
            text_null("address").to_owned(),
            timestamp_with_time_zone_null("last_seen_at").to_owned(),
        ] {
            manager.alter_table(Table::alter().table("api_sessions").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["user_agent", "address", "last_seen_at"] {
            manager.alter_table(Table::alter().table("api_sessions").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
