//! Recorded exchanges.
//!
//! `tunnel_requests` has what a list shows and nothing else, `request_contents` the rest of it, packed. The *subject* is
//! the tunnel, domain or route whose settings an exchange was recorded by, and whose bounds it counts against;
//! `capture_usage` has how much each has. Moments are milliseconds since the Unix epoch.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [requests(), contents(), messages(), settings(), usage()] {
            manager.create_table(table).await?;
        }
        for (name, columns) in [
            ("tunnel_requests_tunnel", &["tunnel_id", "id"][..]),
            ("tunnel_requests_rule", &["rule_id", "id"]),
            ("tunnel_requests_subject", &["subject_id", "id"]),
            ("tunnel_requests_replay", &["replay_of"]),
        ] {
            let mut index = Index::create();
            index.name(name).table("tunnel_requests");
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        // The open ones are few; who starts looks for them.
        let open = Expr::col("ended").eq("open");
        let index = Index::create()
            .name("tunnel_requests_open")
            .table("tunnel_requests")
            .col("node")
            .and_where(open)
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["request_messages", "request_contents", "tunnel_requests", "capture_settings", "capture_usage"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn requests() -> TableCreateStatement {
    Table::create()
        .table("tunnel_requests")
        .col(pk_uuid("id"))
        .col(big_integer("at"))
        .col(uuid("owner_id"))
        .col(uuid("subject_id"))
        .col(text("node"))
        .col(uuid_null("tunnel_id"))
        .col(text_null("rule_kind"))
        .col(uuid_null("rule_id"))
        .col(uuid_null("service_id"))
        .col(text("method"))
        .col(text("host"))
        .col(text("path"))
        .col(integer_null("status"))
        .col(text_null("error"))
        .col(text("ended"))
        .col(text("kind"))
        .col(big_integer("duration_us"))
        .col(big_integer("bytes_in"))
        .col(big_integer("bytes_out"))
        .col(text_null("content_type"))
        .col(text("client"))
        .col(boolean("pinned"))
        .col(text_null("note"))
        .col(uuid_null("replay_of"))
        // Bytes that it takes in all tables.
        .col(big_integer("stored"))
        .to_owned()
}

fn contents() -> TableCreateStatement {
    let of = ForeignKey::create()
        .from("request_contents", "request_id")
        .to("tunnel_requests", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned();
    Table::create()
        .table("request_contents")
        .col(pk_uuid("request_id"))
        .col(blob("detail"))
        .col(blob_null("request_body"))
        .col(blob_null("response_body"))
        .foreign_key(&mut of.clone())
        .to_owned()
}

fn messages() -> TableCreateStatement {
    let of = ForeignKey::create()
        .from("request_messages", "request_id")
        .to("tunnel_requests", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned();
    Table::create()
        .table("request_messages")
        .col(uuid("request_id"))
        // The number of the first message among those of its exchange.
        .col(big_integer("first"))
        .col(blob("messages"))
        .primary_key(Index::create().col("request_id").col("first"))
        .foreign_key(&mut of.clone())
        .to_owned()
}

fn settings() -> TableCreateStatement {
    Table::create()
        .table("capture_settings")
        .col(pk_uuid("subject_id"))
        .col(text("settings"))
        .col(big_integer("updated_at"))
        .to_owned()
}

fn usage() -> TableCreateStatement {
    Table::create()
        .table("capture_usage")
        .col(pk_uuid("subject_id"))
        .col(big_integer("exchanges"))
        .col(big_integer("stored"))
        .to_owned()
}
