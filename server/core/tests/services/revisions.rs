use crate::support::{Db, admin, from, member, pool};
use domain::{Revision, RevisionAction, RevisionKind, Target};
use serde_json::json;
use server_core::{NewTunnel, Page, RevisionQuery, RevisionSide, Services, TunnelPatch, Viewer};

async fn all(services: &Services, viewer: &Viewer) -> Vec<Revision> {
    services.revisions().list(viewer, RevisionQuery::default(), Page { limit: 100, cursor: None }).await.unwrap().items
}

pub async fn every_change_leaves_a_revision(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let shop = pool(&services, &bob, "shop", "v1").await;
    let (pools, hosts) = (services.pools(), services.hosts());
    pools.update_service(&ada, &shop.id.into(), from(json!({"balance": "weighted"}))).await.unwrap();
    pools.update_service(&bob, &shop.id.into(), from(json!({"balance": "weighted"}))).await.unwrap();
    hosts.create(&bob, from(json!({"domain": "a.example", "service": "shop"}))).await.unwrap();
    hosts.delete(&bob, &"a.example".parse().unwrap()).await.unwrap();
    hosts.restore(&bob, &"a.example".parse().unwrap()).await.unwrap();
    let line = |revision: Revision| {
        let who = revision.actor_email.unwrap().to_string();
        (revision.kind, revision.action, revision.object_name, who)
    };
    let seen: Vec<_> = all(&services, &bob).await.into_iter().map(line).collect();
    let expected = [
        (RevisionKind::Domain, RevisionAction::Restored, "a.example", "bob@example.com"),
        (RevisionKind::Domain, RevisionAction::Deleted, "a.example", "bob@example.com"),
        (RevisionKind::Domain, RevisionAction::Created, "a.example", "bob@example.com"),
        (RevisionKind::Service, RevisionAction::Changed, "shop", "ada@example.com"),
        (RevisionKind::Backend, RevisionAction::Created, "shop-v1", "bob@example.com"),
        (RevisionKind::Service, RevisionAction::Created, "shop", "bob@example.com"),
    ];
    assert_eq!(seen, expected.map(|(kind, action, name, who)| (kind, action, name.to_owned(), who.to_owned())));
    let change = &all(&services, &bob).await[3];
    let balance = |side: &Option<serde_json::Value>| side.as_ref().unwrap()["balance"].clone();
    assert_eq!((balance(&change.before), balance(&change.after)), (json!("two_choices"), json!("weighted")));

    let of = |kind, object| RevisionQuery { kind, object };
    let count = async |query| services.revisions().list(&ada, query, Page::default()).await.unwrap().items.len();
    assert_eq!(count(of(Some(RevisionKind::Domain), None)).await, 3);
    assert_eq!(count(of(None, Some(shop.id.0))).await, 2);
    let eve = member(&services, "eve").await;
    assert!(all(&services, &eve).await.is_empty());
    assert_eq!(services.revisions().get(&eve, change.id).await.unwrap_err().code(), "not_found");
    let error = services.revisions().restore(&eve, change.id, RevisionSide::Before).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}

pub async fn what_is_done_to_a_tunnel_is_told(db: Db) {
    let services = db.open().await;
    let (tunnels, bob) = (services.tunnels(), member(&services, "bob").await);
    let new = NewTunnel { subdomain: Some("blog".into()), ..NewTunnel::default() };
    let id = tunnels.create(&bob, new).await.unwrap().id;
    tunnels.pause(&bob, id).await.unwrap();
    tunnels.pause(&bob, id).await.unwrap();
    let patch = TunnelPatch { custom_domains: Some(vec!["a.example".into()]), ..Default::default() };
    tunnels.update(&bob, id, patch.clone()).await.unwrap();
    tunnels.update(&bob, id, patch).await.unwrap();
    tunnels.delete(&bob, id).await.unwrap();
    tunnels.restore(&bob, id).await.unwrap();
    let query = || RevisionQuery { kind: Some(RevisionKind::Tunnel), object: Some(id.0) };
    let seen = services.revisions().list(&bob, query(), Page::default()).await.unwrap().items;
    let actions: Vec<_> = seen.iter().rev().map(|revision| revision.action.as_str()).collect();
    assert_eq!(actions, ["created", "changed", "changed", "deleted", "restored"]);
    assert_eq!(seen[3].after.as_ref().unwrap()["paused"], true);
    assert_eq!(seen[2].after.as_ref().unwrap()["custom_domains"], json!(["a.example"]));
    let error = services.revisions().restore(&bob, seen[2].id, RevisionSide::Before).await.unwrap_err();
    assert_eq!(error.code(), "not_restorable");
}

