use crate::support::{Db, admin, holder, member, new_token, telephone};
use domain::{NewToken, Subdomain, SubdomainError, TokenScope, TunnelState, TunnelStatus};
use server_core::{
    AttachRefused, AttachRequest, Change, CoreError, NewTunnel, Page, Services, TelephoneNews, TunnelPatch,
    TunnelQuery, TunnelSort, Viewer,
};
use std::collections::HashSet;

fn named(subdomain: &str) -> NewTunnel {
    NewTunnel { subdomain: Some(subdomain.into()), ..NewTunnel::default() }
}

fn wants(subdomain: Option<&str>, local_url: &str) -> AttachRequest {
    AttachRequest {
        subdomain: subdomain.map(Into::into),
        local_url: local_url.into(),
        region: None,
        metadata: [("os".to_owned(), "linux".to_owned())].into(),
        services: Vec::new(),
    }
}

pub async fn a_tunnel_is_made_changed_deleted_and_restored(db: Db) {
    let services = db.open().await;
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    let mut changes = services.changes().subscribe();
    let random = tunnels.create(&ada, NewTunnel::default()).await.unwrap();
    assert_eq!(random.subdomain.as_str().split('-').count(), 3);
    assert_eq!(changes.recv().await.unwrap(), Change::Tunnel(random.id));

    let new = NewTunnel {
        name: Some("My site".into()),
        custom_domains: vec!["www.Example.com".into(), "bücher.example".into()],
        ..named("Site")
    };
    let site = tunnels.create(&ada, new).await.unwrap();
    assert_eq!((site.name.as_str(), site.public_url.as_str()), ("My site", "http://site.localhost:8080"));
    let domains: Vec<&str> = site.custom_domains.iter().map(|domain| domain.as_str()).collect();
    assert_eq!(domains, ["www.example.com", "xn--bcher-kva.example"]);
    assert_eq!(site.status, TunnelStatus::Offline);

    let patch = TunnelPatch {
        name: Some("Other".into()),
        custom_domains: Some(vec!["a.example".into()]),
        ..Default::default()
    };
    let changed = tunnels.update(&ada, site.id, patch).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.subdomain.as_str(), changed.custom_domains.len()), ("Other", "site", 1));
    assert_eq!(tunnels.pause(&ada, site.id).await.unwrap().status, TunnelStatus::Paused);
    let entry = tunnels.routing_entries().await.unwrap().into_iter().find(|entry| entry.tunnel_id == site.id).unwrap();
    assert_eq!((entry.state, entry.custom_domains.len()), (TunnelState::Paused, 1));
    assert_eq!(tunnels.resume(&ada, site.id).await.unwrap().status, TunnelStatus::Offline);

    assert_eq!(tunnels.delete(&ada, site.id).await.unwrap().status, TunnelStatus::Deleted);
    tunnels.delete(&ada, site.id).await.unwrap();
    assert_eq!(tunnels.routing_entries().await.unwrap().len(), 1);
    assert_eq!(tunnels.pause(&ada, site.id).await.unwrap_err().code(), "tunnel_deleted");
    assert_eq!(tunnels.get(&ada, site.id).await.unwrap().status, TunnelStatus::Deleted);
    let restored = tunnels.restore(&ada, site.id).await.unwrap();
    assert_eq!((restored.status, restored.custom_domains.len()), (TunnelStatus::Offline, 1));
}

