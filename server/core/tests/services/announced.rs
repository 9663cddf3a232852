//! What telephones announce, as far as the database is concerned.

use crate::support::{Db, admin, backend, from, holder, member, new_token, pool};
use domain::{Backend, BackendState, Domain, NewToken, ServiceId, Target, TokenScope};
use serde_json::{Value, json};
use server_core::{
    AnnouncementRefused, AttachRefused, AttachRequest, Attached, BackendQuery, Page, RevisionQuery, Services,
    TokenHolder, Viewer, WantedService,
};

fn wanted(json: &Value) -> WantedService {
    let text = |key: &str| json[key].as_str().map(Into::into);
    WantedService { host: text("host"), path: text("path"), tag: text("tag"), service: text("service") }
}

/// A telephone for the tunnel of this name, or one of its own, that announces this.
async fn dial(
    services: &Services,
    holder: &TokenHolder,
    subdomain: Option<&str>,
    announced: Value,
) -> Result<Attached, AttachRefused> {
    let request = AttachRequest {
        subdomain: subdomain.map(Into::into),
        local_url: "http://localhost:3000".into(),
        services: announced.as_array().unwrap().iter().map(wanted).collect(),
        ..AttachRequest::default()
    };
    services.tunnels().attach(holder, request, &|_, _| true).await
}

async fn refused(services: &Services, holder: &TokenHolder, announced: Value) -> AnnouncementRefused {
    match dial(services, holder, None, announced).await.unwrap_err() {
        AttachRefused::Announcement(refused) => refused,
        other => panic!("{other:?}"),
    }
}

async fn backends(services: &Services, viewer: &Viewer) -> Vec<Backend> {
    let mut all = services.pools().backends(viewer, BackendQuery::default(), Page::default()).await.unwrap().items;
    all.sort_by_key(|backend| backend.created_at);
    all
}

async fn revisions(services: &Services, viewer: &Viewer) -> usize {
    let page = Page { limit: 100, cursor: None };
    services.revisions().list(viewer, RevisionQuery::default(), page).await.unwrap().items.len()
}

async fn domain(services: &Services, viewer: &Viewer, host: &str) -> Domain {
    services.hosts().get(viewer, &host.parse().unwrap()).await.unwrap()
}

fn leads_to(target: &Target) -> (ServiceId, String, Option<&str>) {
    let Target::Service { id, name, tag } = target else { panic!("{target:?}") };
    (*id, name.to_string(), tag.as_ref().map(|tag| tag.as_str()))
}

fn tags(backend: &Backend) -> Vec<&str> {
    backend.tags.iter().map(|tag| tag.as_str()).collect()
}

pub async fn what_is_announced_is_made_once(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let shop = json!([{"host": "Shop.example.com", "tag": "blue"}, {"host": "shop.example.com", "path": "/api/"}]);
    let first = dial(&services, &laptop, None, shop.clone()).await.unwrap();
    assert!(first.is_news);
    let [whole, api] = first.services.as_slice() else { panic!("{:?}", first.services) };
    assert_eq!(whole.public_url.as_deref(), Some("http://shop.example.com:8080"));
    assert_eq!(api.public_url.as_deref(), Some("http://shop.example.com:8080/api"));
    assert_eq!((whole.service.as_str(), api.service.as_str()), ("shop.example.com", "shop.example.com-api"));
    assert_eq!(whole.tag.as_ref().unwrap().as_str(), "blue");
    assert_eq!(api.tag.as_ref().unwrap().as_str(), "default");
    assert_eq!(whole.verification, None, "an administrator's domain counts as verified");

    let made = domain(&services, &ada, "shop.example.com").await;
    assert!(made.verified);
    assert_eq!(leads_to(&made.target).1, "shop.example.com");
    let there = backends(&services, &ada).await;
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|backend| backend.announced && backend.tunnel_id == Some(first.tunnel.id)));
    let snapshot = services.routing().snapshot().await.unwrap();
    assert!(snapshot.services.iter().all(|service| service.backends.iter().all(|backend| backend.announced)));

    let before = revisions(&services, &ada).await;
    for _ in 0..3 {
        let again = dial(&services, &laptop, None, shop.clone()).await.unwrap();
        assert_eq!((again.tunnel.id, again.is_news), (first.tunnel.id, false));
        assert_eq!(again.services, first.services);
    }
    assert_eq!(backends(&services, &ada).await, there);
    assert_eq!(revisions(&services, &ada).await, before);

    // Another tag is another group of telephones, with a tunnel of its own.
    let green = dial(&services, &laptop, None, json!([{"host": "shop.example.com", "tag": "green"}])).await.unwrap();
    assert_ne!(green.tunnel.id, first.tunnel.id);
    let made = domain(&services, &ada, "shop.example.com").await;
    assert_eq!(leads_to(&made.target).2, Some("blue"), "it does not switch by itself");
    assert_ne!(dial(&services, &laptop, None, json!([])).await.unwrap().tunnel.id, first.tunnel.id);
}

