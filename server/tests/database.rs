//! A PostgreSQL server behind one node or two.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::time::Duration;

use domain::LiveUpdate;
use futures_util::StreamExt;
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use support::{Client, Home, Origin, Programs, Switchboard, full, until, within};
use telephone::{Agent, Announcement, Target};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

const SOON: Duration = Duration::from_secs(20);
/// Until whoever has lost the right to be there is gone from every node (check A6).
const GONE: Duration = Duration::from_secs(5);

/// A domain that leads to a backend.
async fn lead(client: &Client, domain: &str, origin: &Origin) {
    let service = json!({"name": domain, "health_check": {"enabled": false}});
    for (what, fields) in [
        ("services", service),
        ("backends", json!({"address": origin.address.to_string(), "service": domain})),
        ("domains", json!({"domain": domain, "service": domain})),
    ] {
        let (status, made) = client.post(&format!("/api/v1/{what}"), &fields).await;
        assert_eq!(status, 201, "{made}");
    }
}

#[tokio::test]
async fn routing_goes_on_without_the_database() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("away").unwrap();
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    let origin = Origin::mirror().await;
    lead(&switchboard.client(), "app.example.com", &origin).await;
    let _telephone = switchboard.telephone("blog", &origin).await;
    let visitors = [Client::new(switchboard.address, "app.example.com"), switchboard.visitor("blog")];
    for visitor in &visitors {
        until(SOON, "it is served", async || visitor.text("/").await.0 == 200).await;
    }
    assert_eq!(switchboard.client().text("/readyz").await.0, 200);
    drop(server);
    let dashboard = switchboard.client();
    until(SOON, "it is seen", async || dashboard.text("/readyz").await.0 == 503).await;
    for visitor in &visitors {
        for _ in 0..10 {
            assert_eq!(visitor.text("/").await.0, 200);
        }
    }
    let (status, refused) = dashboard.post("/api/v1/services", &json!({"name": "new"})).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (503, Some("unavailable")), "{refused}");
}

#[tokio::test]
async fn a_change_on_one_node_is_live_on_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("two").unwrap();
    // So that nothing but the news can tell.
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let other = one.start_beside(&settings).await;
    let origin = Origin::mirror().await;
    lead(&one.client(), "app.example.com", &origin).await;
    let visitor = Client::new(other.address, "app.example.com");
    until(SOON, "the other node serves it", async || visitor.text("/").await.0 == 200).await;
    assert_eq!(one.client().delete("/api/v1/domains/app.example.com").await.0, 204);
    until(SOON, "the other node serves it no longer", async || visitor.text("/").await.0 == 404).await;
}

#[tokio::test]
async fn of_a_hundred_claims_on_three_nodes_one_wins() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("claims").unwrap();
    // Each has connections of its own, of which PostgreSQL has a hundred for all.
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str())];
    let one = Switchboard::start_with(&settings).await;
    let mut others = [one.start_beside(&settings).await, one.start_beside(&settings).await];
    for other in &mut others {
        // Each node signs access tokens with a key of its own here.
        other.sign_in().await;
    }
    let clients = [one.client(), others[0].client(), others[1].client()];
    let claims = [
        ("tunnels", json!({"subdomain": "wanted"}), "subdomain_taken"),
        ("tunnels", json!({"custom_domains": ["app.example.org"]}), "domain_taken"),
        ("services", json!({"name": "wanted"}), "service_exists"),
        ("domains", json!({"domain": "app.example.com"}), "domain_taken"),
        ("routes", json!({"domain": "app.example.com", "mount": "/api", "service": "wanted"}), "mount_overlaps"),
        ("routes", json!({"mount": "/any", "service": "wanted"}), "mount_overlaps"),
    ];
    for (what, claim, refusal) in claims {
        let path = format!("/api/v1/{what}");
        let asked = (0..100).map(|n| clients[n % clients.len()].post(&path, &claim));
        let answers = futures_util::future::join_all(asked).await;
        let won = answers.iter().filter(|(status, _)| *status == 201).count();
        let lost = answers.iter().filter(|(status, body)| *status == 409 && body["error"]["code"] == refusal).count();
        assert_eq!((won, lost), (1, 99), "{what} {claim}: {answers:?}");
    }
}

