//! Services, backends, domains, routes, regions, nodes; what was switched and what was changed.
//!
//! Domains of tunnels become domains like all others. Their own table goes away at once: nothing has been released yet
//! that could run beside this.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [services(), backends(), domains(), routes(backend), regions(), nodes(), switches(), revisions()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        announce(manager).await?;
        move_tunnel_domains(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tunnel_domains()).await?;
        manager
            .create_index(
                Index::create().name("tunnel_domains_tunnel").table("tunnel_domains").col("tunnel_id").to_owned(),
            )
            .await?;
        manager.create_index(live("tunnel_domains_hostname_live", "tunnel_domains", &["hostname"])).await?;
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO tunnel_domains (id, tunnel_id, hostname, created_at, deleted_at) \
                 SELECT id, tunnel_id, host, created_at, deleted_at FROM domains \
                 WHERE target_kind = 'tunnel' AND host NOT LIKE '*%' AND (deleted_at IS NULL OR deleted_with = tunnel_id)",
            )
            .await?;
        forget_announced(manager).await?;
        for table in ["revisions", "switches", "nodes", "regions", "routes", "domains", "backends", "services"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// A telephone gets the tunnel back that was made for the same token, target and announced services.
async fn announce(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Empty for none, since null differs from null in an index.
    let column = Table::alter().table("tunnels").add_column(text("auto_announced").default("")).to_owned();
    manager.alter_table(column).await?;
    manager.drop_index(Index::drop().name("tunnels_auto_live").table("tunnels").to_owned()).await?;
    // By another name: a second connection to SQLite may still know the one that was dropped.
    manager
        .create_index(auto("tunnels_auto_announced_live", &["auto_token_id", "auto_local_url", "auto_announced"]))
        .await
}

/// Back to token and target alone: telephones that announced something get a new tunnel.
async fn forget_announced(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let forget = "UPDATE tunnels SET auto_token_id = NULL, auto_local_url = NULL WHERE auto_announced <> ''";
    manager.get_connection().execute_unprepared(forget).await?;
    manager.drop_index(Index::drop().name("tunnels_auto_announced_live").table("tunnels").to_owned()).await?;
    manager.alter_table(Table::alter().table("tunnels").drop_column("auto_announced").to_owned()).await?;
    manager.create_index(auto("tunnels_auto_live", &["auto_token_id", "auto_local_url"])).await
}

fn auto(name: &str, columns: &[&'static str]) -> IndexCreateStatement {
    live(name, "tunnels", columns).and_where(Expr::col("auto_token_id").is_not_null()).to_owned()
}

/// They lead somewhere already, so they count as verified.
async fn move_tunnel_domains(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let random = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => "lower(hex(randomblob(32)))",
        _ => "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')",
    };
    let copy = format!(
        "INSERT INTO domains (id, owner_id, host, target_kind, tunnel_id, http_to_https, header_rules, \
         verification_token, verified_at, created_at, updated_at, deleted_at, deleted_with) \
         SELECT d.id, t.owner_id, d.hostname, 'tunnel', d.tunnel_id, FALSE, '{{}}', {random}, d.created_at, \
         d.created_at, d.created_at, d.deleted_at, CASE WHEN d.deleted_at IS NULL THEN NULL ELSE d.tunnel_id END \
         FROM tunnel_domains d JOIN tunnels t ON t.id = d.tunnel_id"
    );
    manager.get_connection().execute_unprepared(&copy).await?;
    manager.drop_table(Table::drop().table("tunnel_domains").to_owned()).await
}

/// What every table of things that a user makes and may delete has.
fn owned(name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(name)
        .col(pk_uuid("id"))
        .col(uuid("owner_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .foreign_key(ForeignKey::create().from(name, "owner_id").to("users", "id"))
        .to_owned()
}

fn services() -> TableCreateStatement {
    owned("services")
        .col(text("name"))
        .col(text("balance"))
        .col(text("affinity"))
        .col(text("health_check"))
        .col(text("resilience"))
        .to_owned()
}

fn backends() -> TableCreateStatement {
    owned("backends")
        .col(uuid("service_id"))
        .col(text("name"))
        // Exactly one of the two.
        .col(text_null("address"))
        .col(uuid_null("tunnel_id"))
        // Whether the tunnel's telephones say so.
        .col(boolean("announced"))
        .col(boolean("tls_verify"))
        .col(text("tags"))
        .col(small_integer("weight"))
        .col(text_null("region"))
        .col(text("state"))
        .col(deleted_with())
        .foreign_key(ForeignKey::create().from("backends", "service_id").to("services", "id"))
        .foreign_key(ForeignKey::create().from("backends", "tunnel_id").to("tunnels", "id"))
        .to_owned()
}

/// What was deleted together with something else comes back with it.
fn deleted_with() -> ColumnDef {
    uuid_null("deleted_with")
}

/// Where a rule leads, and what it changes on the way.
fn rule(table: &mut TableCreateStatement, name: &'static str) {
    table
        .col(text("target_kind"))
        .col(uuid_null("service_id"))
        .col(text_null("tag"))
        .col(uuid_null("tunnel_id"))
        .col(text_null("redirect"))
        .col(text("header_rules"))
        .col(text_null("host_rewrite"))
        .col(deleted_with())
        .foreign_key(ForeignKey::create().from(name, "service_id").to("services", "id"))
        .foreign_key(ForeignKey::create().from(name, "tunnel_id").to("tunnels", "id"));
}

fn domains() -> TableCreateStatement {
    let mut table = owned("domains");
    rule(&mut table, "domains");
    table
        .col(text("host"))
        .col(boolean("http_to_https"))
        .col(text("verification_token"))
        .col(timestamp_with_time_zone_null("verified_at"))
        .col(timestamp_with_time_zone_null("checked_at"))
        .col(text_null("check_error"))
        .to_owned()
}

fn routes(backend: DatabaseBackend) -> TableCreateStatement {
    let mut mount = text("mount");
    if backend == DatabaseBackend::Postgres {
        // Mounts are compared byte by byte, as SQLite does anyway, so that an index finds what lies under one.
        mount.extra("COLLATE \"C\"");
    }
    let mut table = owned("routes");
    rule(&mut table, "routes");
    table
        .col(uuid_null("domain_id"))
        .col(mount)
        .col(boolean("strip_prefix"))
        .col(boolean("enabled"))
        .foreign_key(ForeignKey::create().from("routes", "domain_id").to("domains", "id"))
        .to_owned()
}

fn regions() -> TableCreateStatement {
    owned("regions").col(text("name")).col(text("public_url")).to_owned()
}

fn nodes() -> TableCreateStatement {
    Table::create()
        .table("nodes")
        .col(pk_uuid("id"))
        .col(text("name").unique_key())
        .col(text_null("region"))
        .col(text("version"))
        .col(text("public_url"))
        .col(timestamp_with_time_zone("started_at"))
        .col(timestamp_with_time_zone("seen_at"))
        .to_owned()
}

fn switches() -> TableCreateStatement {
    Table::create()
        .table("switches")
        .col(pk_uuid("id"))
        .col(text("subject_kind"))
        .col(uuid("subject_id"))
        .col(text_null("from_tag"))
        .col(text("to_tag"))
        .col(text("mode"))
        .col(text_null("plan"))
        .col(text("state"))
        .col(text_null("reason"))
        .col(uuid("actor_id"))
        .col(timestamp_with_time_zone("started_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .to_owned()
}

fn revisions() -> TableCreateStatement {
    Table::create()
        .table("revisions")
        .col(pk_uuid("id"))
        .col(timestamp_with_time_zone("at"))
        .col(uuid_null("actor_id"))
        .col(text_null("actor_email"))
        .col(uuid("owner_id"))
        .col(text("kind"))
        .col(uuid("object_id"))
        .col(text("object_name"))
        .col(text("action"))
        .col(text_null("before"))
        .col(text_null("after"))
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

/// Unique among what is not deleted.
fn live(name: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table).unique().and_where(Expr::col("deleted_at").is_null());
    for column in columns {
        index.col(*column);
    }
    index
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
        live("services_name_live", "services", &["owner_id", "name"]),
        live("backends_name_live", "backends", &["owner_id", "name"]),
        plain("backends_service", "backends", &["service_id"]),
        plain("backends_tunnel", "backends", &["tunnel_id"]),
        live("domains_host_live", "domains", &["host"]),
        plain("domains_owner", "domains", &["owner_id"]),
        plain("domains_service", "domains", &["service_id"]),
        plain("domains_tunnel", "domains", &["tunnel_id"]),
        live("routes_mount_live", "routes", &["domain_id", "mount"]),
        // To the index above, two routes on any host differ, because null differs from null.
        live("routes_any_host_live", "routes", &["mount"]).and_where(Expr::col("domain_id").is_null()).to_owned(),
        plain("routes_owner", "routes", &["owner_id"]),
        plain("routes_service", "routes", &["service_id"]),
        live("regions_name_live", "regions", &["name"]),
        plain("switches_subject", "switches", &["subject_id", "id"]),
        // A rule is switched once at a time.
        Index::create()
            .name("switches_running")
            .table("switches")
            .col("subject_id")
            .unique()
            .and_where(Expr::col("state").eq("running"))
            .to_owned(),
        plain("revisions_owner", "revisions", &["owner_id", "id"]),
        plain("revisions_object", "revisions", &["object_id", "id"]),
    ]
}
