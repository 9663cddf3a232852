use crate::support::{Db, admin, backend, from, member, pool};
use domain::{HostPattern, RuleId};
use migrations::Migrator;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;
use serde_json::json;
use server_core::{BackendOrigin, Change, NewTunnel, NodeNews, Page, TargetEntry};
use tokio_util::sync::CancellationToken;

pub async fn the_engine_reads_what_may_serve(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let (pools, hosts, routes) = (services.pools(), services.hosts(), services.routes());
    let shop = pool(&services, &ada, "shop", "v1").await;
    let tunnel = services.tunnels().create(&ada, NewTunnel::default()).await.unwrap();
    for (id, state) in [("drained", "draining"), ("halted", "stopped"), ("gone", "running")] {
        backend(&services, &ada, "shop", id, "v1").await;
        pools.update_backend(&ada, &id.parse().unwrap(), from(json!({ "state": state }))).await.unwrap();
    }
    pools.delete_backend(&ada, &"gone".parse().unwrap()).await.unwrap();
    pools.create_backend(&ada, from(json!({"service": "shop", "id": "t", "tunnel_id": tunnel.id}))).await.unwrap();
    pool(&services, &bob, "bobs", "v1").await;

    let app =
        json!({"domain": "app.example.com", "service": "shop", "enabled_backends_tag": "v1", "http_to_https": true});
    let app = hosts.create(&ada, from(app)).await.unwrap();
    hosts.create(&bob, from(json!({"domain": "unverified.example", "service": "bobs"}))).await.unwrap();
    hosts.create(&ada, from(json!({"domain": "deleted.example"}))).await.unwrap();
    let on = |host: &str, path: &str| from(json!({"domain": host, "mount": path, "service": "shop"}));
    let on_bobs = from(json!({"domain": "unverified.example", "mount": "/x", "service": "bobs"}));
    routes.create(&bob, on_bobs).await.unwrap();
    routes.create(&ada, on("deleted.example", "/x")).await.unwrap();
    hosts.delete(&ada, &"deleted.example".parse().unwrap()).await.unwrap();
    let api = routes.create(&ada, on("app.example.com", "/api")).await.unwrap();
    let off = routes.create(&ada, on("app.example.com", "/off")).await.unwrap();
    routes.update(&ada, off.id, from(json!({"enabled": false}))).await.unwrap();
    routes.create(&ada, from(json!({"mount": "/any", "redirect": {"to": "https://x.example"}}))).await.unwrap();

    let snapshot = services.routing().snapshot().await.unwrap();
    assert_eq!((snapshot.tunnels.len(), snapshot.services.len(), snapshot.rules.len()), (1, 2, 3));
    let entry = &snapshot.services[0];
    let names: Vec<_> = entry.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!((entry.id, names), (shop.id, vec!["shop-v1", "drained", "t"]));
    assert_eq!(entry.backends[2].origin, BackendOrigin::Tunnel(tunnel.id));
    assert!(entry.backends[0].owner_is_admin && !snapshot.services[1].backends[0].owner_is_admin);
    let [own, under, any] = &snapshot.rules[..] else { panic!("{:?}", snapshot.rules) };
    assert_eq!((own.id, own.mount.as_ref(), own.http_to_https), (RuleId::Domain(app.id), None, true));
    assert_eq!(own.target, TargetEntry::Service { id: shop.id, tag: Some("v1".parse().unwrap()) });
    assert_eq!((under.id, under.host.as_ref(), under.http_to_https), (RuleId::Route(api.id), own.host.as_ref(), true));
    assert_eq!((any.host.as_ref(), any.mount.as_ref().unwrap().as_str()), (None, "/any"));
    assert!(matches!(any.target, TargetEntry::Redirect(_)));
}

pub async fn regions_and_nodes_are_known(db: Db) {
    let services = db.open().await;
    let (regions, nodes, ada, bob) =
        (services.regions(), services.nodes(), admin(&services, "ada").await, member(&services, "bob").await);
    let eu = || from(json!({"name": "EU", "public_url": "https://eu.example.com:443/"}));
    assert_eq!(bob.as_admin().unwrap_err().code(), "admin_only");
    let ada = ada.as_admin().unwrap();
    let made = regions.create(&ada, eu()).await.unwrap();
    assert_eq!((made.name.as_str(), made.public_url.as_str()), ("eu", "https://eu.example.com"));
    assert_eq!(regions.create(&ada, eu()).await.unwrap_err().code(), "region_exists");
    for url in ["eu.example.com", "ftp://a.b", "https://a.b/c", "https://u@a.b", "https://a.b?c"] {
        let error = regions.update(&ada, made.id, from(json!({ "public_url": url }))).await.unwrap_err();
        assert_eq!(error.code(), "invalid", "{url}");
    }
    regions.update(&ada, made.id, from(json!({"public_url": "http://10.0.0.1:8080"}))).await.unwrap();
    assert_eq!(services.routing().snapshot().await.unwrap().regions[0].public_url, "http://10.0.0.1:8080");
    regions.delete(&ada, made.id).await.unwrap();
    let other = regions.create(&ada, eu()).await.unwrap();
    assert_eq!(regions.restore(&ada, made.id).await.unwrap_err().code(), "region_exists");
    regions.delete(&ada, other.id).await.unwrap();
    regions.restore(&ada, made.id).await.unwrap();
    assert_eq!(regions.list(&bob, Page::default()).await.unwrap().items.len(), 1);

    let news = |version: &str| NodeNews {
        name: "node-1".into(),
        region: Some("eu".parse().unwrap()),
        version: version.into(),
        public_url: "http://localhost:8080".into(),
        started_at: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    };
    let listed = async || nodes.list(&bob, Page::default()).await.unwrap().items;
    let old = news("1.0");
    nodes.announce(&old).await.unwrap();
    let first = listed().await;
    let new = NodeNews { started_at: old.started_at + chrono::TimeDelta::seconds(1), ..news("1.1") };
    nodes.announce(&new).await.unwrap();
    let again = listed().await;
    assert_eq!((again.len(), again[0].version.as_str(), again[0].id), (1, "1.1", first[0].id));
    nodes.leave(&old).await.unwrap();
    assert_eq!(listed().await, again, "what has taken its place and its name stays");
    nodes.leave(&new).await.unwrap();
    assert_eq!(listed().await, []);
    let long = NodeNews { name: "n".repeat(301), ..news("1.1") };
    assert_eq!(nodes.announce(&long).await.unwrap_err().code(), "invalid");
    for name in ["node-1", "node-3", "node-2", "node-4"] {
        nodes.announce(&NodeNews { name: name.into(), ..news("1.1") }).await.unwrap();
    }
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let page = nodes.list(&bob, Page { limit: 3, cursor }).await.unwrap();
        names.push(page.items.into_iter().map(|node| node.name).collect::<Vec<_>>());
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, [vec!["node-1", "node-2", "node-3"], vec!["node-4"]]);
}