pub async fn bad_input_is_named(db: Db) {
    let services = db.open().await;
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    let domain = |domain: &str| NewTunnel { custom_domains: vec![domain.into()], ..NewTunnel::default() };
    for (new, field) in [
        (named("no_underscore"), "subdomain"),
        (named("www"), "subdomain"),
        (named(&"a".repeat(64)), "subdomain"),
        (NewTunnel { name: Some("x".repeat(65)), ..NewTunnel::default() }, "name"),
        (domain("127.0.0.1"), "custom_domains"),
        (domain("http://a.example"), "custom_domains"),
        (domain("someone.localhost"), "custom_domains"),
        (domain("localhost"), "custom_domains"),
        (
            NewTunnel { custom_domains: (0..11).map(|n| format!("{n}.example")).collect(), ..NewTunnel::default() },
            "custom_domains",
        ),
        (NewTunnel { region: Some("x".repeat(65)), ..NewTunnel::default() }, "region"),
        (NewTunnel { local_url: Some("a\nb".into()), ..NewTunnel::default() }, "local_url"),
        (NewTunnel { metadata: [("k".into(), "v".repeat(201))].into(), ..NewTunnel::default() }, "metadata"),
    ] {
        match tunnels.create(&ada, new.clone()).await {
            Err(CoreError::Invalid { field: named, .. }) => assert_eq!(named, field, "{new:?}"),
            other => panic!("{new:?}: {other:?}"),
        }
    }
    assert!(tunnels.list(&ada, TunnelQuery::default(), Page::default()).await.unwrap().items.is_empty());
}

pub async fn others_tunnels_are_out_of_reach(db: Db) {
    let services = db.open().await;
    let (ada, bob, eve) =
        (admin(&services, "ada").await, member(&services, "bob").await, member(&services, "eve").await);
    let tunnels = services.tunnels();
    let id = tunnels.create(&bob, named("bobs")).await.unwrap().id;
    let codes = [
        tunnels.get(&eve, id).await.unwrap_err().code(),
        tunnels.update(&eve, id, TunnelPatch::default()).await.unwrap_err().code(),
        tunnels.pause(&eve, id).await.unwrap_err().code(),
        tunnels.resume(&eve, id).await.unwrap_err().code(),
        tunnels.delete(&eve, id).await.unwrap_err().code(),
        tunnels.restore(&eve, id).await.unwrap_err().code(),
        tunnels.stats(&eve, id).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["not_found"; 7]);
    let all = |viewer: Viewer| async move { services_list(tunnels, &viewer, TunnelQuery::default()).await };
    assert_eq!((all(eve).await.len(), all(bob).await.len(), all(ada).await.len()), (0, 1, 1));
}

async fn services_list(tunnels: &server_core::Tunnels, viewer: &Viewer, query: TunnelQuery) -> Vec<String> {
    let (mut cursor, mut names) = (None, Vec::new());
    loop {
        let listing = tunnels.list(viewer, query.clone(), Page { limit: 2, cursor }).await.unwrap();
        names.extend(listing.items.into_iter().map(|tunnel| tunnel.subdomain.to_string()));
        cursor = listing.next_cursor;
        if cursor.is_none() {
            return names;
        }
    }
}

pub async fn a_name_is_taken_until_it_is_deleted(db: Db) {
    let services = db.open().await;
    let (bob, eve) = (admin(&services, "bob").await, member(&services, "eve").await);
    let tunnels = services.tunnels();
    let new = || NewTunnel { custom_domains: vec!["a.example".into()], ..named("site") };
    let bobs = tunnels.create(&bob, new()).await.unwrap();
    assert_eq!(tunnels.create(&eve, named("site")).await.unwrap_err().code(), "subdomain_taken");
    let domain_only = || NewTunnel { subdomain: Some("free".into()), ..new() };
    assert_eq!(tunnels.create(&eve, domain_only()).await.unwrap_err().code(), "domain_taken");
    let free = tunnels.create(&eve, named("free")).await.unwrap();
    let patch = TunnelPatch { subdomain: Some("site".into()), ..Default::default() };
    assert_eq!(tunnels.update(&eve, free.id, patch).await.unwrap_err().code(), "subdomain_taken");

    tunnels.delete(&bob, bobs.id).await.unwrap();
    // It is kept from others for as long as it was there, which is not long.
    let eves = loop {
        match tunnels.create(&eve, new()).await {
            Ok(eves) => break eves,
            Err(refused) => assert_eq!(refused.code(), "subdomain_taken"),
        }
    };
    assert_eq!(tunnels.restore(&bob, bobs.id).await.unwrap_err().code(), "subdomain_taken");
    tunnels.update(&eve, eves.id, TunnelPatch { subdomain: Some("moved".into()), ..Default::default() }).await.unwrap();
    assert_eq!(tunnels.restore(&bob, bobs.id).await.unwrap_err().code(), "domain_taken");
    assert_eq!(tunnels.get(&bob, bobs.id).await.unwrap().status, TunnelStatus::Deleted, "half of it was restored");
    tunnels.delete(&eve, eves.id).await.unwrap();
    assert_eq!(tunnels.restore(&bob, bobs.id).await.unwrap().custom_domains.len(), 1);
}

