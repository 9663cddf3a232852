use crate::support::{Db, admin, from, member, pool};
use domain::{RevisionAction, Target};
use serde_json::json;
use server_core::{CoreError, Declaration, NewTunnel, Page, Reach, RevisionQuery, RouteQuery, ServiceQuery};

fn shop() -> serde_json::Value {
    json!({
        "services": [{"name": "shop", "balance": "weighted"}],
        "backends": [
            {"id": "web-1", "service": "shop", "address": "10.0.0.1:80", "tags": ["v1"]},
            {"id": "web-2", "service": "shop", "address": "10.0.0.2:80", "tags": ["v2"]},
            {"id": "loose", "address": "10.0.0.3:80"}
        ],
        "domains": [{"domain": "shop.example", "service": "shop", "enabled_backends_tag": "v1", "http_to_https": true}],
        "routes": [
            {"domain": "shop.example", "mount": "/a", "service": "shop", "enabled_backends_tag": "v2"},
            {"domain": "shop.example", "mount": "/b", "redirect": {"to": "https://b.example"}}
        ]
    })
}

pub async fn what_is_exported_can_be_applied(db: Db) {
    let services = db.open().await;
    let (declared, ada) = (services.declared(), admin(&services, "ada").await);
    let document: Declaration = from(shop());
    let plan = declared.plan(&ada, Reach::Own, &document).await.unwrap();
    assert_eq!((plan.creates.len(), plan.changes.len(), plan.deletes.len()), (8, 0, 0), "with the default service");
    assert_eq!(declared.export(&ada, Reach::Own).await.unwrap(), Declaration::default(), "a plan changes nothing");
    let mut changes = services.changes().subscribe();
    let done = declared.apply(&ada, Reach::Own, &document).await.unwrap();
    assert_eq!(done.creates.len(), 8);
    assert!(changes.try_recv().is_ok());
    let query = RevisionQuery::default();
    let revisions = services.revisions().list(&ada, query, Page::default()).await.unwrap().items;
    assert!(revisions.len() == 8 && revisions.iter().all(|revision| revision.action == RevisionAction::Applied));
    assert!(declared.apply(&ada, Reach::Own, &document).await.unwrap().is_empty(), "applied twice is applied once");

    let exported = declared.export(&ada, Reach::Own).await.unwrap();
    assert_eq!((exported.services.len(), exported.backends.len(), exported.routes.len()), (2, 3, 2));
    assert!(exported.domains[0].service_id.is_none() && exported.domains[0].service.is_some(), "{exported:?}");
    assert!(declared.plan(&ada, Reach::Own, &exported).await.unwrap().is_empty());
    let text = toml::to_string(&exported).unwrap();
    assert_eq!(toml::from_str::<Declaration>(&text).unwrap(), exported, "{text}");
}

pub async fn a_document_creates_changes_and_deletes(db: Db) {
    let services = db.open().await;
    let (declared, ada, bob) = (services.declared(), admin(&services, "ada").await, member(&services, "bob").await);
    pool(&services, &bob, "bobs", "v1").await;
    declared.apply(&ada, Reach::Own, &from(shop())).await.unwrap();
    let next = json!({
        "services": [{"name": "store"}],
        "backends": [{"id": "web-1", "service": "store", "address": "10.0.0.1:80", "tags": ["v1"]}],
        "domains": [{"domain": "shop.example", "service": "store", "enabled_backends_tag": "v1"}],
        // What was under /a and what was under /b change places.
        "routes": [
            {"domain": "shop.example", "mount": "/b", "service": "store"},
            {"domain": "shop.example", "mount": "/a/deeper", "redirect": {"to": "https://b.example"}}
        ]
    });
    let plan = declared.apply(&ada, Reach::Own, &from(next)).await.unwrap();
    let names = |list: &[server_core::Planned]| {
        let mut names: Vec<_> = list.iter().map(|planned| planned.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&plan.creates), ["shop.example /a/deeper", "store"]);
    assert_eq!(names(&plan.changes), ["shop.example", "shop.example /b", "web-1"]);
    assert_eq!(names(&plan.deletes), ["default", "loose", "shop", "shop.example /a", "web-2"]);
    let change = plan.changes.iter().find(|planned| planned.name == "shop.example").unwrap();
    assert_eq!(change.before.as_ref().unwrap()["service"], "shop");
    assert_eq!(change.after.as_ref().unwrap()["service"], "store");
    let left = services.pools().services(&bob, ServiceQuery::default(), Page::default()).await.unwrap().items;
    assert_eq!(left.len(), 1, "others' things are beside the point");
    declared.apply(&ada, Reach::Own, &Declaration::default()).await.unwrap();
    assert_eq!(declared.export(&ada, Reach::Own).await.unwrap(), Declaration::default());
}