/// A database of the version before: its tunnels' domains lead on where they led.
pub async fn tunnels_domains_are_kept(db: Db) {
    let path = db.url.strip_prefix("sqlite://").map(std::path::Path::new);
    if let Some(folder) = path.and_then(|path| path.parent()) {
        std::fs::create_dir_all(folder).unwrap();
    }
    let url = if path.is_some() { format!("{}?mode=rwc", db.url) } else { db.url.clone() };
    let old = sea_orm::Database::connect(url).await.unwrap();
    Migrator::up(&old, Some(3)).await.unwrap();
    let uuid = |n: u8| match path {
        Some(_) => format!("x'0190f5e27d3c7a519c3e2f4b8d6a1c{n:02x}'"),
        None => format!("'0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c{n:02x}'"),
    };
    let (bob, blog, gone) = (uuid(1), uuid(2), uuid(3));
    let (blogs, gones) = (uuid(4), uuid(5));
    let at = "'2026-08-01T00:00:00+00:00'";
    let tunnel = "INSERT INTO tunnels (id, owner_id, name, subdomain, metadata, created_at, updated_at, deleted_at)";
    let domain = "INSERT INTO tunnel_domains (id, tunnel_id, hostname, created_at, deleted_at)";
    for statement in [
        format!(
            "INSERT INTO users (id, email, password_hash, role, created_at, updated_at) \
             VALUES ({bob}, 'bob@example.com', 'x', 'member', {at}, {at})"
        ),
        format!("{tunnel} VALUES ({blog}, {bob}, 'blog', 'blog', '{{}}', {at}, {at}, NULL)"),
        format!("{tunnel} VALUES ({gone}, {bob}, 'gone', 'gone', '{{}}', {at}, {at}, {at})"),
        format!("{domain} VALUES ({blogs}, {blog}, 'blog.example', {at}, NULL)"),
        format!("{domain} VALUES ({gones}, {gone}, 'gone.example', {at}, {at})"),
    ] {
        old.execute_unprepared(&statement).await.unwrap();
    }
    old.close().await.unwrap();

    let services = db.open().await;
    let snapshot = services.routing().snapshot().await.unwrap();
    let host: HostPattern = "blog.example".parse().unwrap();
    assert_eq!(snapshot.rules.iter().map(|rule| rule.host.clone()).collect::<Vec<_>>(), [Some(host)]);
    assert_eq!(snapshot.rules[0].target, TargetEntry::Tunnel(snapshot.tunnels[0].tunnel_id));
    assert_eq!(services.tunnels().routing_entries().await.unwrap()[0].custom_domains.len(), 1);
    let bob = services.accounts().viewer(snapshot.tunnels[0].owner_id).await.unwrap().unwrap();
    let deleted = server_core::TunnelQuery { deleted: true, ..Default::default() };
    let gone = services.tunnels().list(&bob, deleted, Page::default()).await.unwrap().items.remove(0);
    assert_eq!(gone.custom_domains.len(), 1);
    services.tunnels().restore(&bob, gone.id).await.unwrap();
    let domain = services.hosts().get(&bob, &"gone.example".parse().unwrap()).await.unwrap();
    // It was away for long: it is verified anew, with a token of its own.
    assert!(!domain.verified && domain.verification.value.len() > 40, "{domain:?}");
}

/// Two processes on one PostgreSQL; with SQLite there is only one.
pub async fn a_change_is_heard_of_elsewhere(db: Db) {
    if !db.url.starts_with("postgres") {
        return;
    }
    let (here, elsewhere) = (db.open().await, db.open().await);
    let ada = admin(&here, "ada").await;
    let (mut own, mut news) = (here.changes().subscribe(), elsewhere.changes().subscribe());
    let stop = CancellationToken::new();
    for services in [here.clone(), elsewhere.clone()] {
        let stop = stop.clone();
        tokio::spawn(async move { services.run(stop).await });
    }
    // Each tells itself that it listens now.
    assert_eq!((own.recv().await.unwrap(), news.recv().await.unwrap()), (Change::Elsewhere, Change::Elsewhere));
    pool(&here, &ada, "shop", "v1").await;
    assert_eq!(news.recv().await.unwrap(), Change::Elsewhere);
    here.tunnels().create(&ada, NewTunnel::default()).await.unwrap();
    while news.recv().await.unwrap() != Change::Elsewhere {}
    stop.cancel();
    while let Ok(change) = own.try_recv() {
        assert_ne!(change, Change::Elsewhere, "nobody listens to itself");
    }
}
