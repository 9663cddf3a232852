//! Tokens, tunnels and their host names.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tokens()).await?;
        manager.create_table(tunnels()).await?;
        manager.create_table(tunnel_domains()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["tunnel_domains", "tunnels", "tokens"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn tokens() -> TableCreateStatement {
    Table::create()
        .table("tokens")
        .col(pk_uuid("id"))
        .col(uuid("owner_id"))
        .col(text("name"))
        .col(binary("secret_hash").unique_key())
        .col(text("prefix"))
        .col(text("scope"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(ForeignKey::create().from("tokens", "owner_id").to("users", "id"))
        .to_owned()
}

fn tunnels() -> TableCreateStatement {
    Table::create()
        .table("tunnels")
        .col(pk_uuid("id"))
        .col(uuid("owner_id"))
        .col(text("name"))
        .col(text("subdomain"))
        .col(text_null("local_url"))
        .col(text_null("region"))
        .col(text("metadata"))
        .col(boolean("paused").default(false))
        // For a tunnel that was made because a telephone named none: whose it is to get back.
        .col(uuid_null("auto_token_id"))
        .col(text_null("auto_local_url"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("last_active_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(ForeignKey::create().from("tunnels", "owner_id").to("users", "id"))
        .to_owned()
}

fn tunnel_domains() -> TableCreateStatement {
    Table::create()
        .table("tunnel_domains")
        .col(pk_uuid("id"))
        .col(uuid("tunnel_id"))
        .col(text("hostname"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(ForeignKey::create().from("tunnel_domains", "tunnel_id").to("tunnels", "id"))
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 6] {
    let live = |name: &str, table: &'static str, column: &'static str| {
        Index::create()
            .name(name)
            .table(table)
            .col(column)
            .unique()
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned()
    };
    [
        Index::create().name("tokens_owner").table("tokens").col("owner_id").to_owned(),
        Index::create().name("tunnels_owner").table("tunnels").col("owner_id").to_owned(),
        Index::create().name("tunnel_domains_tunnel").table("tunnel_domains").col("tunnel_id").to_owned(),
        live("tunnels_subdomain_live", "tunnels", "subdomain"),
        live("tunnel_domains_hostname_live", "tunnel_domains", "hostname"),
        Index::create()
            .name("tunnels_auto_live")
            .table("tunnels")
            .col("auto_token_id")
            .col("auto_local_url")
            .unique()
            .and_where(Expr::col("deleted_at").is_null())
            .and_where(Expr::col("auto_token_id").is_not_null())
            .to_owned(),
    ]
}
