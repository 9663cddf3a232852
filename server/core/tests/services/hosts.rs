use crate::support::{Db, admin, backend, from, member, pool};
use domain::{BackendId, RevisionAction, SwitchPlan, SwitchState, Tag, Target};
use sea_orm::ConnectionTrait;
use serde_json::json;
use server_core::{
    Change, CoreError, DomainQuery, DomainRef, NewTunnel, Page, RevisionQuery, SwitchEnd, SwitchHow, SwitchRequest,
    TunnelPatch,
};

fn at(host: &str) -> DomainRef {
    host.parse().unwrap()
}

fn to<'a>(tag: &str, force: bool, healthy: &'a (dyn Fn(BackendId) -> bool + Send + Sync)) -> SwitchRequest<'a> {
    SwitchRequest { new_tag: tag.parse().unwrap(), how: SwitchHow::AtOnce, force, healthy }
}

pub async fn a_domain_is_made_changed_deleted_and_restored(db: Db) {
    let services = db.open().await;
    let (hosts, routes, ada) = (services.hosts(), services.routes(), admin(&services, "ada").await);
    let bare = json!({"domain": "App.Example.com", "enabled_backends_tag": "v1", "http_to_https": true});
    let error = hosts.create(&ada, from(bare.clone())).await.unwrap_err();
    assert!(
        matches!(error, CoreError::Unusable { code: "unknown_tag", field: "enabled_backends_tag", .. }),
        "{error:?}"
    );
    services.pools().create_backend(&ada, from(json!({"id": "vm", "address": "a:1", "tags": ["v1"]}))).await.unwrap();
    let mut changes = services.changes().subscribe();
    let app = hosts.create(&ada, from(bare.clone())).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::Routing);
    assert_eq!((app.domain.to_string().as_str(), app.http_to_https, app.verified), ("app.example.com", true, true));
    let Target::Service { name, tag, .. } = &app.target else { panic!("{app:?}") };
    assert_eq!((name.as_str(), tag.as_ref().map(Tag::as_str)), ("default", Some("v1")));
    assert_eq!(hosts.create(&ada, from(bare)).await.unwrap_err().code(), "domain_taken");

    let api = json!({"domain": "app.example.com", "mount": "/api", "service": "default"});
    routes.create(&ada, from(api)).await.unwrap();
    let patch = json!({"redirect": {"to": "https://www.example.com"}, "host_rewrite": "{backend}"});
    let changed = hosts.update(&ada, &at("app.example.com"), from(patch)).await.unwrap();
    assert!(matches!(changed.target, Target::Redirect(_)) && changed.http_to_https, "{changed:?}");
    let changed = hosts.update(&ada, &at("app.example.com"), from(json!({"redirect": null}))).await.unwrap();
    assert_eq!(changed.target, Target::None);
    let error = hosts.update(&ada, &at("app.example.com"), from(json!({"domain": "b.example"}))).await.unwrap_err();
    assert_eq!(error.code(), "invalid");

    hosts.delete(&ada, &at("app.example.com")).await.unwrap();
    let deleted = hosts.delete(&ada, &at("app.example.com")).await.unwrap();
    assert_eq!((deleted.id, deleted.deleted_at.is_some()), (app.id, true));
    let listed = async |deleted| {
        let domains = hosts.list(&ada, DomainQuery { deleted, ..Default::default() }, Page::default()).await.unwrap();
        let query = server_core::RouteQuery { deleted, ..Default::default() };
        (domains.items.len(), routes.list(&ada, query, Page::default()).await.unwrap().items.len())
    };
    assert_eq!((listed(false).await, listed(true).await), ((0, 0), (1, 1)));
    hosts.restore(&ada, &at("app.example.com")).await.unwrap();
    assert_eq!((listed(false).await, listed(true).await), ((1, 1), (0, 0)));

    hosts.delete(&ada, &app.id.into()).await.unwrap();
    let other = hosts.create(&ada, from(json!({"domain": "app.example.com"}))).await.unwrap();
    assert_eq!(hosts.get(&ada, &at("app.example.com")).await.unwrap().id, other.id);
    assert_eq!(hosts.restore(&ada, &app.id.into()).await.unwrap_err().code(), "domain_taken");
}

