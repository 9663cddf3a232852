use crate::support::{Db, admin, backend, from, member, pool};
use domain::{BackendState, Balance};
use serde_json::json;
use server_core::{BackendQuery, Change, Page, ServiceQuery, ServiceRef};

pub async fn a_pool_is_made_changed_deleted_and_restored(db: Db) {
    let services = db.open().await;
    let (pools, ada) = (services.pools(), admin(&services, "ada").await);
    let mut changes = services.changes().subscribe();
    let shop = pools.create_service(&ada, from(json!({"name": "Shop", "balance": "round_robin"}))).await.unwrap();
    assert_eq!((shop.name.as_str(), shop.balance, shop.tags.len()), ("shop", Balance::RoundRobin, 0));
    assert_eq!(changes.recv().await.unwrap(), Change::Routing);

    let spec = json!({"service": "shop", "address": "HTTP://App.internal:8080/", "tags": ["v2", "v1"], "weight": 5});
    let unnamed = pools.create_backend(&ada, from(spec)).await.unwrap();
    assert_eq!(unnamed.id.as_str(), unnamed.key.to_string());
    assert_eq!(unnamed.address.as_ref().unwrap().to_string(), "app.internal:8080");
    backend(&services, &ada, "shop", "web-1", "v1").await;
    pools.update_backend(&ada, &"web-1".parse().unwrap(), from(json!({"state": "draining"}))).await.unwrap();
    let which = ServiceRef::from(shop.id);
    let tags = pools.service(&ada, &which).await.unwrap().tags;
    let counts: Vec<_> = tags.iter().map(|tag| (tag.tag.as_str(), tag.backends, tag.running)).collect();
    assert_eq!(counts, [("v1", 2, 1), ("v2", 1, 1)]);

    let patch = from(json!({"name": "store", "health_check": {"path": "/"}, "affinity": {"kind": "cookie"}}));
    let store = pools.update_service(&ada, &"shop".parse().unwrap(), patch).await.unwrap();
    assert_eq!((store.name.as_str(), store.health_check.path.as_str(), store.id), ("store", "/", shop.id));
    assert_eq!(store.balance, Balance::RoundRobin, "what the patch does not name stays");

    assert!(pools.delete_service(&ada, &which).await.unwrap().deleted_at.is_some());
    pools.delete_service(&ada, &which).await.unwrap();
    let listed = async |deleted| {
        let services = pools.services(&ada, ServiceQuery { deleted, ..Default::default() }, Page::default()).await;
        let backends = pools.backends(&ada, BackendQuery { deleted, ..Default::default() }, Page::default()).await;
        (services.unwrap().items.len(), backends.unwrap().items.len())
    };
    assert_eq!((listed(false).await, listed(true).await), ((0, 0), (1, 2)));
    let error = pools.update_service(&ada, &which, from(json!({"balance": "weighted"}))).await.unwrap_err();
    assert_eq!(error.code(), "service_deleted");
    let error = pools.restore_backend(&ada, &"web-1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "service_deleted");
    pools.restore_service(&ada, &which).await.unwrap();
    assert_eq!((listed(false).await, listed(true).await), ((1, 2), (0, 0)));

    pools.delete_backend(&ada, &"web-1".parse().unwrap()).await.unwrap();
    backend(&services, &ada, "store", "web-1", "v1").await;
    let deleted = BackendQuery { deleted: true, ..Default::default() };
    let deleted = pools.backends(&ada, deleted, Page::default()).await.unwrap().items.remove(0);
    let error = pools.restore_backend(&ada, &deleted.key.into()).await.unwrap_err();
    assert_eq!(error.code(), "backend_exists");
}

pub async fn a_bare_backend_goes_to_the_default_service(db: Db) {
    let services = db.open().await;
    let (pools, ada, bob) = (services.pools(), admin(&services, "ada").await, member(&services, "bob").await);
    let bare = || from(json!({"id": "vm-1", "address": "10.0.0.7:8080", "tags": ["v1"]}));
    let adas = pools.create_backend(&ada, bare()).await.unwrap();
    assert_eq!((adas.id.as_str(), adas.service.as_str(), adas.state), ("vm-1", "default", BackendState::Running));
    assert_eq!(pools.create_backend(&ada, bare()).await.unwrap_err().code(), "backend_exists");
    let bobs = pools.create_backend(&bob, bare()).await.unwrap();
    assert_ne!(bobs.service_id, adas.service_id, "each has a default service of their own");
    let second = pools.create_backend(&bob, from(json!({"address": "10.0.0.8:80"}))).await.unwrap();
    assert_eq!(second.service_id, bobs.service_id);
    assert_eq!(pools.service(&ada, &"default".parse().unwrap()).await.unwrap().id, adas.service_id);
    assert_eq!(pools.backend(&ada, &"vm-1".parse().unwrap()).await.unwrap().key, adas.key, "one's own comes first");
}

pub async fn what_no_backend_can_be_is_named(db: Db) {
    let services = db.open().await;
    let (pools, bob) = (services.pools(), member(&services, "bob").await);
    let ada = admin(&services, "ada").await;
    let tunnel = services.tunnels().create(&ada, server_core::NewTunnel::default()).await.unwrap();
    for (json, code) in [
        (json!({"id": "a"}), "invalid"),
        (json!({"address": "a:1", "tunnel": "blog"}), "invalid"),
        (json!({"address": "unix:/var/run/docker.sock"}), "invalid"),
        (json!({"tunnel_id": tunnel.id}), "not_found"),
        (json!({"tunnel": tunnel.subdomain}), "not_found"),
        (json!({"address": "a:1", "service": "nowhere"}), "not_found"),
        (json!({"address": "a:1", "owner": "ada@example.com"}), "invalid"),
    ] {
        let outcome = pools.create_backend(&bob, from(json.clone())).await;
        assert_eq!(outcome.unwrap_err().code(), code, "{json}");
    }
    assert!(pools.services(&bob, ServiceQuery::default(), Page::default()).await.unwrap().items.is_empty());
    pools.create_backend(&ada, from(json!({"id": "s", "address": "unix:/run/app.sock"}))).await.unwrap();
    pools.create_backend(&ada, from(json!({"id": "t", "tunnel": tunnel.subdomain}))).await.unwrap();

    // What it leads to is deleted: all else can still be changed.
    services.tunnels().delete(&ada, tunnel.id).await.unwrap();
    let t = pools.update_backend(&ada, &"t".parse().unwrap(), from(json!({"weight": 7}))).await.unwrap();
    assert_eq!((t.weight.get(), t.tunnel_id), (7, Some(tunnel.id)));
}

pub async fn others_pools_are_out_of_reach(db: Db) {
    let services = db.open().await;
    let (ada, bob, eve) =
        (admin(&services, "ada").await, member(&services, "bob").await, member(&services, "eve").await);
    let pools = services.pools();
    let bobs = pool(&services, &bob, "shop", "v1").await;
    let (which, backend): (ServiceRef, _) = (bobs.id.into(), "shop-v1".parse().unwrap());
    let key = pools.backend(&bob, &backend).await.unwrap().key.into();
    let codes = [
        pools.service(&eve, &which).await.unwrap_err().code(),
        pools.service(&eve, &"shop".parse().unwrap()).await.unwrap_err().code(),
        pools.update_service(&eve, &which, from(json!({}))).await.unwrap_err().code(),
        pools.delete_service(&eve, &which).await.unwrap_err().code(),
        pools.restore_service(&eve, &which).await.unwrap_err().code(),
        pools.backend(&eve, &backend).await.unwrap_err().code(),
        pools.backend(&eve, &key).await.unwrap_err().code(),
        pools.update_backend(&eve, &key, from(json!({}))).await.unwrap_err().code(),
        pools.delete_backend(&eve, &backend).await.unwrap_err().code(),
        pools.restore_backend(&eve, &backend).await.unwrap_err().code(),
        pools.create_backend(&eve, from(json!({"service_id": bobs.id, "address": "a:1"}))).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["not_found"; 11]);
    assert!(pools.backends(&eve, BackendQuery::default(), Page::default()).await.unwrap().items.is_empty());

    // An administrator may; what is added to somebody's pool is that somebody's.
    let added = pools.create_backend(&ada, from(json!({"service_id": bobs.id, "id": "x", "address": "a:1"}))).await;
    assert_eq!(added.unwrap().owner_id, bob.id());
    pools.update_backend(&ada, &backend, from(json!({"state": "stopped"}))).await.unwrap();
    pool(&services, &eve, "shop", "v1").await;
    let error = pools.service(&ada, &"shop".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "ambiguous_name");
}

pub async fn lists_are_searched_and_paged(db: Db) {
    let services = db.open().await;
    let (pools, ada) = (services.pools(), admin(&services, "ada").await);
    for n in 0..5 {
        pool(&services, &ada, &format!("shop{n}"), if n % 2 == 0 { "a_b" } else { "aXb" }).await;
    }
    let (mut cursor, mut names) = (None, Vec::new());
    loop {
        let page = pools.services(&ada, ServiceQuery::default(), Page { limit: 2, cursor }).await.unwrap();
        names.extend(page.items.into_iter().map(|service| service.name.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["shop4", "shop3", "shop2", "shop1", "shop0"]);
    let search = ServiceQuery { search: Some("OP3".into()), ..Default::default() };
    assert_eq!(pools.services(&ada, search, Page::default()).await.unwrap().items.len(), 1);
    let tagged = BackendQuery { tag: Some("a_b".parse().unwrap()), ..Default::default() };
    assert_eq!(pools.backends(&ada, tagged, Page::default()).await.unwrap().items.len(), 3);
    let search = BackendQuery { search: Some("shop1-".into()), ..Default::default() };
    assert_eq!(pools.backends(&ada, search, Page::default()).await.unwrap().items.len(), 1);
}

pub async fn a_user_has_so_many_of_each(db: Db) {
    let services = db
        .open_with(|settings| {
            let two = server_core::Limits { services: 2, backends: 2, domains: 2, routes: 2 };
            settings.routing.members = two;
        })
        .await
        .unwrap();
    let (bob, ada) = (member(&services, "bob").await, admin(&services, "ada").await);
    let (pools, hosts, routes) = (services.pools(), services.hosts(), services.routes());
    for name in ["a", "b"] {
        pool(&services, &bob, name, "v1").await;
        hosts.create(&bob, from(json!({"domain": format!("{name}.example"), "service": name}))).await.unwrap();
        let mount = format!("/{name}");
        routes.create(&bob, from(json!({"domain": "a.example", "mount": mount, "service": "a"}))).await.unwrap();
    }
    let route = from(json!({"domain": "a.example", "mount": "/c", "service": "a"}));
    let codes = [
        pools.create_service(&bob, from(json!({"name": "c"}))).await.unwrap_err().code(),
        pools.create_backend(&bob, from(json!({"service": "a", "address": "a:1"}))).await.unwrap_err().code(),
        hosts.create(&bob, from(json!({"domain": "c.example"}))).await.unwrap_err().code(),
        routes.create(&bob, route).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["service_limit", "backend_limit", "domain_limit", "route_limit"]);
    let deleted = hosts.delete(&bob, &"b.example".parse().unwrap()).await.unwrap();
    hosts.create(&bob, from(json!({"domain": "c.example"}))).await.unwrap();
    assert_eq!(hosts.restore(&bob, &deleted.id.into()).await.unwrap_err().code(), "domain_limit");
    for n in 0..4 {
        hosts.create(&ada, from(json!({"domain": format!("{n}.ada.example")}))).await.unwrap();
    }
}
