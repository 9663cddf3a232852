//! What users want to be told of, and what they were told.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(alerts()).await?;
        manager.create_table(alert_events()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["alert_events", "alerts"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn alerts() -> TableCreateStatement {
    Table::create()
        .table("alerts")
        .col(pk_uuid("id"))
        .col(uuid("owner_id"))
        .col(text("name"))
        .col(text("kind"))
        // At most one of the two; neither means all that the owner has.
        .col(uuid_null("tunnel_id"))
        .col(uuid_null("service_id"))
        .col(double_null("limit_value"))
        .col(integer("for_seconds"))
        // One of the two. The secret is kept as it is: it is what notices are signed with.
        .col(text_null("webhook"))
        .col(text_null("secret"))
        .col(text_null("email"))
        .col(boolean("enabled"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(ForeignKey::create().from("alerts", "owner_id").to("users", "id"))
        .to_owned()
}

fn alert_events() -> TableCreateStatement {
    Table::create()
        .table("alert_events")
        .col(pk_uuid("id"))
        .col(uuid("alert_id"))
        .col(uuid("owner_id"))
        .col(timestamp_with_time_zone("at"))
        .col(text("state"))
        .col(text("subject_kind"))
        .col(uuid("subject_id"))
        .col(text("subject_name"))
        .col(double_null("value"))
        .col(text("message"))
        .col(text("target"))
        .col(text("delivery"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone_null("next_attempt_at"))
        .col(timestamp_with_time_zone_null("delivered_at"))
        .col(text_null("last_error"))
        .foreign_key(ForeignKey::create().from("alert_events", "alert_id").to("alerts", "id"))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let plain = |name: &str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create();
        index.name(name).table(table);
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        plain("alerts_owner", "alerts", &["owner_id", "id"]),
        plain("alert_events_owner", "alert_events", &["owner_id", "id"]),
        plain("alert_events_alert", "alert_events", &["alert_id", "id"]),
        plain("alert_events_waiting", "alert_events", &["delivery", "next_attempt_at"]),
    ]
}