pub async fn a_members_domain_is_verified_first(db: Db) {
    let services = db.open().await;
    let (hosts, bob) = (services.hosts(), member(&services, "bob").await);
    let app = hosts.create(&bob, from(json!({"domain": "app.example.com"}))).await.unwrap();
    assert!(!app.verified && app.verification.value.starts_with("sb-verify="), "{app:?}");
    let rules = async || services.routing().snapshot().await.unwrap().rules.len();
    assert_eq!(rules().await, 0);
    let fresh = hosts.create(&bob, from(json!({"domain": "fresh.example.com"}))).await.unwrap();
    let checked = hosts.record_check(app.id, Err("no TXT record".into())).await.unwrap();
    let waiting = async |since, most| {
        let waiting = hosts.unverified(since, most).await.unwrap();
        waiting.into_iter().map(|domain| domain.id).collect::<Vec<_>>()
    };
    let before = app.created_at - chrono::TimeDelta::seconds(1);
    assert_eq!(waiting(before, 10).await, [fresh.id, app.id], "first who was never checked");
    assert_eq!(waiting(before, 1).await, [fresh.id]);
    assert_eq!(waiting(fresh.updated_at, 10).await, []);
    assert_eq!((checked.verified, checked.verification.error.as_deref()), (false, Some("no TXT record")));
    let checked = hosts.record_check(app.id, Ok(())).await.unwrap();
    assert_eq!((checked.verified, checked.verification.error, rules().await), (true, None, 1));
    assert_eq!(checked.updated_at, app.updated_at, "nothing of what its owner decides is another");
    hosts.record_check(app.id, Ok(())).await.unwrap();
    let revisions = services.revisions().list(&bob, RevisionQuery::default(), Page::default()).await.unwrap().items;
    let actions: Vec<_> = revisions.iter().map(|revision| revision.action).collect();
    assert_eq!(actions, [RevisionAction::Verified, RevisionAction::Created, RevisionAction::Created]);
    assert_eq!((revisions[0].actor_id, &revisions[0].before), (None, &revisions[0].after));
    assert_eq!(waiting(before, 10).await, [fresh.id]);
    hosts.delete(&bob, &fresh.id.into()).await.unwrap();
    assert_eq!(waiting(before, 10).await, []);
    let checked = hosts.record_check(app.id, Err("the resolver is away".into())).await.unwrap();
    assert!(checked.verified && checked.verification.checked_at.is_some(), "what is verified stays so");
    hosts.delete(&bob, &app.id.into()).await.unwrap();
    assert_eq!(hosts.record_check(app.id, Ok(())).await.unwrap_err().code(), "not_found");
}

pub async fn an_administrator_may_skip_the_check_of_a_domain(db: Db) {
    let services = db.open().await;
    let (hosts, ada, bob) = (services.hosts(), admin(&services, "ada").await, member(&services, "bob").await);
    let app = hosts.create(&bob, from(json!({"domain": "app.example.com"}))).await.unwrap();
    hosts.record_check(app.id, Err("no TXT record".into())).await.unwrap();
    let admin = ada.as_admin().unwrap();
    let rules = async || services.routing().snapshot().await.unwrap().rules.len();
    assert_eq!(rules().await, 0);
    for _ in 0..2 {
        let trusted = hosts.trust(&admin, &app.id.into()).await.unwrap();
        assert_eq!((trusted.verified, trusted.verification.error, rules().await), (true, None, 1));
    }
    let revisions = services.revisions().list(&bob, RevisionQuery::default(), Page::default()).await.unwrap().items;
    let actions: Vec<_> = revisions.iter().map(|revision| revision.action).collect();
    assert_eq!(actions, [RevisionAction::Trusted, RevisionAction::Created]);
    assert_eq!(revisions[0].actor_id, Some(ada.id()));
    let other = hosts.create(&bob, from(json!({"domain": "other.example.com"}))).await.unwrap();
    hosts.delete(&bob, &other.id.into()).await.unwrap();
    assert_eq!(hosts.trust(&admin, &other.id.into()).await.unwrap_err().code(), "domain_deleted");
}