pub async fn what_is_no_longer_announced_is_taken_back(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let blue = json!([{"host": "a.example.com", "tag": "blue"}]);
    let tunnel = dial(&services, &laptop, Some("site"), blue.clone()).await.unwrap().tunnel;
    let made = backends(&services, &ada).await.pop().unwrap();

    let plain = dial(&services, &laptop, Some("site"), json!([])).await.unwrap();
    assert_eq!((plain.tunnel.id, plain.is_news, plain.services), (tunnel.id, true, vec![]));
    assert!(backends(&services, &ada).await.is_empty());
    assert!(domain(&services, &ada, "a.example.com").await.deleted_at.is_none());

    dial(&services, &laptop, Some("site"), blue).await.unwrap();
    let back = backends(&services, &ada).await.pop().unwrap();
    assert_eq!(back.key, made.key, "it is found again");
    // Another label is the same backend with another label.
    dial(&services, &laptop, Some("site"), json!([{"host": "a.example.com", "tag": "green"}])).await.unwrap();
    let [now] = &*backends(&services, &ada).await else { panic!() };
    assert_eq!((now.key, tags(now)), (made.key, vec!["green"]));
    services.tunnels().delete(&ada, tunnel.id).await.unwrap();
    assert!(backends(&services, &ada).await.is_empty(), "it goes with its tunnel");
}

pub async fn a_telephone_without_a_tag_does_not_change_sides(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let shop = pool(&services, &ada, "shop", "blue").await;
    backend(&services, &ada, "shop", "green-1", "green").await;
    let made = json!({"domain": "a.example.com", "service": "shop", "enabled_backends_tag": "blue"});
    services.hosts().create(&ada, from(made)).await.unwrap();
    let untagged = json!([{"host": "a.example.com"}]);
    let joined = dial(&services, &laptop, None, untagged.clone()).await.unwrap();
    assert_eq!(joined.services[0].tag.as_ref().unwrap().as_str(), "blue", "what is enabled");
    let all = backends(&services, &ada).await;
    let [by_hand, _, announced] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((announced.service_id, tags(announced)), (shop.id, vec!["blue"]));
    assert!(!by_hand.announced);

    let change = json!({"enabled_backends_tag": "green"});
    services.hosts().update(&ada, &"a.example.com".parse().unwrap(), from(change)).await.unwrap();
    let again = dial(&services, &laptop, None, untagged).await.unwrap();
    assert_eq!((again.is_news, again.services[0].tag.as_ref().unwrap().as_str()), (false, "blue"));
}

