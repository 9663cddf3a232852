use crate::support::{Db, admin, backend, from, member, pool};
use domain::{BackendId, Route, Target};
use serde_json::{Value, json};
use server_core::{CoreError, Page, RouteQuery, Services, SwitchHow, SwitchRequest, Viewer};

async fn mount(services: &Services, viewer: &Viewer, domain: Value, mount: &str) -> Result<Route, CoreError> {
    let spec = json!({"domain": domain, "mount": mount, "service": "shop"});
    services.routes().create(viewer, from(spec)).await
}

pub async fn a_route_is_made_changed_deleted_and_restored(db: Db) {
    let services = db.open().await;
    let (routes, hosts, ada) = (services.routes(), services.hosts(), admin(&services, "ada").await);
    pool(&services, &ada, "shop", "v1").await;
    for host in ["a.example", "b.example"] {
        hosts.create(&ada, from(json!({ "domain": host }))).await.unwrap();
    }
    let spec = json!({
        "domain": "a.example", "mount": "/api/", "service": "shop", "enabled_backends_tag": "v1", "strip_prefix": true,
        "headers": {"request": {"set": {"X-Team": "shop"}}}
    });
    let api = routes.create(&ada, from(spec)).await.unwrap();
    assert_eq!((api.mount.as_str(), api.enabled, api.strip_prefix, api.owner_id), ("/api", true, true, ada.id()));
    let patch = json!({"domain": "b.example", "mount": "/v2", "enabled": false, "headers": {}});
    let moved = routes.update(&ada, api.id, from(patch)).await.unwrap();
    assert_eq!((moved.domain.unwrap().to_string().as_str(), moved.mount.as_str()), ("b.example", "/v2"));
    assert!(!moved.enabled && moved.headers.is_empty() && moved.strip_prefix);
    let patch = json!({"redirect": {"to": "/v3", "status": 308}});
    assert!(matches!(routes.update(&ada, api.id, from(patch)).await.unwrap().target, Target::Redirect(_)));

    routes.delete(&ada, api.id).await.unwrap();
    routes.delete(&ada, api.id).await.unwrap();
    assert_eq!(routes.update(&ada, api.id, from(json!({}))).await.unwrap_err().code(), "route_deleted");
    routes.restore(&ada, api.id).await.unwrap();
    routes.delete(&ada, api.id).await.unwrap();
    mount(&services, &ada, json!("b.example"), "/v2/x").await.unwrap();
    let error = routes.restore(&ada, api.id).await.unwrap_err();
    assert!(error.code() == "mount_overlaps" && error.to_string().contains("/v2/x"), "{error:?}");
    hosts.delete(&ada, &"b.example".parse().unwrap()).await.unwrap();
    assert_eq!(routes.restore(&ada, api.id).await.unwrap_err().code(), "domain_deleted");
}

pub async fn no_mount_lies_under_another(db: Db) {
    let services = db.open().await;
    let (routes, ada) = (services.routes(), admin(&services, "ada").await);
    pool(&services, &ada, "shop", "v1").await;
    for host in ["a.example", "b.example"] {
        services.hosts().create(&ada, from(json!({ "domain": host }))).await.unwrap();
    }
    let on = async |domain: Value, path: &str| mount(&services, &ada, domain, path).await;
    for path in ["/api/v1", "/apix", "/Api", "/a_c", "/a.c"] {
        on(json!("a.example"), path).await.unwrap();
    }
    for (path, way) in [
        ("/api", "overlaps /api/v1"),
        ("/api/v1", "/api/v1"),
        ("/api/v1/x/y", "overlaps /api/v1"),
        ("/%61pix/y", "/apix"),
    ] {
        let error = on(json!("a.example"), path).await.unwrap_err();
        assert_eq!(error.code(), "mount_overlaps", "{path}");
        assert!(error.to_string().contains(way) && error.to_string().contains("a.example"), "{error}");
    }
    assert_eq!(on(json!("a.example"), "/").await.unwrap_err().code(), "mount_overlaps");
    for path in ["/api/v10", "/api/v", "/abc", "/API/v1"] {
        on(json!("a.example"), path).await.unwrap();
    }
    on(json!("b.example"), "/").await.unwrap();
    assert_eq!(on(json!("b.example"), "/x").await.unwrap_err().code(), "mount_overlaps");
    on(json!(null), "/api/v1").await.unwrap();
    assert_eq!(on(json!(null), "/api").await.unwrap_err().code(), "mount_overlaps");

    // A route is not in its own way.
    let free = on(json!("a.example"), "/free").await.unwrap();
    routes.update(&ada, free.id, from(json!({"mount": "/free/under"}))).await.unwrap();
    let error = routes.update(&ada, free.id, from(json!({"mount": "/apix"}))).await.unwrap_err();
    assert_eq!(error.code(), "mount_overlaps");
}