pub async fn a_list_is_searched_sorted_and_paged(db: Db) {
    let services = db.open().await;
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    for (subdomain, name) in
        [("one", "Zebra"), ("two", "apple"), ("three", "Mango 100%"), ("four", "mango_1"), ("five", "Kiwi")]
    {
        let domains = if subdomain == "five" { vec!["fruit.example".into()] } else { vec![] };
        let new = NewTunnel { name: Some(name.into()), custom_domains: domains, ..named(subdomain) };
        tunnels.create(&ada, new).await.unwrap();
    }
    let list = async |query: TunnelQuery| services_list(tunnels, &ada, query).await;
    let sorted = |sort| TunnelQuery { sort, ..TunnelQuery::default() };
    assert_eq!(list(sorted(TunnelSort::Created)).await, ["five", "four", "three", "two", "one"]);
    let by_name = list(sorted(TunnelSort::Name)).await;
    assert_eq!((by_name[0].as_str(), by_name[4].as_str(), by_name.len()), ("two", "one", 5));
    assert_eq!(list(sorted(TunnelSort::LastActive)).await.len(), 5);
    let search = |text: &str| TunnelQuery { search: Some(text.into()), ..TunnelQuery::default() };
    assert_eq!(list(search("MANGO")).await, ["four", "three"]);
    assert_eq!(list(search("100%")).await, ["three"]);
    assert_eq!(list(search("o_1")).await, ["four"]);
    assert_eq!(list(search("fruit.ex")).await, ["five"]);
    assert!(list(search("nothing")).await.is_empty());

    let all = tunnels.list(&ada, TunnelQuery::default(), Page::default()).await.unwrap().items;
    let id = |subdomain: &str| all.iter().find(|tunnel| tunnel.subdomain.as_str() == subdomain).unwrap().id;
    let _online = services.presence().join(telephone(&holder(&services, &ada, new_token("t")).await, id("two")));
    tunnels.pause(&ada, id("one")).await.unwrap();
    tunnels.delete(&ada, id("three")).await.unwrap();
    let with = |status| TunnelQuery { status: Some(status), ..TunnelQuery::default() };
    assert_eq!(list(with(TunnelStatus::Online)).await, ["two"]);
    assert_eq!(list(with(TunnelStatus::Paused)).await, ["one"]);
    assert_eq!(list(with(TunnelStatus::Offline)).await, ["five", "four"]);
    assert_eq!(list(with(TunnelStatus::Deleted)).await, ["three"]);
    assert_eq!(list(TunnelQuery { deleted: true, ..TunnelQuery::default() }).await, ["three"]);
    // A cursor of one order means nothing in another.
    let first = tunnels.list(&ada, sorted(TunnelSort::Name), Page { limit: 1, cursor: None }).await.unwrap();
    let page = Page { limit: 1, cursor: first.next_cursor };
    assert_eq!(tunnels.list(&ada, TunnelQuery::default(), page).await.unwrap_err().code(), "invalid");
}