#[tokio::test]
async fn who_is_sent_away_on_one_node_goes_from_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("sent_away").unwrap();
    // So that nothing but the news can tell.
    let settings = [
        ("SWITCHBOARD_DATABASE_URL", url.as_str()),
        ("SWITCHBOARD_UPDATE_INTERVAL", "1h"),
        ("SWITCHBOARD_SIGNUP", "open"),
    ];
    let one = Switchboard::start_with(&settings).await;
    let mut other = one.start_beside(&settings).await;
    other.sign_in().await;
    let account = json!({"email": "bob@example.com", "password": "a different long one"});
    let bob = one.client().post("/api/v1/auth/register", &account).await.1;
    // Each node signs access tokens with a key of its own here.
    let session = other.client().post("/api/v1/auth/login", &account).await.1;
    let client = other.client().bearer(session["access_token"].as_str().unwrap());
    let token = client.post("/api/v1/tokens", &json!({"name": "laptop"})).await.1;
    let origin = Origin::mirror().await;
    let telephone = other.telephone_with(token["token"].as_str().unwrap(), "bobs", &origin).await;
    let (id, secret) = other.token().await;
    let revoked = other.telephone_with(&secret, "ours", &origin).await;

    assert_eq!(one.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    let ended = within(GONE, "a revoked token's telephone goes", revoked.ended()).await;
    assert!(ended.to_string().contains("revoked"), "{ended}");
    let path = format!("/api/v1/users/{}/deactivate", bob["id"].as_str().unwrap());
    assert_eq!(one.client().post(&path, &json!(null)).await.0, 200);
    assert_eq!(client.get("/api/v1/me").await.0, 401);
    let ended = within(GONE, "a deactivated account's telephone goes", telephone.ended()).await;
    assert!(ended.to_string().contains("deactivated"), "{ended}");
}

#[tokio::test]
async fn what_is_to_be_recorded_is_said_on_one_node_and_done_by_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("recorded").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let other = one.start_beside(&settings).await;
    let origin = Origin::mirror().await;
    lead(&one.client(), "app.example.com", &origin).await;
    let visitor = Client::new(other.address, "app.example.com");
    until(SOON, "the other node serves it", async || visitor.text("/").await.0 == 200).await;
    let api = one.client();
    let (status, said) = api.patch("/api/v1/domains/app.example.com/capture", &json!({"level": "headers"})).await;
    assert_eq!(status, 200, "{said}");
    // What it has recorded is in the list of both.
    until(SOON, "heads are recorded", async || {
        assert_eq!(visitor.text("/").await.0, 200);
        let found = api.get("/api/v1/domains/app.example.com/requests?header=host&limit=1").await.1;
        found["items"].as_array().is_some_and(|items| !items.is_empty())
    })
    .await;
}

#[tokio::test]
async fn what_one_node_records_is_live_on_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("watched").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str())];
    let one = Switchboard::start_with(&settings).await;
    let other = one.start_beside(&settings).await;
    let origin = Origin::mirror().await;
    lead(&one.client(), "app.example.com", &origin).await;
    lead(&one.client(), "else.example.com", &origin).await;
    let visitors = ["app.example.com", "else.example.com"].map(|host| Client::new(other.address, host));
    for visitor in &visitors {
        until(SOON, "the other node serves it", async || visitor.text("/").await.0 == 200).await;
    }
    let domain = one.client().get("/api/v1/domains/app.example.com").await.1;
    let mut request =
        format!("ws://localhost/ws/domains/{}", domain["id"].as_str().unwrap()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", one.bearer).parse().unwrap());
    let stream = TcpStream::connect(one.address).await.unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();

    let mut is_seen = false;
    while !is_seen {
        for visitor in &visitors {
            assert_eq!(visitor.text("/watched").await.0, 200);
        }
        // Something is said every five seconds, whatever is recorded.
        let message = within(SOON, "the socket says something", socket.next()).await.unwrap().unwrap();
        if let Ok(LiveUpdate::Requests(news)) = serde_json::from_slice(&message.into_data()) {
            assert!(news.requests.iter().all(|exchange| exchange.host == "app.example.com"), "{news:?}");
            is_seen = news.requests.iter().any(|exchange| exchange.path == "/watched");
        }
    }
}