pub async fn what_a_person_made_is_left_alone(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    pool(&services, &ada, "shop", "blue").await;
    let site = dial(&services, &laptop, Some("site"), json!([])).await.unwrap().tunnel;
    let by_hand = json!({"service": "shop", "id": "mine", "tunnel_id": site.id, "tags": ["blue", "old"]});
    let by_hand = services.pools().create_backend(&ada, from(by_hand)).await.unwrap();
    let made = json!({"domain": "a.example.com", "service": "shop", "enabled_backends_tag": "blue"});
    services.hosts().create(&ada, from(made)).await.unwrap();

    // It is in the pool already, and stays when nothing is announced any more.
    let blue = json!([{"host": "a.example.com", "tag": "blue"}]);
    assert!(!dial(&services, &laptop, Some("site"), blue).await.unwrap().is_news);
    dial(&services, &laptop, Some("site"), json!([])).await.unwrap();
    let there = services.pools().backend(&ada, &by_hand.id).await.unwrap();
    assert_eq!(there, by_hand);

    // Share and state of an announced one are the owner's; a label makes it theirs.
    let green = json!([{"host": "a.example.com", "tag": "green"}]);
    dial(&services, &laptop, Some("site"), green.clone()).await.unwrap();
    let announced = backends(&services, &ada).await.into_iter().find(|backend| backend.announced).unwrap();
    let patch = |json| services.pools().update_backend(&ada, &announced.id, from(json));
    patch(json!({"weight": 7, "state": "draining"})).await.unwrap();
    assert!(!dial(&services, &laptop, Some("site"), green.clone()).await.unwrap().is_news);
    let kept = services.pools().backend(&ada, &announced.id).await.unwrap();
    assert_eq!((kept.announced, kept.weight.get(), kept.state), (true, 7, BackendState::Draining));
    assert!(!patch(json!({"tags": ["green", "mine"]})).await.unwrap().announced);
    dial(&services, &laptop, Some("site"), json!([])).await.unwrap();
    assert_eq!(services.pools().backend(&ada, &announced.id).await.unwrap().deleted_at, None);

    // A host that leads nowhere is led to the telephone; what else the owner said of it stays.
    services.hosts().create(&ada, from(json!({"domain": "b.example.com", "http_to_https": true}))).await.unwrap();
    let joined = dial(&services, &laptop, None, json!([{"host": "b.example.com"}])).await.unwrap();
    assert_eq!(joined.services[0].public_url.as_deref(), Some("https://b.example.com"));
    assert!(domain(&services, &ada, "b.example.com").await.http_to_https);
}

pub async fn an_announcement_is_refused_whole(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let laptop = holder(&services, &bob, new_token("laptop")).await;
    pool(&services, &bob, "shop", "blue").await;
    for made in [
        json!({"domain": "moved.example.com", "redirect": {"to": "https://example.org"}}),
        json!({"domain": "shop.example.com", "service": "shop", "enabled_backends_tag": "blue"}),
    ] {
        services.hosts().create(&bob, from(made)).await.unwrap();
    }
    services.hosts().create(&ada, from(json!({"domain": "adas.example.com"}))).await.unwrap();
    let route = json!({"domain": "shop.example.com", "mount": "/api/v1", "service": "shop"});
    services.routes().create(&bob, from(route)).await.unwrap();
    let count = async || {
        let tunnels = services.routing().snapshot().await.unwrap().tunnels.len();
        let all = backends(&services, &bob).await;
        (tunnels, all.len(), revisions(&services, &bob).await)
    };
    let before = count().await;
    type Kind = fn(&AnnouncementRefused) -> bool;
    let (taken, reserved, invalid): (Kind, Kind, Kind) = (
        |refused| matches!(refused, AnnouncementRefused::Taken(_)),
        |refused| matches!(refused, AnnouncementRefused::Reserved(_)),
        |refused| matches!(refused, AnnouncementRefused::Invalid(_)),
    );
    let cases: [(Value, Kind, &str); 9] = [
        (json!({"host": "adas.example.com"}), taken, "adas.example.com"),
        (json!({"host": "adas.example.com", "path": "/x"}), taken, "adas.example.com"),
        (json!({"host": "moved.example.com"}), taken, "leads to a redirect"),
        (json!({"host": "shop.example.com", "service": "other"}), taken, "leads to the service shop"),
        (json!({"host": "shop.example.com", "path": "/api"}), taken, "/api/v1"),
        (json!({"host": "x.localhost"}), reserved, "domain of this server's tunnels"),
        (json!({"host": "localhost"}), reserved, "dashboard"),
        (json!({"path": "/any"}), reserved, "administrator"),
        (json!({"host": "a..b"}), invalid, "a..b"),
    ];
    for (wish, kind, part) in cases {
        // What comes first in the list could be had.
        let error = refused(&services, &laptop, json!([{"host": "free.example.com"}, wish])).await;
        assert!(kind(&error), "{wish}: {error:?}");
        assert!(error.to_string().contains(part), "{wish}: {error}");
        assert_eq!(count().await, before, "{wish}");
    }
    let everywhere = holder(&services, &ada, new_token("admin's")).await;
    let joined = dial(&services, &everywhere, None, json!([{"path": "/any"}])).await.unwrap();
    assert_eq!((joined.services[0].public_url.as_deref(), joined.services[0].service.as_str()), (None, "any-host-any"));
}