pub async fn what_two_telephones_say_at_once_is_both_kept(db: Db) {
    let services = db.open().await;
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    let id = tunnels.create(&ada, named("said")).await.unwrap().id;
    for round in 0..50 {
        let (url, name) = (format!("http://localhost:{}", 4_000 + round), format!("host-{round}"));
        let where_to = TelephoneNews { local_url: Some(url.clone()), ..TelephoneNews::default() };
        let who = TelephoneNews { metadata: [("host".to_owned(), name.clone())].into(), ..TelephoneNews::default() };
        tokio::try_join!(tunnels.note(id, where_to), tunnels.note(id, who)).unwrap();
        let tunnel = tunnels.get(&ada, id).await.unwrap();
        assert_eq!((tunnel.local_url, tunnel.metadata.get("host")), (Some(url), Some(&name)));
    }
}

pub async fn a_telephone_gets_its_tunnel_back(db: Db) {
    let services = db.open().await;
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let attach = async |request| tunnels.attach(&laptop, request, &|_, _| true).await.unwrap().tunnel;
    let first = attach(wants(None, "http://localhost:3000")).await;
    assert_eq!((first.local_url.as_deref(), first.metadata["os"].as_str()), (Some("http://localhost:3000"), "linux"));
    assert_eq!(attach(wants(None, "http://localhost:3000")).await.id, first.id);
    assert_ne!(attach(wants(None, "http://localhost:4000")).await.id, first.id);
    let many: HashSet<_> = {
        let claims = (0..10).map(|_| tunnels.attach(&laptop, wants(None, "http://localhost:5000"), &|_, _| true));
        futures_util::future::join_all(claims).await.into_iter().map(|attached| attached.unwrap().tunnel.id).collect()
    };
    assert_eq!(many.len(), 1, "connections of one telephone share a tunnel");

    let reserved = attach(wants(Some("mine"), "http://localhost:3000")).await;
    assert_eq!(attach(wants(Some("Mine"), "http://localhost:9000")).await.id, reserved.id);
    assert_eq!(tunnels.get(&ada, reserved.id).await.unwrap().local_url.as_deref(), Some("http://localhost:9000"));

    let guard = services.presence().join(telephone(&laptop, first.id));
    guard.set_round_trip(12.5);
    let online = tunnels.get(&ada, first.id).await.unwrap();
    assert_eq!((online.status, online.sessions[0].round_trip_ms), (TunnelStatus::Online, Some(12.5)));
    drop(guard);
    assert_eq!((services.presence().count(first.id), services.presence().total()), (0, 0));

    // Deleted: the telephone gets another, and keeps it when the first is restored.
    tunnels.delete(&ada, first.id).await.unwrap();
    let second = attach(wants(None, "http://localhost:3000")).await;
    assert_ne!(second.id, first.id);
    tunnels.restore(&ada, first.id).await.unwrap();
    assert_eq!(attach(wants(None, "http://localhost:3000")).await.id, second.id);
}

pub async fn a_telephone_is_refused(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let tunnels = services.tunnels();
    let paused = tunnels.create(&bob, named("paused")).await.unwrap();
    tunnels.pause(&bob, paused.id).await.unwrap();
    tunnels.create(&ada, named("adas")).await.unwrap();
    let any = holder(&services, &bob, new_token("any")).await;
    let refused = async |holder: &server_core::TokenHolder, subdomain: Option<&str>| {
        tunnels.attach(holder, wants(subdomain, "http://localhost:1"), &|_, _| true).await.unwrap_err()
    };
    assert_eq!(refused(&any, Some("paused")).await, AttachRefused::TunnelPaused);
    assert_eq!(refused(&any, Some("adas")).await, AttachRefused::SubdomainTaken);
    assert_eq!(refused(&any, Some("admin")).await, AttachRefused::SubdomainReserved);
    assert_eq!(refused(&any, Some("a.b")).await, AttachRefused::SubdomainInvalid(SubdomainError::Malformed));

    let scope = |names: &[&str]| {
        let subdomains: Vec<Subdomain> = names.iter().map(|name| name.parse().unwrap()).collect();
        NewToken { scope: TokenScope::only(subdomains), ..new_token("some") }
    };
    let two = holder(&services, &bob, scope(&["one", "two"])).await;
    assert_eq!(refused(&two, Some("three")).await, AttachRefused::OutsideScope);
    assert_eq!(refused(&two, None).await, AttachRefused::OutsideScope);
    tunnels.attach(&two, wants(Some("two"), "http://localhost:1"), &|_, _| true).await.unwrap();
    let only = holder(&services, &bob, scope(&["only"])).await;
    let attached = tunnels.attach(&only, wants(None, "http://localhost:1"), &|_, _| true).await.unwrap();
    assert_eq!(attached.tunnel.subdomain.as_str(), "only");
}