pub async fn some_hosts_are_reserved(db: Db) {
    let open = db.open_with(|settings| {
        settings.public_url = "https://board.example.com".parse().unwrap();
        settings.tunnel_domain = "t.example.com".parse().unwrap();
    });
    let services = open.await.unwrap();
    let (hosts, ada, bob) = (services.hosts(), admin(&services, "ada").await, member(&services, "bob").await);
    for host in ["t.example.com", "a.t.example.com", "*.t.example.com", "*.a.t.example.com"] {
        let error = hosts.create(&ada, from(json!({ "domain": host }))).await.unwrap_err();
        assert_eq!(error.code(), "reserved_host", "{host}");
    }
    for host in ["at.example.com", "*.example.com"] {
        hosts.create(&bob, from(json!({ "domain": host }))).await.unwrap();
    }
    let board = || from(json!({"domain": "board.example.com"}));
    assert_eq!(hosts.create(&bob, board()).await.unwrap_err().code(), "reserved_host");
    hosts.create(&ada, board()).await.unwrap();
    let elsewhere = from(json!({"redirect": {"to": "https://example.com"}}));
    let error = hosts.update(&ada, &at("board.example.com"), elsewhere).await.unwrap_err();
    assert_eq!(error.code(), "reserved_host");
    pool(&services, &ada, "shop", "v1").await;
    let route = |mount: &str| from(json!({"domain": "board.example.com", "mount": mount, "service": "shop"}));
    for mount in ["/web", "/api/v1", "/", "/ws"] {
        let error = services.routes().create(&ada, route(mount)).await.unwrap_err();
        assert_eq!(error.code(), "reserved_mount", "{mount}");
    }
    services.routes().create(&ada, route("/shop")).await.unwrap();
}

pub async fn others_domains_are_out_of_reach(db: Db) {
    let services = db.open().await;
    let (ada, bob, eve) =
        (admin(&services, "ada").await, member(&services, "bob").await, member(&services, "eve").await);
    let hosts = services.hosts();
    let bobs = pool(&services, &bob, "shop", "v1").await;
    let app = hosts.create(&bob, from(json!({"domain": "app.example.com", "service": "shop"}))).await.unwrap();
    let (host, id) = (at("app.example.com"), DomainRef::from(app.id));
    let healthy = |_: BackendId| true;
    let codes = [
        hosts.get(&eve, &host).await.unwrap_err().code(),
        hosts.get(&eve, &id).await.unwrap_err().code(),
        hosts.update(&eve, &host, from(json!({}))).await.unwrap_err().code(),
        hosts.delete(&eve, &host).await.unwrap_err().code(),
        hosts.restore(&eve, &id).await.unwrap_err().code(),
        hosts.switch(&eve, &host, to("v1", true, &healthy)).await.unwrap_err().code(),
        hosts.switches(&eve, &host, Page::default()).await.unwrap_err().code(),
        hosts.create(&eve, from(json!({"domain": "e.example", "service_id": bobs.id}))).await.unwrap_err().code(),
        hosts.create(&eve, from(json!({"domain": "e.example", "service": "shop"}))).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["not_found"; 9]);
    assert_eq!(
        hosts.create(&eve, from(json!({"domain": "app.example.com"}))).await.unwrap_err().code(),
        "domain_taken"
    );

    // An administrator lets a domain lead to anything, and its owner goes on changing the rest.
    let adas = pool(&services, &ada, "adas", "v1").await;
    hosts.update(&ada, &host, from(json!({"service_id": adas.id}))).await.unwrap();
    let changed = hosts.update(&bob, &host, from(json!({"http_to_https": true}))).await.unwrap();
    assert!(matches!(changed.target, Target::Service { id, .. } if id == adas.id), "{changed:?}");
    let for_eve = json!({"domain": "eves.example", "owner": "eve@example.com"});
    assert_eq!(hosts.create(&ada, from(for_eve)).await.unwrap().owner_id, eve.id());
}

