//! Users and who stays signed in.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(users()).await?;
        for index in user_indexes() {
            manager.create_index(index).await?;
        }
        manager.create_table(web_sessions()).await?;
        manager.create_table(api_sessions()).await?;
        for (table, name) in [("web_sessions", "web_sessions_user"), ("api_sessions", "api_sessions_user")] {
            manager.create_index(Index::create().name(name).table(table).col("user_id").to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["api_sessions", "web_sessions", "users"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(pk_uuid("id"))
        .col(text("email"))
        .col(text("password_hash"))
        .col(text("role"))
        // The account made when there was none. A unique index on it lets the database decide who was first.
        .col(boolean("founder").default(false))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .to_owned()
}

fn user_indexes() -> [IndexCreateStatement; 2] {
    [
        Index::create()
            .name("users_email_live")
            .table("users")
            .col("email")
            .unique()
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned(),
        Index::create()
            .name("users_founder_live")
            .table("users")
            .col("founder")
            .unique()
            .and_where(Expr::col("founder"))
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned(),
    ]
}

fn web_sessions() -> TableCreateStatement {
    Table::create()
        .table("web_sessions")
        .col(pk_uuid("id"))
        .col(binary("key_hash").unique_key())
        .col(uuid_null("user_id"))
        .col(text("data"))
        .col(text_null("user_agent"))
        .col(text_null("address"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("last_seen_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(ForeignKey::create().from("web_sessions", "user_id").to("users", "id"))
        .to_owned()
}

fn api_sessions() -> TableCreateStatement {
    Table::create()
        .table("api_sessions")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        .col(binary("selector_hash").unique_key())
        .col(binary("verifier_hash"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(ForeignKey::create().from("api_sessions", "user_id").to("users", "id"))
        .to_owned()
}