pub async fn what_was_is_put_back(db: Db) {
    let services = db.open().await;
    let (hosts, pools, revisions, ada) =
        (services.hosts(), services.pools(), services.revisions(), admin(&services, "ada").await);
    let shop = pool(&services, &ada, "shop", "v1").await;
    let host = || "a.example".parse().unwrap();
    let a = json!({"domain": "a.example", "service": "shop", "enabled_backends_tag": "v1", "http_to_https": true});
    hosts.create(&ada, from(a)).await.unwrap();
    hosts.update(&ada, &host(), from(json!({"redirect": {"to": "https://b.example"}}))).await.unwrap();
    hosts.delete(&ada, &host()).await.unwrap();
    let [deleted, changed, created, ..] = <[Revision; 5]>::try_from(all(&services, &ada).await).unwrap();

    // As it was before it was changed: that is two steps back at once.
    revisions.restore(&ada, changed.id, RevisionSide::Before).await.unwrap();
    let now = hosts.get(&ada, &host()).await.unwrap();
    assert!(now.deleted_at.is_none() && now.http_to_https, "{now:?}");
    assert!(matches!(now.target, Target::Service { id, .. } if id == shop.id), "{now:?}");
    revisions.restore(&ada, changed.id, RevisionSide::After).await.unwrap();
    assert!(matches!(hosts.get(&ada, &host()).await.unwrap().target, Target::Redirect(_)));
    revisions.restore(&ada, deleted.id, RevisionSide::After).await.unwrap();
    assert!(hosts.get(&ada, &host()).await.unwrap().deleted_at.is_some());
    assert_eq!(all(&services, &ada).await[0].action, RevisionAction::Restored);

    // Ordinary rules hold: the tag is gone.
    pools.update_backend(&ada, &"shop-v1".parse().unwrap(), from(json!({"tags": []}))).await.unwrap();
    let error = revisions.restore(&ada, changed.id, RevisionSide::Before).await.unwrap_err();
    assert_eq!(error.code(), "unknown_tag");
    assert!(hosts.get(&ada, &host()).await.unwrap().deleted_at.is_some(), "half of it was put back");
    let tags_taken = all(&services, &ada).await.remove(0);
    revisions.restore(&ada, tags_taken.id, RevisionSide::Before).await.unwrap();
    revisions.restore(&ada, changed.id, RevisionSide::Before).await.unwrap();
    revisions.restore(&ada, created.id, RevisionSide::Before).await.unwrap();
    assert!(hosts.get(&ada, &host()).await.unwrap().deleted_at.is_some());
}

pub async fn the_oldest_revisions_go(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let shop = pool(&services, &ada, "shop", "v1").await;
    for n in 0..205 {
        let patch = from(json!({"resilience": {"eject_after": n + 10}}));
        services.pools().update_service(&ada, &shop.id.into(), patch).await.unwrap();
    }
    let (mut cursor, mut count, mut oldest) = (None, 0, None);
    loop {
        let query = RevisionQuery { object: Some(shop.id.0), ..Default::default() };
        let page = services.revisions().list(&ada, query, Page { limit: 100, cursor }).await.unwrap();
        count += page.items.len();
        oldest = page.items.last().cloned().or(oldest);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((count, oldest.unwrap().after.unwrap()["resilience"]["eject_after"].clone()), (200, json!(15)));
}