pub async fn a_service_in_use_stays(db: Db) {
    let services = db.open().await;
    let (pools, hosts, ada) = (services.pools(), services.hosts(), admin(&services, "ada").await);
    let shop = pool(&services, &ada, "shop", "v1").await;
    let host = |host: &str| from(json!({"domain": host, "service": "shop", "enabled_backends_tag": "v1"}));
    hosts.create(&ada, host("a.example")).await.unwrap();
    hosts.create(&ada, host("b.example")).await.unwrap();
    let route = from(json!({"domain": "a.example", "mount": "/x", "service": "shop"}));
    services.routes().create(&ada, route).await.unwrap();
    let error = pools.delete_service(&ada, &shop.id.into()).await.unwrap_err();
    assert_eq!(error.code(), "service_in_use");
    assert!(error.to_string().contains("2 domains and 1 route"), "{error}");
    hosts.delete(&ada, &at("a.example")).await.unwrap();
    hosts.delete(&ada, &at("b.example")).await.unwrap();
    pools.delete_service(&ada, &shop.id.into()).await.unwrap();

    // Nothing comes back that would lead nowhere.
    let error = hosts.restore(&ada, &at("a.example")).await.unwrap_err();
    assert_eq!(error.code(), "service_deleted");
    pools.restore_service(&ada, &shop.id.into()).await.unwrap();
    hosts.restore(&ada, &at("a.example")).await.unwrap();
}

pub async fn a_tag_is_switched(db: Db) {
    let services = db.open().await;
    let (hosts, ada) = (services.hosts(), admin(&services, "ada").await);
    pool(&services, &ada, "shop", "blue").await;
    let app = json!({"domain": "app.example.com", "service": "shop", "enabled_backends_tag": "blue"});
    hosts.create(&ada, from(app)).await.unwrap();
    let host = at("app.example.com");
    let (well, ill) = (|_: BackendId| true, |_: BackendId| false);
    assert_eq!(hosts.switch(&ada, &host, to("green", true, &well)).await.unwrap_err().code(), "unknown_tag");
    let green = backend(&services, &ada, "shop", "green-1", "green").await;
    assert_eq!(hosts.switch(&ada, &host, to("green", false, &ill)).await.unwrap_err().code(), "unhealthy_target");
    services.pools().update_backend(&ada, &green.id, from(json!({"state": "stopped"}))).await.unwrap();
    assert_eq!(hosts.switch(&ada, &host, to("green", false, &well)).await.unwrap_err().code(), "no_backends");
    hosts.switch(&ada, &host, to("green", true, &well)).await.unwrap();
    services.pools().update_backend(&ada, &green.id, from(json!({"state": "running"}))).await.unwrap();
    let only_blue = move |id: BackendId| id != green.key;
    hosts.switch(&ada, &host, to("blue", false, &only_blue)).await.unwrap();
    let now = hosts.switch(&ada, &host, to("blue", false, &well)).await.unwrap();
    assert!(matches!(&now.target, Target::Service { tag: Some(tag), .. } if tag.as_str() == "blue"), "{now:?}");

    let switches = hosts.switches(&ada, &host, Page::default()).await.unwrap().items;
    let steps: Vec<_> =
        switches.iter().map(|s| (s.from_tag.as_ref().unwrap().as_str(), s.to_tag.as_ref().unwrap().as_str())).collect();
    assert_eq!(steps, [("green", "blue"), ("blue", "green")], "a switch to what is there is none");

    // However the tag is changed, it is a switch.
    hosts.update(&ada, &host, from(json!({"enabled_backends_tag": "green"}))).await.unwrap();
    hosts.update(&ada, &host, from(json!({"http_to_https": true}))).await.unwrap();
    hosts.untag(&ada, &host).await.unwrap();
    let switches = hosts.switches(&ada, &host, Page::default()).await.unwrap().items;
    let newest = switches.iter().take(3).map(|s| (s.from_tag.as_ref(), s.to_tag.as_ref(), s.state, s.actor_id));
    let [blue, green] = ["blue", "green"].map(|tag| tag.parse::<Tag>().unwrap());
    let expected = [(Some(&green), None), (Some(&blue), Some(&green)), (Some(&green), Some(&blue))];
    assert!(newest.eq(expected.map(|(before, after)| (before, after, SwitchState::Done, ada.id()))), "{switches:?}");
    hosts.update(&ada, &host, from(json!({"service": null}))).await.unwrap();
    assert_eq!(hosts.switch(&ada, &host, to("blue", true, &well)).await.unwrap_err().code(), "no_tag");
}