pub async fn of_fifty_claims_one_owner_wins(db: Db) {
    let services = db.open().await;
    let mut holders = Vec::new();
    for n in 0..10 {
        let owner = admin(&services, &format!("owner{n}")).await;
        holders.push(holder(&services, &owner, new_token("laptop")).await);
    }
    let claims = (0..50).map(|n| {
        let (services, holder): (Services, _) = (services.clone(), holders[n % 10].clone());
        tokio::spawn(async move {
            services.tunnels().attach(&holder, wants(Some("wanted"), "http://localhost:1"), &|_, _| true).await
        })
    });
    let outcomes = futures_util::future::join_all(claims).await;
    let mut tunnels = HashSet::new();
    let mut refused = 0;
    for outcome in outcomes {
        match outcome.unwrap() {
            Ok(attached) => drop(tunnels.insert((attached.tunnel.id, attached.tunnel.owner_id))),
            Err(AttachRefused::SubdomainTaken) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((tunnels.len(), refused), (1, 45), "one owner's five claims succeed");
}

pub async fn a_user_has_so_many_tunnels(db: Db) {
    let services = db.open_with(|settings| settings.max_tunnels_per_user = 2).await.unwrap();
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    let first = tunnels.create(&ada, named("one")).await.unwrap();
    tunnels.create(&ada, named("two")).await.unwrap();
    assert_eq!(tunnels.create(&ada, named("three")).await.unwrap_err().code(), "tunnel_limit");
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let refused = tunnels.attach(&laptop, wants(None, "http://localhost:1"), &|_, _| true).await.unwrap_err();
    assert_eq!(refused, AttachRefused::LimitExceeded);
    tunnels.delete(&ada, first.id).await.unwrap();
    tunnels.create(&ada, named("three")).await.unwrap();
    assert_eq!(tunnels.restore(&ada, first.id).await.unwrap_err().code(), "tunnel_limit");
}

pub async fn what_the_database_takes_back_by_itself_holds_nobody_up(db: Db) {
    let services = db.open().await;
    let viewer = admin(&services, "root").await;
    // SQLite ends a transaction by itself when the disk is full. A trigger makes it do so as well.
    if !db.url.starts_with("sqlite:") {
        return;
    }
    let other = sea_orm::Database::connect(format!("{}?mode=rw", db.url)).await.unwrap();
    let run = async |sql: &str| sea_orm::ConnectionTrait::execute_unprepared(&other, sql).await;
    run("CREATE TRIGGER full BEFORE INSERT ON tunnels BEGIN SELECT RAISE(ROLLBACK, 'full'); END").await.unwrap();
    services.tunnels().create(&viewer, named("one")).await.unwrap_err();
    run("DROP TRIGGER full").await.unwrap();
    services.tunnels().create(&viewer, named("one")).await.unwrap();
    // A transaction that has written, and then comes to nothing, leaves no lock behind.
    run("CREATE TRIGGER refused BEFORE INSERT ON revisions BEGIN SELECT RAISE(ABORT, 'refused'); END").await.unwrap();
    services.tunnels().create(&viewer, named("two")).await.unwrap_err();
    run("DROP TRIGGER refused").await.unwrap();
    services.tunnels().create(&viewer, named("two")).await.unwrap();
}

pub async fn the_oldest_deleted_tunnels_go(db: Db) {
    let services = db.open().await;
    admin(&services, "ada").await;
    let (tunnels, bob, eve) = (services.tunnels(), member(&services, "bob").await, member(&services, "eve").await);
    let gone = tunnels.create(&bob, named("gone")).await.unwrap().id;
    let led_to = NewTunnel { custom_domains: vec!["a.example".into()], ..named("led-to") };
    let led_to = tunnels.create(&bob, led_to).await.unwrap().id;
    let live = tunnels.create(&bob, named("live")).await.unwrap().id;
    let eves = tunnels.create(&eve, named("eves")).await.unwrap().id;
    let laptop = holder(&services, &bob, new_token("laptop")).await;
    let online = [gone, live].map(|id| services.presence().join(telephone(&laptop, id)));
    for (viewer, id) in [(&bob, gone), (&bob, led_to), (&eve, eves)] {
        tunnels.delete(viewer, id).await.unwrap();
    }
    // What is known of a tunnel elsewhere.
    let now = Db::ago(0);
    for tunnel in [gone, live].map(|id| db.id(id.0)) {
        let columns =
            "id, tunnel_id, token_id, address, agent, protocol, lines, local_failures, connected_at, ended_at, reason";
        let row = |id: &str, _| format!("{id}, {tunnel}, {id}, '127.0.0.1', 'a', '2', 1, 0, {now}, {now}, 'left'");
        db.insert("tunnel_sessions", columns, 1, row).await;
        let columns =
            "run_id, subject_id, informational, success, redirection, client_error, server_error, bytes_in, bytes_out";
        db.insert("traffic_totals", columns, 1, |id, _| format!("{id}, {tunnel}, 0, 1, 0, 0, 0, 0, 0")).await;
        let row = |_: &str, _| format!("{tunnel}, '{{}}', 0");
        db.insert("capture_settings", "subject_id, settings, updated_at", 1, row).await;
    }
    assert_eq!(services.purge_deleted().await.unwrap(), 0);

    // As many as are kept, deleted since.
    let owner = db.id(bob.id().0);
    let columns = "id, owner_id, name, subdomain, metadata, created_at, updated_at, deleted_at";
    let row = |id: &str, _| format!("{id}, {owner}, 'many', 'many', '{{}}', {now}, {now}, {now}");
    db.run(&format!("UPDATE tunnels SET deleted_at = {} WHERE deleted_at IS NOT NULL", Db::ago(1))).await;
    db.insert("tunnels", columns, 1_000, row).await;
    assert_eq!(services.purge_deleted().await.unwrap(), 4, "one tunnel, and three rows that tell of it");
    assert_eq!(tunnels.get(&bob, gone).await.unwrap_err().code(), "not_found");
    assert_eq!(tunnels.restore(&bob, led_to).await.unwrap().custom_domains.len(), 1, "a domain leads to it");
    assert_eq!(tunnels.get(&eve, eves).await.unwrap().status, TunnelStatus::Deleted);
    for table in ["tunnel_sessions", "traffic_totals", "capture_settings"] {
        assert_eq!(db.number(&format!("SELECT count(*) FROM {table}")).await, 1, "{table}");
    }

    // A telephone of what is gone keeps nobody else's from being noted.
    drop(online);
    services.close().await;
    let services = db.open().await;
    let listing = services.sessions_of(&bob, live, Page::default()).await.unwrap();
    assert_eq!(listing.items.len(), 2);
}

pub async fn so_many_names_are_kept_for_one_owner(db: Db) {
    let services = db.open().await;
    admin(&services, "ada").await;
    let (bob, eve) = (member(&services, "bob").await, member(&services, "eve").await);
    let until = Db::ago(-1);
    for (viewer, names) in [(&eve, 3), (&bob, 1_002)] {
        let owner = db.id(viewer.id().0);
        let row = |id: &str, n| format!("{id}, {owner}, 'name-{n}', {until}");
        db.insert("former_names", "id, owner_id, name, kept_until", names, row).await;
    }
    assert_eq!(services.purge_deleted().await.unwrap(), 2);
    assert_eq!(db.number("SELECT count(*) FROM former_names").await, 1_003);
    assert_eq!(services.tunnels().create(&eve, named("name-3")).await.unwrap_err().code(), "subdomain_taken");
    services.tunnels().create(&eve, named("name-2")).await.unwrap();
}

pub async fn a_tunnel_does_not_take_the_dashboards_name(db: Db) {
    let services =
        db.open_with(|settings| settings.public_url = "http://board.localhost".parse().unwrap()).await.unwrap();
    let (tunnels, ada) = (services.tunnels(), admin(&services, "ada").await);
    let refused = tunnels.create(&ada, named("board")).await.unwrap_err();
    assert!(matches!(refused, CoreError::Invalid { field: "subdomain", .. }), "{refused}");
    let other = tunnels.create(&ada, named("boards")).await.unwrap();
    let renamed = TunnelPatch { subdomain: Some("board".into()), ..TunnelPatch::default() };
    let refused = tunnels.update(&ada, other.id, renamed).await.unwrap_err();
    assert!(matches!(refused, CoreError::Invalid { field: "subdomain", .. }), "{refused}");
    let laptop = holder(&services, &ada, new_token("laptop")).await;
    let refused = tunnels.attach(&laptop, wants(Some("board"), "http://localhost:1"), &|_, _| true).await.unwrap_err();
    assert_eq!(refused, AttachRefused::SubdomainReserved);
}

pub async fn a_name_is_kept_from_others_when_its_tunnel_has_another(db: Db) {
    let services = db.open().await;
    admin(&services, "ada").await;
    let (tunnels, bob, eve) = (services.tunnels(), member(&services, "bob").await, member(&services, "eve").await);
    let shop = tunnels.create(&bob, named("shop")).await.unwrap().id;
    let rename = async |name: &str| {
        let patch = TunnelPatch { subdomain: Some(name.into()), ..TunnelPatch::default() };
        tunnels.update(&bob, shop, patch).await.unwrap();
    };
    let takes = async |name: &str| tunnels.create(&eve, named(name)).await.map(drop).map_err(|error| error.code());
    // It was there for a day.
    db.run(&format!("UPDATE tunnels SET created_at = {}", Db::ago(1))).await;
    rename("store").await;
    assert_eq!(takes("shop").await, Err("subdomain_taken"));
    let laptop = holder(&services, &eve, new_token("laptop")).await;
    let refused = tunnels.attach(&laptop, wants(Some("shop"), "http://localhost:1"), &|_, _| true).await.unwrap_err();
    assert_eq!(refused, AttachRefused::SubdomainTaken);
    // This one only since then, which is over by the time that somebody asks.
    rename("mall").await;
    let until = db.number("SELECT count(*) FROM former_names").await;
    assert_eq!(until, 2);
    while takes("store").await.is_err() {}
    // A day of which it was elsewhere does not count: nobody has come to it.
    db.run(&format!("UPDATE tunnels SET named_at = {}", Db::ago(1))).await;
    tunnels.delete(&bob, shop).await.unwrap();
    assert_eq!(takes("mall").await, Err("subdomain_taken"));
    db.run("DELETE FROM former_names").await;
    tunnels.restore(&bob, shop).await.unwrap();
    tunnels.delete(&bob, shop).await.unwrap();
    while takes("mall").await.is_err() {}
    // Whoever had it before them does not get it back.
    let corner = tunnels.create(&eve, named("corner")).await.unwrap().id;
    tunnels.delete(&eve, corner).await.unwrap();
    let bobs = loop {
        if let Ok(tunnel) = tunnels.create(&bob, named("corner")).await {
            break tunnel.id;
        }
    };
    db.run(&format!("UPDATE tunnels SET created_at = {}", Db::ago(1))).await;
    tunnels.delete(&bob, bobs).await.unwrap();
    assert_eq!(tunnels.restore(&eve, corner).await.unwrap_err().code(), "subdomain_taken");
    assert_eq!(tunnels.restore(&bob, bobs).await.unwrap().id, bobs);
}
