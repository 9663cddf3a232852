//! Measured traffic.
//!
//! A *subject* is a tunnel, a user (all of that user's tunnels) or everything (the nil UUID). A *run* is a stretch of time
//! in which one process measured without a pause; figures are absolute within their run, so storing them twice changes
//! nothing.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(runs()).await?;
        manager.create_table(totals()).await?;
        manager.create_table(rollups()).await?;
        manager
            .create_index(Index::create().name("traffic_totals_run").table("traffic_totals").col("run_id").to_owned())
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("traffic_rollups_age")
                    .table("traffic_rollups")
                    .col("step")
                    .col("start")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["traffic_rollups", "traffic_totals", "traffic_runs"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn runs() -> TableCreateStatement {
    Table::create()
        .table("traffic_runs")
        .col(pk_uuid("id"))
        // Seconds since the Unix epoch: the first second measured, and the end of the last one.
        .col(big_integer("start"))
        .col(big_integer("until"))
        .to_owned()
}

fn totals() -> TableCreateStatement {
    let mut table = Table::create();
    table.table("traffic_totals").col(uuid("subject_id")).col(uuid("run_id"));
    counts(&mut table);
    table.primary_key(Index::create().col("subject_id").col("run_id")).to_owned()
}

fn rollups() -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table("traffic_rollups")
        .col(uuid("subject_id"))
        .col(integer("step"))
        .col(big_integer("start"))
        .col(uuid("run_id"));
    counts(&mut table);
    table
        .col(big_integer("in_flight_max"))
        .col(binary("latency"))
        .primary_key(Index::create().col("subject_id").col("step").col("start").col("run_id"))
        .to_owned()
}

fn counts(table: &mut TableCreateStatement) {
    for column in ["informational", "success", "redirection", "client_error", "server_error", "bytes_in", "bytes_out"] {
        table.col(big_integer(column));
    }
}