pub async fn a_document_is_applied_whole_or_not_at_all(db: Db) {
    let services = db.open().await;
    let (declared, bob) = (services.declared(), member(&services, "bob").await);
    let with = |key: &str, item: serde_json::Value| {
        let mut document = shop();
        document[key].as_array_mut().unwrap().push(item);
        from::<Declaration>(document)
    };
    for (document, code, told) in [
        (
            with("routes", json!({"domain": "shop.example", "mount": "/a/x", "service": "shop"})),
            "mount_overlaps",
            "/a/x",
        ),
        (with("routes", json!({"domain": "no.example", "mount": "/", "service": "shop"})), "not_found", "no.example"),
        (with("routes", json!({"mount": "/x", "service": "shop"})), "admin_only", "any host /x"),
        (with("domains", json!({"domain": "shop.example"})), "invalid", "shop.example twice"),
        (
            with("domains", json!({"domain": "x.example", "service": "shop", "enabled_backends_tag": "v3"})),
            "unknown_tag",
            "x.example",
        ),
        (with("backends", json!({"address": "a:1"})), "invalid", "has an id"),
        (with("services", json!({"name": "x", "owner": "eve@example.com"})), "invalid", "somebody else"),
    ] {
        let error: CoreError = declared.apply(&bob, Reach::Own, &document).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
    assert_eq!(declared.export(&bob, Reach::Own).await.unwrap(), Declaration::default());
    assert_eq!(declared.export(&bob, Reach::All).await.unwrap_err().code(), "admin_only");
    assert_eq!(declared.plan(&bob, Reach::All, &Declaration::default()).await.unwrap_err().code(), "admin_only");
}

pub async fn an_administrator_declares_everybodys(db: Db) {
    let services = db.open().await;
    let (declared, ada, bob) = (services.declared(), admin(&services, "ada").await, member(&services, "bob").await);
    assert_eq!(services.accounts().administrator().await.unwrap().unwrap().id(), ada.id());
    declared.apply(&bob, Reach::Own, &from(shop())).await.unwrap();
    let adas = pool(&services, &ada, "shop", "v1").await;
    let tunnel = services.tunnels().create(&bob, NewTunnel::default()).await.unwrap();
    let foreign = json!({"domain": "foreign.example", "owner": "bob@example.com", "service_id": adas.id});
    services.hosts().create(&ada, from(foreign)).await.unwrap();
    let to_tunnel = json!({"domain": "foreign.example", "mount": "/t", "tunnel_id": tunnel.id});
    services.routes().create(&ada, from(to_tunnel)).await.unwrap();
    services.routes().create(&ada, from(json!({"mount": "/any", "service": "shop"}))).await.unwrap();

    let all = declared.export(&ada, Reach::All).await.unwrap();
    assert_eq!((all.services.len(), all.domains.len(), all.routes.len()), (3, 2, 4));
    let of = |host: &str| all.domains.iter().find(|spec| spec.domain.to_string() == host).unwrap();
    assert_eq!((of("foreign.example").service_id, of("foreign.example").service.as_ref()), (Some(adas.id), None));
    assert_eq!(of("shop.example").owner.as_ref().unwrap().as_str(), "bob@example.com");
    assert!(declared.plan(&ada, Reach::All, &all).await.unwrap().is_empty());
    services.tunnels().delete(&bob, tunnel.id).await.unwrap();
    assert!(declared.apply(&ada, Reach::All, &all).await.unwrap().is_empty(), "also when what it leads to is gone");

    let mut fewer = all.clone();
    fewer.routes.retain(|spec| spec.domain.is_some());
    fewer.domains.retain(|spec| spec.domain.to_string() == "shop.example");
    fewer.routes.retain(|spec| spec.domain.as_ref().unwrap().to_string() == "shop.example");
    assert_eq!(declared.apply(&ada, Reach::All, &fewer).await.unwrap().deletes.len(), 3);
    let routes = services.routes().list(&ada, RouteQuery::default(), Page::default()).await.unwrap().items;
    assert!(routes.len() == 2 && routes.iter().all(|route| !matches!(route.target, Target::Tunnel { .. })));
}