pub async fn a_tunnels_custom_domains_are_domains(db: Db) {
    let services = db.open().await;
    let (hosts, tunnels, ada, bob) =
        (services.hosts(), services.tunnels(), admin(&services, "ada").await, member(&services, "bob").await);
    let new = || NewTunnel { custom_domains: vec!["a.example".into(), "b.example".into()], ..NewTunnel::default() };
    let tunnel = tunnels.create(&bob, new()).await.unwrap();
    let a = hosts.get(&bob, &at("a.example")).await.unwrap();
    assert!(matches!(a.target, Target::Tunnel { id, .. } if id == tunnel.id) && !a.verified, "{a:?}");
    let routed = async || services.tunnels().routing_entries().await.unwrap()[0].custom_domains.len();
    assert_eq!(routed().await, 0, "a member's is verified first");
    hosts.record_check(a.id, Ok(())).await.unwrap();
    assert_eq!(routed().await, 1);
    hosts.create(&bob, from(json!({"domain": "*.b.example", "tunnel": tunnel.subdomain}))).await.unwrap();

    let patch =
        TunnelPatch { custom_domains: Some(vec!["a.example".into(), "c.example".into()]), ..Default::default() };
    let changed = tunnels.update(&ada, tunnel.id, patch).await.unwrap();
    let shown: Vec<_> = changed.custom_domains.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a.example", "c.example"]);
    let c = hosts.get(&ada, &at("c.example")).await.unwrap();
    assert_eq!((c.owner_id, c.verified), (bob.id(), true), "the tunnel's owner's, and verified by the administrator");
    assert_eq!(hosts.get(&bob, &at("a.example")).await.unwrap().id, a.id, "what stays is not made again");
    assert!(hosts.get(&bob, &at("b.example")).await.unwrap().deleted_at.is_some());
    assert_eq!(tunnels.create(&ada, new()).await.unwrap_err().code(), "domain_taken");

    tunnels.delete(&bob, tunnel.id).await.unwrap();
    let live = async || hosts.list(&bob, DomainQuery::default(), Page::default()).await.unwrap().items.len();
    assert_eq!(live().await, 0);
    tunnels.restore(&bob, tunnel.id).await.unwrap();
    assert_eq!((live().await, routed().await), (3, 2));
    hosts.delete(&bob, &at("a.example")).await.unwrap();
    assert_eq!(tunnels.get(&bob, tunnel.id).await.unwrap().custom_domains.len(), 1);
}

pub async fn a_gradual_switch_keeps_the_tag_until_it_is_done_or_goes_back(db: Db) {
    let services = db.open().await;
    let (hosts, ada) = (services.hosts(), admin(&services, "ada").await);
    for tag in ["v1", "v2"] {
        let fields = json!({"id": tag, "address": "a:1", "tags": [tag]});
        services.pools().create_backend(&ada, from(fields)).await.unwrap();
    }
    hosts.create(&ada, from(json!({"domain": "app.example", "enabled_backends_tag": "v1"}))).await.unwrap();
    let plan: SwitchPlan = from(json!({"steps": [{"percent": 10, "seconds": 60}], "max_error_rate": 0.1}));
    let gradual = || SwitchRequest { how: SwitchHow::Gradual(plan.clone()), ..to("v2", false, &|_| true) };
    let tag = async || match hosts.get(&ada, &at("app.example")).await.unwrap().target {
        Target::Service { tag, .. } => tag.unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    let running = async || {
        let rules = services.routing().snapshot().await.unwrap().rules;
        rules.into_iter().find_map(|rule| rule.switch).map(|switch| switch.id)
    };
    let nothing = SwitchPlan::default();
    let request = SwitchRequest { how: SwitchHow::Gradual(nothing), ..to("v2", false, &|_| true) };
    assert_eq!(hosts.switch(&ada, &at("app.example"), request).await.unwrap_err().code(), "invalid");

    let mut changes = services.changes().subscribe();
    hosts.switch(&ada, &at("app.example"), gradual()).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::Routing);
    let first = running().await.unwrap();
    assert_eq!(tag().await, "v1");
    services.switches().end(first, SwitchEnd::Returned("too many errors".into())).await.unwrap();
    services.switches().end(first, SwitchEnd::Done).await.unwrap();
    assert_eq!((running().await, tag().await.as_str()), (None, "v1"), "what has ended stays as it ended");

    hosts.switch(&ada, &at("app.example"), gradual()).await.unwrap();
    hosts.switch(&ada, &at("app.example"), to("v1", false, &|_| true)).await.unwrap();
    assert_eq!((running().await, tag().await.as_str()), (None, "v1"), "it was switched back");

    hosts.switch(&ada, &at("app.example"), gradual()).await.unwrap();
    services.switches().end(running().await.unwrap(), SwitchEnd::Done).await.unwrap();
    assert_eq!((running().await, tag().await.as_str()), (None, "v2"));
    let history = hosts.switches(&ada, &at("app.example"), Page::default()).await.unwrap().items;
    let states: Vec<_> = history.iter().map(|switch| switch.state).collect();
    assert_eq!(states, [SwitchState::Done, SwitchState::Cancelled, SwitchState::Returned]);
    assert_eq!(history[2].reason.as_deref(), Some("too many errors"));
}