pub async fn what_no_route_can_be_is_named(db: Db) {
    let services = db.open().await;
    let (routes, bob) = (services.routes(), member(&services, "bob").await);
    pool(&services, &bob, "shop", "v1").await;
    services.hosts().create(&bob, from(json!({"domain": "a.example"}))).await.unwrap();
    for (json, code) in [
        (json!({"mount": "/x", "service": "shop"}), "admin_only"),
        (json!({"domain": "b.example", "mount": "/x", "service": "shop"}), "not_found"),
        (json!({"domain": "a.example", "mount": "/x"}), "invalid"),
        (json!({"domain": "a.example", "mount": "/x", "service": "other"}), "not_found"),
        (json!({"domain": "a.example", "mount": "/x", "tunnel": "other"}), "not_found"),
        (json!({"domain": "a.example", "mount": "/x", "service": "shop", "tunnel": "other"}), "invalid"),
        (json!({"domain": "a.example", "mount": "/x", "service": "shop", "enabled_backends_tag": "v2"}), "unknown_tag"),
        (json!({"domain": "a.example", "mount": "/x", "enabled_backends_tag": "v1"}), "unknown_tag"),
        (json!({"domain": "a.example", "mount": "/x", "redirect": {"to": "/x/y?z"}}), "invalid"),
    ] {
        let outcome = routes.create(&bob, from(json.clone())).await;
        assert_eq!(outcome.unwrap_err().code(), code, "{json}");
    }
    assert!(routes.list(&bob, RouteQuery::default(), Page::default()).await.unwrap().items.is_empty());
}

pub async fn others_routes_are_out_of_reach(db: Db) {
    let services = db.open().await;
    let (ada, bob, eve) =
        (admin(&services, "ada").await, member(&services, "bob").await, member(&services, "eve").await);
    let routes = services.routes();
    pool(&services, &bob, "shop", "v1").await;
    pool(&services, &eve, "shop", "v1").await;
    services.hosts().create(&bob, from(json!({"domain": "a.example"}))).await.unwrap();
    let api = mount(&services, &bob, json!("a.example"), "/api").await.unwrap();
    let request = || SwitchRequest {
        new_tag: "v1".parse().unwrap(),
        how: SwitchHow::AtOnce,
        force: true,
        healthy: &|_: BackendId| true,
    };
    let codes = [
        routes.get(&eve, api.id).await.unwrap_err().code(),
        routes.update(&eve, api.id, from(json!({}))).await.unwrap_err().code(),
        routes.delete(&eve, api.id).await.unwrap_err().code(),
        routes.restore(&eve, api.id).await.unwrap_err().code(),
        routes.switch(&eve, api.id, request()).await.unwrap_err().code(),
        routes.switches(&eve, api.id, Page::default()).await.unwrap_err().code(),
        mount(&services, &eve, json!("a.example"), "/x").await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["not_found"; 7]);
    let adas = mount(&services, &ada, json!("a.example"), "/x").await.unwrap();
    assert_eq!(adas.owner_id, bob.id(), "on somebody's domain it is theirs");
    backend(&services, &bob, "shop", "b2", "v2").await;
    let request = SwitchRequest {
        new_tag: "v2".parse().unwrap(),
        how: SwitchHow::AtOnce,
        force: false,
        healthy: &|_: BackendId| true,
    };
    routes.switch(&bob, api.id, request).await.unwrap();
    assert_eq!(routes.switches(&bob, api.id, Page::default()).await.unwrap().items[0].from_tag, None);
}

pub async fn routes_are_listed(db: Db) {
    let services = db.open().await;
    let (routes, ada) = (services.routes(), admin(&services, "ada").await);
    let shop = pool(&services, &ada, "shop", "v1").await;
    for host in ["a.example", "*.b.example"] {
        services.hosts().create(&ada, from(json!({ "domain": host }))).await.unwrap();
        for path in ["/one", "/Two"] {
            mount(&services, &ada, json!(host), path).await.unwrap();
        }
    }
    mount(&services, &ada, json!(null), "/one").await.unwrap();
    let count = async |query: RouteQuery| routes.list(&ada, query, Page::default()).await.unwrap().items.len();
    assert_eq!(count(RouteQuery::default()).await, 5);
    let on = |host: &str| RouteQuery { domain: Some(host.parse().unwrap()), ..Default::default() };
    assert_eq!((count(on("a.example")).await, count(on("*.b.example")).await, count(on("c.example")).await), (2, 2, 0));
    assert_eq!(count(RouteQuery { any_host: true, ..Default::default() }).await, 1);
    assert_eq!(count(RouteQuery { service: Some(shop.id), ..Default::default() }).await, 5);
    let search = |text: &str| RouteQuery { search: Some(text.into()), ..Default::default() };
    assert_eq!((count(search("two")).await, count(search("b.exam")).await), (2, 2));
    let overlapping = |mount: &str| RouteQuery { overlapping: Some(mount.parse().unwrap()), ..on("a.example") };
    let mut overlaps = Vec::new();
    for mount in ["/", "/one", "/one/more", "/on", "/one-more", "/two", "/Two/"] {
        overlaps.push(count(overlapping(mount)).await);
    }
    assert_eq!(overlaps, [2, 1, 1, 0, 0, 0, 1]);
    let page = routes.list(&ada, RouteQuery::default(), Page { limit: 3, cursor: None }).await.unwrap();
    let rest = routes.list(&ada, RouteQuery::default(), Page { limit: 3, cursor: page.next_cursor }).await.unwrap();
    assert_eq!((page.items.len(), rest.items.len(), rest.next_cursor), (3, 2, None));
}
