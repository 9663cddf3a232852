//! Telephones that were connected, and why they went.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tunnel_sessions()).await?;
        let mut index = Index::create();
        index.name("tunnel_sessions_tunnel").table("tunnel_sessions").col("tunnel_id").col("id");
        manager.create_index(index).await?;
        let mut index = Index::create();
        index.name("tunnel_sessions_ended").table("tunnel_sessions").col("ended_at");
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tunnel_sessions").to_owned()).await
    }
}

fn tunnel_sessions() -> TableCreateStatement {
    Table::create()
        .table("tunnel_sessions")
        .col(pk_uuid("id"))
        .col(uuid("tunnel_id"))
        .col(uuid("token_id"))
        .col(text("address"))
        .col(text("agent"))
        .col(text_null("machine"))
        .col(text("protocol"))
        .col(integer("lines"))
        .col(double_null("round_trip_ms"))
        .col(big_integer("local_failures"))
        .col(text_null("last_local_failure"))
        .col(timestamp_with_time_zone_null("last_local_failure_at"))
        .col(timestamp_with_time_zone("connected_at"))
        .col(timestamp_with_time_zone("ended_at"))
        .col(text("reason"))
        .foreign_key(ForeignKey::create().from("tunnel_sessions", "tunnel_id").to("tunnels", "id"))
        .to_owned()
}
