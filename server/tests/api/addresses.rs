//! Where what members enter may lead.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::answer::{OPEN, member};
use crate::setup::{answers, backend, create, get, health, nobody, origin, post, put, visitor};
use crate::support::{Body, Client, Switchboard, until};

const SOON: std::time::Duration = std::time::Duration::from_secs(20);

/// A domain of Bob's that leads to this address.
async fn entered(switchboard: &Switchboard, bob: &Client, address: &str) -> Value {
    let admin = switchboard.client();
    create(bob, "services", json!({"name": "default", "health_check": {"enabled": false}})).await;
    let made = create(bob, "backends", json!({"id": "web", "address": address, "tags": ["v1"]})).await;
    let domain = json!({"domain": "bob.example.com", "owner": "bob@example.com", "enabled_backends_tag": "v1"});
    create(&admin, "domains", domain).await;
    made
}

#[tokio::test]
async fn a_written_address_inside_is_refused_when_it_is_saved() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let own = switchboard.address.to_string();
    for address in [
        "127.0.0.1:3000",
        "10.0.0.7:80",
        "192.168.1.9:80",
        "https://[::1]",
        "[::ffff:169.254.169.254]:80",
        "[2002:a00:5::]:80",
        "unix:/run/app.sock",
        &own,
    ] {
        let refused = post(&bob, "backends", json!({"id": "web", "address": address})).await;
        assert_eq!(refused.at_fault(), (422, "address"), "{address}: {refused:?}");
    }
    let refused = post(&bob, "backends", json!({"id": "web", "address": "10.0.0.7:80"})).await;
    let message = refused.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("private network") && message.contains("member_networks"), "{message}");
    create(&bob, "backends", json!({"id": "web", "address": "192.0.2.7:80"})).await;
    assert_eq!(put(&bob, "backends/web", json!({"address": "10.0.0.7:80"})).await.at_fault(), (422, "address"));
    // An administrator makes it the member's all the same.
    let for_bob = json!({"id": "web-2", "owner": "bob@example.com", "address": "10.0.0.7:80"});
    assert_eq!(post(&switchboard.client(), "backends", for_bob).await.at_fault(), (422, "address"));
    create(&switchboard.client(), "backends", json!({"id": "own", "address": "10.0.0.7:80"})).await;

    let hook = json!({"name": "down", "kind": "tunnel_offline", "webhook": "http://169.254.169.254/latest"});
    assert_eq!(post(&bob, "alerts", hook.clone()).await.at_fault(), (422, "webhook"));
    create(&switchboard.client(), "alerts", hook).await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let capture = [OPEN, &[("SWITCHBOARD_CAPTURE_LEVEL", "headers")]].concat();
    let switchboard = Switchboard::start_with(&capture).await;
    let inside = origin("inside").await;
    let bob = member(&switchboard).await;
    let made = entered(&switchboard, &bob, &format!("localhost:{}", inside.address.port())).await;
    let domain = get(&bob, "domains/bob.example.com").await.json["id"].as_str().unwrap().to_owned();
    let visitor = visitor(&switchboard, "bob.example.com");
    until(SOON, "the domain is routed", async || visitor.text("/").await.0 != 404).await;

    // The visitor.
    let answer = visitor.send(visitor.request(Method::GET, "/secret").body(Body::default()).unwrap()).await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["x-switchboard-error"], "address_refused");
    // What explains, by what the name was found to be.
    let explained = post(&bob, "routes/explain", json!({"url": "http://bob.example.com/"})).await.json;
    assert_eq!(explained["outcome"]["code"], "address_refused", "{explained}");
    assert!(explained.to_string().contains("may not be connected to"), "{explained}");
    // The inspector, and a replay.
    let place = format!("domains/{domain}/requests/{id}");
    until(SOON, "it is recorded", async || get(&bob, &place).await.status == StatusCode::OK).await;
    let recorded = get(&bob, &place).await.json;
    assert_eq!((&recorded["status"], &recorded["error"]), (&json!(502), &json!("address_refused")), "{recorded}");
    let replayed = post(&bob, &format!("{place}/replay"), json!({"to": {"backend": made["key"]}})).await;
    assert_eq!(replayed.status, 200, "{replayed:?}");
    let again = replayed.json["exchanges"][0]["id"].as_str().unwrap().to_owned();
    let place = format!("domains/{domain}/requests/{again}");
    until(SOON, "the replay is recorded", async || get(&bob, &place).await.status == StatusCode::OK).await;
    let recorded = get(&bob, &place).await.json;
    assert_eq!((&recorded["status"], &recorded["error"]), (&json!(502), &json!("address_refused")), "{recorded}");
    // The health check, and with it the backend's page.
    let check = json!({"enabled": true, "path": "/", "interval_seconds": 1, "unhealthy_after": 1});
    put(&bob, "services/default", json!({"health_check": check})).await;
    health(&bob, "web", "unhealthy").await;
    let detail = get(&bob, "backends/web").await.json["health"].to_string();
    assert!(detail.contains("may not be connected to") && detail.contains("member_networks"), "{detail}");
}

#[tokio::test]
async fn networks_that_an_administrator_allows_are_reached_but_not_this_server() {
    let settings = [OPEN, &[("SWITCHBOARD_MEMBER_NETWORKS", "127.0.0.0/8, ::1")]].concat();
    let switchboard = Switchboard::start_with(&settings).await;
    let inside = origin("inside").await;
    let bob = member(&switchboard).await;
    entered(&switchboard, &bob, &inside.address.to_string()).await;
    let check = json!({"path": "/", "interval_seconds": 1, "unhealthy_after": 1});
    create(&bob, "services", json!({"name": "checked", "health_check": check})).await;
    answers(&switchboard, "bob.example.com", "/", 200, "inside").await;
    for own in [switchboard.address, switchboard.metrics] {
        let refused = post(&bob, "backends", json!({"address": own.to_string()})).await;
        assert_eq!(refused.at_fault(), (422, "address"));
        assert!(refused.json.to_string().contains("is this switchboard itself"), "{refused:?}");
        let by_name = json!({"id": format!("own-{}", own.port()), "service": "checked", "address": format!("localhost:{}", own.port())});
        create(&bob, "backends", by_name).await;
        health(&bob, &format!("own-{}", own.port()), "unhealthy").await;
        let shown = get(&bob, &format!("backends/own-{}", own.port())).await.json;
        assert!(shown["health"].to_string().contains("is this switchboard itself"), "{shown}");
    }
    assert_eq!(post(&bob, "backends", json!({"address": "10.0.0.7:80"})).await.at_fault(), (422, "address"));
    // An administrator's may be anywhere, without a setting.
    let switchboard = Switchboard::start().await;
    let admin = switchboard.client();
    backend(&admin, "web", &inside, &["v1"]).await;
    create(&admin, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    answers(&switchboard, "app.example.com", "/", 200, "inside").await;
    create(&admin, "backends", json!({"id": "gone", "address": nobody().await})).await;
}