#[tokio::test]
async fn telephones_follow_what_is_switched_on_another_node() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("announced").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let mut other = one.start_beside(&settings).await;
    other.sign_in().await;
    let (_, token) = one.token().await;
    let mut telephones = Vec::new();
    for tag in ["blue", "green"] {
        let origin = Origin::start(move |_| async move { http::Response::new(full(tag)) }).await;
        let host = Some("shop.example.com".to_owned());
        let service = Announcement { host, tag: Some(tag.to_owned()), ..Announcement::default() };
        let target = Target::parse(&origin.address.to_string()).unwrap();
        let telephone = Agent::builder(one.url(), &*token).target(target).announce(service).start().unwrap();
        telephone.ready().await.unwrap();
        telephones.push((telephone, origin));
    }
    let visitor = Client::new(one.address, "shop.example.com");
    assert_eq!(visitor.text("/").await, (200, "blue".to_owned()));
    // The other node knows the backends, and that none of their telephones is with it.
    let backends = other.client().get("/api/v1/backends").await.1;
    let all = backends["items"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|backend| backend["announced"] == true && backend["health"]["status"] == "unhealthy"));
    let green = json!({"new_tag": "green", "force": true});
    let (status, switched) = other.client().post("/api/v1/domains/shop.example.com/switch", &green).await;
    assert_eq!(status, 200, "{switched}");
    until(SOON, "requests move", async || visitor.text("/").await == (200, "green".to_owned())).await;
}

/// The node that was told to switch has no visitors.
#[tokio::test]
async fn a_switch_goes_back_on_all_nodes_when_one_of_them_sees_it_fail() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("returned").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let other = one.start_beside(&settings).await;
    let good = Origin::start(async |_| http::Response::new(full("good"))).await;
    let bad = Origin::start(async |_| http::Response::builder().status(500).body(full("bad")).unwrap()).await;
    let client = one.client();
    let service =
        json!({"name": "shop", "health_check": {"enabled": false}, "resilience": {"retries": 0, "eject_after": 0}});
    let made = client.post("/api/v1/services", &service).await;
    assert_eq!(made.0, 201, "{made:?}");
    for (tag, origin) in [("good", &good), ("bad", &bad)] {
        let address = origin.address.to_string();
        let backend = json!({"id": tag, "address": address, "tags": [tag], "service": "shop"});
        let made = client.post("/api/v1/backends", &backend).await;
        assert_eq!(made.0, 201, "{made:?}");
    }
    let domain = json!({"domain": "shop.example.com", "service": "shop", "enabled_backends_tag": "good"});
    let made = client.post("/api/v1/domains", &domain).await;
    assert_eq!(made.0, 201, "{made:?}");
    let visitors = [one.address, other.address].map(|address| Client::new(address, "shop.example.com"));
    for visitor in &visitors {
        until(SOON, "it is served", async || visitor.text("/").await.0 == 200).await;
    }
    let path = "/api/v1/domains/shop.example.com";
    for how in [
        json!({"new_tag": "bad", "plan": {"steps": [{"percent": 50, "seconds": 3600}], "max_error_rate": 0.2}}),
        json!({"new_tag": "bad", "watch": {"seconds": 3600, "max_error_rate": 0.2}}),
    ] {
        let (status, switched) = client.post(&format!("{path}/switch"), &how).await;
        assert_eq!(status, 200, "{switched}");
        until(SOON, "the node with visitors ends it", async || {
            visitors[1].text("/").await;
            client.get(&format!("{path}/switches")).await.1["items"][0]["state"] == "returned"
        })
        .await;
        for visitor in &visitors {
            until(SOON, "nobody is given what fails", async || {
                let mut statuses = Vec::new();
                for _ in 0..10 {
                    statuses.push(visitor.text("/").await.0);
                }
                statuses.iter().all(|status| *status == 200)
            })
            .await;
        }
    }
}

