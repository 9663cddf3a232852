//! Names that were given back, and since when a tunnel has its own.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of the tunnels that are there: since they were made.
        let named_at = timestamp_with_time_zone_null("named_at");
        manager.alter_table(Table::alter().table("tunnels").add_column(named_at).to_owned()).await?;
        manager.create_table(former_names()).await?;
        for column in ["name", "kept_until"] {
            let mut index = Index::create();
            index.name(format!("former_names_{column}")).table("former_names").col(column);
            manager.create_index(index).await?;
        }
        // So that removing a tunnel or a domain does not look through all routes.
        for column in ["tunnel_id", "domain_id"] {
            let mut index = Index::create();
            index.name(format!("routes_of_{column}")).table("routes").col(column);
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["tunnel_id", "domain_id"] {
            let mut index = Index::drop();
            index.name(format!("routes_of_{column}")).table("routes");
            manager.drop_index(index).await?;
        }
        manager.drop_table(Table::drop().table("former_names").to_owned()).await?;
        manager.alter_table(Table::alter().table("tunnels").drop_column("named_at").to_owned()).await
    }
}

fn former_names() -> TableCreateStatement {
    Table::create()
        .table("former_names")
        .col(pk_uuid("id"))
        .col(text("name"))
        .col(uuid("owner_id"))
        .col(timestamp_with_time_zone("kept_until"))
        .foreign_key(
            ForeignKey::create()
                .from("former_names", "owner_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