/// Lets time pass for a domain: so many days for the owner's last change, and for when it was made or deleted.
async fn age(db: &Db, host: &str, column: &str, days: i64) {
    let connection = sea_orm::Database::connect(&db.url).await.unwrap();
    let at = (chrono::Utc::now() - chrono::TimeDelta::days(days)).to_rfc3339();
    let update = format!("UPDATE domains SET {column} = '{at}' WHERE host = '{host}'");
    connection.execute_unprepared(&update).await.unwrap();
    connection.close().await.unwrap();
}

pub async fn a_claim_that_nobody_verifies_gives_way(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let (bob, eve) = (member(&services, "bob").await, member(&services, "eve").await);
    let (hosts, routes) = (services.hosts(), services.routes());
    let app = || from(json!({"domain": "app.example.com"}));
    let claim = hosts.create(&eve, app()).await.unwrap();
    pool(&services, &eve, "shop", "v1").await;
    let on = json!({"domain": "app.example.com", "mount": "/x", "service": "shop"});
    routes.create(&eve, from(on)).await.unwrap();
    age(&db, "app.example.com", "updated_at", 6).await;
    assert_eq!(hosts.create(&bob, app()).await.unwrap_err().code(), "domain_taken");
    age(&db, "app.example.com", "updated_at", 7).await;
    assert_eq!(hosts.create(&eve, app()).await.unwrap_err().code(), "domain_taken", "it is hers, old or not");
    let bobs = hosts.create(&bob, app()).await.unwrap();
    assert!(!bobs.verified);
    let lost = hosts.get(&eve, &claim.id.into()).await.unwrap();
    assert!(lost.deleted_at.is_some());
    let query = server_core::RevisionQuery::default();
    let revision = services.revisions().list(&eve, query, Page::default()).await.unwrap().items.remove(0);
    assert_eq!((revision.object_id, &revision.actor_email), (claim.id.0, &None), "whose it is now is not told");
    assert_eq!(hosts.restore(&eve, &claim.id.into()).await.unwrap_err().code(), "domain_taken");

    // What is changed again and again is not held for ever.
    age(&db, "app.example.com", "created_at", 30).await;
    hosts.restore(&eve, &claim.id.into()).await.unwrap();
    assert_eq!(hosts.restore(&bob, &bobs.id.into()).await.map(|domain| domain.verified).ok(), Some(false));

    // A proof ends all that.
    hosts.record_check(bobs.id, Ok(())).await.unwrap();
    age(&db, "app.example.com", "updated_at", 400).await;
    assert_eq!(hosts.create(&eve, app()).await.unwrap_err().code(), "domain_taken");
    assert_eq!(hosts.create(&ada, app()).await.unwrap_err().code(), "domain_taken");
}

pub async fn what_is_restored_is_verified_as_long_as_nobody_else_was(db: Db) {
    let services = db.open().await;
    admin(&services, "ada").await;
    let (hosts, bob, eve) = (services.hosts(), member(&services, "bob").await, member(&services, "eve").await);
    let app = || from(json!({"domain": "app.example.com"}));
    let bobs = hosts.create(&bob, app()).await.unwrap();
    hosts.record_check(bobs.id, Ok(())).await.unwrap();
    hosts.delete(&bob, &bobs.id.into()).await.unwrap();
    assert!(hosts.restore(&bob, &bobs.id.into()).await.unwrap().verified, "it was away for a moment");

    hosts.delete(&bob, &bobs.id.into()).await.unwrap();
    let eves = hosts.create(&eve, app()).await.unwrap();
    hosts.delete(&eve, &eves.id.into()).await.unwrap();
    assert!(hosts.restore(&bob, &bobs.id.into()).await.unwrap().verified, "she only claimed it");

    hosts.delete(&bob, &bobs.id.into()).await.unwrap();
    hosts.restore(&eve, &eves.id.into()).await.unwrap();
    hosts.record_check(eves.id, Ok(())).await.unwrap();
    hosts.delete(&eve, &eves.id.into()).await.unwrap();
    assert!(!hosts.restore(&bob, &bobs.id.into()).await.unwrap().verified, "it was hers meanwhile");
    assert!(services.routing().snapshot().await.unwrap().rules.is_empty());

    hosts.record_check(bobs.id, Ok(())).await.unwrap();
    hosts.delete(&bob, &bobs.id.into()).await.unwrap();
    age(&db, "app.example.com", "deleted_at", 8).await;
    assert!(!hosts.restore(&bob, &bobs.id.into()).await.unwrap().verified, "it was away for long");
}

