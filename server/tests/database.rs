//! A PostgreSQL server behind one node or two.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use support::{Client, Home, Origin, Programs, Switchboard, full, until, within};
use telephone::{Agent, Announcement, Target};

const SOON: Duration = Duration::from_secs(20);

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
    let other = Switchboard::start_in(Home::new(), &settings).await;
    let origin = Origin::mirror().await;
    lead(&one.client(), "app.example.com", &origin).await;
    let visitor = Client::new(other.address, "app.example.com");
    until(SOON, "the other node serves it", async || visitor.text("/").await.0 == 200).await;
    assert_eq!(one.client().delete("/api/v1/domains/app.example.com").await.0, 204);
    until(SOON, "the other node serves it no longer", async || visitor.text("/").await.0 == 404).await;
}

#[tokio::test]
async fn what_is_to_be_recorded_is_said_on_one_node_and_done_by_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("recorded").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let other = Switchboard::start_in(Home::new(), &settings).await;
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
async fn telephones_follow_what_is_switched_on_another_node() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("announced").unwrap();
    let settings = [("SWITCHBOARD_DATABASE_URL", url.as_str()), ("SWITCHBOARD_UPDATE_INTERVAL", "1h")];
    let one = Switchboard::start_with(&settings).await;
    let mut other = Switchboard::start_in(Home::new(), &settings).await;
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