pub async fn a_members_host_is_verified_first(db: Db) {
    let services = db.open().await;
    let (_, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let laptop = holder(&services, &bob, new_token("laptop")).await;
    let joined = dial(&services, &laptop, None, json!([{"host": "bobs.example.com"}])).await.unwrap();
    let verification = joined.services[0].verification.clone().unwrap();
    assert_eq!(verification.record, "_switchboard.bobs.example.com");
    let made = domain(&services, &bob, "bobs.example.com").await;
    assert_eq!((made.verified, &made.verification.value), (false, &verification.value));
    assert!(services.routing().snapshot().await.unwrap().rules.is_empty());
    services.hosts().record_check(made.id, Ok(())).await.unwrap();
    let again = dial(&services, &laptop, None, json!([{"host": "bobs.example.com"}])).await.unwrap();
    assert_eq!((again.is_news, &again.services[0].verification), (false, &None));
}

pub async fn a_token_announces_what_it_may(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    pool(&services, &ada, "shop", "blue").await;
    let made = json!({"domain": "shop.example.com", "service": "shop", "enabled_backends_tag": "blue"});
    services.hosts().create(&ada, from(made)).await.unwrap();
    let scoped = async |json: Value| {
        let scope: TokenScope = from(json);
        holder(&services, &ada, NewToken { scope, ..new_token("scoped") }).await
    };
    let refused = async |holder: &TokenHolder, wish: Value, parts: &[&str]| {
        let error = refused(&services, holder, json!([wish])).await;
        assert!(matches!(error, AnnouncementRefused::OutsideScope(_)), "{wish}: {error:?}");
        for part in parts {
            assert!(error.to_string().contains(part), "{wish}: no {part} in {error}");
        }
    };
    let green = scoped(json!({"type": "all_tunnels", "hosts": ["*.example.com"], "tags": ["green"]})).await;
    refused(&green, json!({"host": "a.test", "tag": "green"}), &["the host a.test", "*.example.com"]).await;
    refused(&green, json!({"path": "/x", "tag": "green"}), &["any host /x", "*.example.com"]).await;
    refused(&green, json!({"host": "shop.example.com", "tag": "blue"}), &["the tag blue", "the tags green"]).await;
    refused(&green, json!({"host": "shop.example.com"}), &["the tag blue"]).await;
    // What other hosts lead to is not theirs to join.
    refused(&green, json!({"host": "new.example.com", "tag": "green", "service": "shop"}), &["the service shop"]).await;
    refused(&green, json!({"service": "shop", "tag": "green"}), &["the service shop"]).await;
    dial(&services, &green, None, json!([{"host": "shop.example.com", "tag": "green"}])).await.unwrap();
    dial(&services, &green, None, json!([{"host": "new.example.com", "tag": "green", "service": "new"}]))
        .await
        .unwrap();

    let api = scoped(json!({"type": "all_tunnels", "paths": ["/api"]})).await;
    refused(&api, json!({"host": "shop.example.com"}), &["a whole host", "the paths /api"]).await;
    dial(&services, &api, None, json!([{"host": "shop.example.com", "path": "/api/v2"}])).await.unwrap();
    let tunnel = scoped(json!({"type": "subdomains", "subdomains": ["blog"]})).await;
    refused(&tunnel, json!({"host": "shop.example.com"}), &["no hosts at all"]).await;
    dial(&services, &tunnel, None, json!([])).await.unwrap();
}

pub async fn what_is_announced_is_in_no_document(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let shop = json!([{"host": "shop.example.com", "tag": "blue"}]);
    dial(&services, &laptop, None, shop).await.unwrap();
    let document = services.declared().export(&ada, server_core::Reach::Own).await.unwrap();
    assert_eq!((document.backends.len(), document.domains.len(), document.services.len()), (0, 1, 1));
    let plan = services.declared().apply(&ada, server_core::Reach::Own, &document).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(backends(&services, &ada).await.len(), 1);
}

pub async fn of_twenty_telephones_one_makes_it(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let shop = json!([{"host": "shop.example.com", "path": "/api", "tag": "blue"}]);
    let dials: Vec<_> = (0..20)
        .map(|_| {
            let (services, laptop, shop) = (services.clone(), laptop.clone(), shop.clone());
            tokio::spawn(async move { dial(&services, &laptop, None, shop).await.unwrap().tunnel.id })
        })
        .collect();
    let mut ids = std::collections::HashSet::new();
    for dial in dials {
        ids.insert(dial.await.unwrap());
    }
    assert_eq!((ids.len(), backends(&services, &ada).await.len()), (1, 1));
}