pub async fn what_was_deleted_long_ago_is_removed(db: Db) {
    let services = db.open().await;
    let (hosts, routes, ada) = (services.hosts(), services.routes(), admin(&services, "ada").await);
    pool(&services, &ada, "shop", "v1").await;
    for host in ["old.example.com", "young.example.com", "live.example.com"] {
        hosts.create(&ada, from(json!({"domain": host, "service": "shop"}))).await.unwrap();
        routes.create(&ada, from(json!({"domain": host, "mount": "/x", "service": "shop"}))).await.unwrap();
    }
    for (host, days) in [("old.example.com", 91), ("young.example.com", 89)] {
        hosts.delete(&ada, &at(host)).await.unwrap();
        age(&db, host, "deleted_at", days).await;
    }
    // Its route was deleted a moment ago.
    assert_eq!(services.purge_deleted().await.unwrap(), 0);
    let connection = sea_orm::Database::connect(&db.url).await.unwrap();
    let update = "UPDATE routes SET deleted_at = (SELECT deleted_at FROM domains WHERE domains.id = routes.domain_id)";
    connection.execute_unprepared(update).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(services.purge_deleted().await.unwrap(), 2, "a domain with its route");
    assert_eq!(hosts.get(&ada, &at("old.example.com")).await.unwrap_err().code(), "not_found");
    hosts.restore(&ada, &at("young.example.com")).await.unwrap();
    assert_eq!(services.routing().snapshot().await.unwrap().rules.len(), 4);
}

pub async fn of_what_a_member_has_deleted_the_newest_is_kept(db: Db) {
    let services = db.open().await;
    let (hosts, routes) = (services.hosts(), services.routes());
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let now = Db::ago(0);
    for (viewer, host) in [(&ada, "ada.example.com"), (&bob, "bob.example.com")] {
        pool(&services, viewer, "shop", "v1").await;
        hosts.create(viewer, from(json!({"domain": host, "service": "shop"}))).await.unwrap();
        routes.create(viewer, from(json!({"domain": host, "mount": "/x", "service": "shop"}))).await.unwrap();
        hosts.delete(viewer, &at(host)).await.unwrap();
        let owner = db.id(viewer.id().0);
        let columns = "id, owner_id, target_kind, header_rules, created_at, updated_at, deleted_at";
        let row = |id: &str| format!("{id}, {owner}, 'none', '{{}}', {now}, {now}, {now}");
        let more = format!("{columns}, mount, strip_prefix, enabled");
        db.insert("routes", &more, 1_000, |id, _| format!("{}, '/many', FALSE, TRUE", row(id))).await;
        let more = format!("{columns}, host, http_to_https, verification_token");
        db.insert("domains", &more, 1_000, |id, _| format!("{}, 'many.example.com', FALSE, 'none'", row(id))).await;
    }
    for table in ["routes", "domains"] {
        let older = Db::ago(1);
        db.run(&format!("UPDATE {table} SET deleted_at = {older} WHERE service_id IS NOT NULL")).await;
    }
    assert_eq!(services.purge_deleted().await.unwrap(), 2, "a member's domain with its route");
    assert_eq!(hosts.get(&bob, &at("bob.example.com")).await.unwrap_err().code(), "not_found");
    hosts.restore(&ada, &at("ada.example.com")).await.unwrap();
    assert_eq!(services.purge_deleted().await.unwrap(), 0);
}