/// Everything is read when another process says that too much has changed to tell, and once that fails.
#[tokio::test]
async fn what_a_failed_reading_has_missed_is_read_with_the_next_change() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("failing").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let mut programs = Programs::start_with(&settings).await;
    let origin = Origin::mirror().await;
    lead(&programs.client(), "changed.example.com", &origin).await;
    let changed = Client::new(programs.address, "changed.example.com");
    until(SOON, "it is served", async || changed.text("/").await.0 == 200).await;

    let database = Database::connect(&url).await.unwrap();
    for statement in [
        // Only who reads everything looks at it.
        "ALTER TABLE regions RENAME TO away",
        "UPDATE domains SET deleted_at = updated_at WHERE host = 'changed.example.com'",
        "NOTIFY switchboard_routing, 'somebody *'",
    ] {
        database.execute_unprepared(statement).await.unwrap();
    }
    within(SOON, "the reading fails", programs.switchboard.line_with("the routing table was not refreshed")).await;
    assert_eq!(changed.text("/").await.0, 200);
    database.execute_unprepared("ALTER TABLE away RENAME TO regions").await.unwrap();

    lead(&programs.client(), "next.example.com", &origin).await;
    let next = Client::new(programs.address, "next.example.com");
    until(SOON, "the next change is served", async || next.text("/").await.0 == 200).await;
    until(SOON, "and what was missed", async || changed.text("/").await.0 == 404).await;
}

#[tokio::test]
async fn a_token_that_ends_on_one_node_ends_on_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("ended").unwrap();
    // So that nothing but the news can tell.
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let other = one.start_beside(&settings).await;
    let origin = Origin::mirror().await;
    let ((revoked, first), (rotated, second)) = (one.token().await, one.token().await);
    let telephones =
        [other.telephone_with(&first, "first", &origin).await, other.telephone_with(&second, "second", &origin).await];
    assert_eq!(one.client().delete(&format!("/api/v1/tokens/{revoked}")).await.0, 204);
    assert_eq!(one.client().post(&format!("/api/v1/tokens/{rotated}/rotate"), &json!(null)).await.0, 200);
    for telephone in telephones {
        within(GONE, "the telephone is sent away", telephone.ended()).await;
    }
}

/// Each is started for the first time and has made a key of its own. Nothing is sealed yet.
#[tokio::test]
async fn a_second_node_with_a_key_of_its_own_is_refused_until_it_has_the_firsts() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("keys").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str())];
    let second = Home::of_files();
    let run = async |command: &str| {
        let mut switchboard = tokio::process::Command::new(env!("CARGO_BIN_EXE_switchboard"));
        switchboard.args([command, "--data-dir"]).arg(second.path()).env("SWITCHBOARD_DATABASE_URL", &url);
        switchboard.env("SWITCHBOARD_LISTEN", "127.0.0.1:0").kill_on_drop(true).output().await.unwrap()
    };
    // Whoever prepares the database is none of its servers, and may have been given any key.
    let prepared = within(SOON, "it is prepared", run("migrate")).await;
    assert!(prepared.status.success(), "{prepared:?}");
    let one = Switchboard::start_with(&settings).await;
    for command in ["serve", "export"] {
        let refused = within(SOON, "it is refused", run(command)).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(78), "{said}");
        assert!(said.contains("sealing_key is not the key") && said.contains("copy the file sealing.key"), "{said}");
    }
    assert_eq!(one.client().get("/api/v1/me").await.0, 200, "the first one is not disturbed");
    // As it was told.
    let key = |home: &Home| home.path().join("sealing.key");
    std::fs::copy(key(one.home()), key(&second)).unwrap();
    let mut other = Switchboard::start_in(second, &settings).await;
    other.sign_in().await;
    let alert = json!({"name": "down", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/"});
    for node in [&one, &other] {
        assert_eq!(node.client().post("/api/v1/alerts", &alert).await.0, 201);
    }
    let listed = one.client().get("/api/v1/alerts").await.1;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
}
