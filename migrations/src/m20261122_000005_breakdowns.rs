//! Measured traffic told apart: errors, paths, clients, the slowest requests; and how many requests waited.
//!
//! Steps and runs are those of `traffic_rollups`.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(breakdowns()).await?;
        manager.create_index(by_age()).await?;
        let held = Table::alter().table("traffic_rollups").add_column(big_integer("held_max").default(0)).to_owned();
        manager.alter_table(held).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("traffic_rollups").drop_column("held_max").to_owned()).await?;
        manager.drop_table(Table::drop().table("traffic_breakdowns").to_owned()).await
    }
}

fn by_age() -> IndexCreateStatement {
    Index::create().name("traffic_breakdowns_age").table("traffic_breakdowns").col("step").col("start").to_owned()
}

fn breakdowns() -> TableCreateStatement {
    Table::create()
        .table("traffic_breakdowns")
        .col(uuid("subject_id"))
        .col(integer("step"))
        .col(big_integer("start"))
        .col(uuid("run_id"))
        // JSON with a version of its own.
        .col(text("details"))
        .primary_key(Index::create().col("subject_id").col("step").col("start").col("run_id"))
        .to_owned()
}
