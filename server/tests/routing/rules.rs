//! What rules do with a request on its way.

use http::{Method, Response};
use serde_json::json;

use super::setup::{Named, ask, change, make, unchecked_service, until_served, visitor};
use super::support::{Body, Origin, Switchboard, full, until};
use std::time::Duration;

#[tokio::test]
async fn a_mount_serves_what_is_under_it_and_the_domain_the_rest() {
    let switchboard = Switchboard::start().await;
    let mirror = Origin::mirror().await;
    let rest = Named::start("the rest").await;
    unchecked_service(&switchboard, "api", json!({})).await;
    unchecked_service(&switchboard, "rest", json!({})).await;
    make(&switchboard, "backends", json!({"address": mirror.address.to_string(), "service": "api"})).await;
    make(&switchboard, "backends", json!({"address": rest.address(), "service": "rest"})).await;
    make(&switchboard, "domains", json!({"domain": "app.example.com", "service": "rest"})).await;
    let api = json!({"domain": "app.example.com", "mount": "/api", "service": "api"});
    let route = make(&switchboard, "routes", api).await;
    let visitor = visitor(&switchboard, "app.example.com");
    until_served(&visitor, "/api", "GET /api\n").await;
    for (path, expected) in [
        ("/api/users?id=1", "GET /api/users?id=1\n"),
        ("/apix", "the rest"),
        ("/", "the rest"),
        // What is compared is what the backend sees: no spelling gets past a mount.
        ("/public/../api/users", "GET /api/users\n"),
        ("/%61pi/users", "GET /api/users\n"),
        ("/api/../secret", "the rest"),
    ] {
        let (status, text) = visitor.text(path).await;
        assert!(status == 200 && text.starts_with(expected), "{path}: {status} {text}");
    }
    assert_eq!(visitor.text("/api/%zz").await.0, 400);

    let id = route["id"].as_str().unwrap();
    change(&switchboard, &format!("routes/{id}"), json!({"strip_prefix": true})).await;
    until_served(&visitor, "/api/users?id=1", "GET /users?id=1\n").await;
    until_served(&visitor, "/api", "GET /\n").await;

    let below = json!({"domain": "app.example.com", "mount": "/api/v2", "service": "rest"});
    let (status, refused) = switchboard.client().post("/api/v1/routes", &below).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("mount_overlaps")), "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("/api"), "{refused}");
}

#[tokio::test]
async fn headers_and_host_are_changed_as_the_rule_says() {
    let switchboard = Switchboard::start().await;
    let mirror = Origin::mirror().await;
    unchecked_service(&switchboard, "mirror", json!({})).await;
    make(&switchboard, "backends", json!({"address": mirror.address.to_string(), "service": "mirror"})).await;
    let rules = json!({
        "domain": "app.example.com", "service": "mirror", "host_rewrite": "{backend}",
        "headers": {
            "request": {"set": {"x-added": "by the rule"}, "remove": ["x-secret"]},
            "response": {"set": {"cache-control": "no-store"}, "remove": ["server"]},
        },
    });
    make(&switchboard, "domains", rules).await;
    let visitor = visitor(&switchboard, "app.example.com");
    until_served(&visitor, "/", "x-added: by the rule\n").await;
    let (_, headers, seen) =
        ask(&visitor, Method::GET, "/", &[("x-secret", "1"), ("x-added", "2")], Body::default()).await;
    assert!(seen.contains(&format!("host: {}\n", mirror.address)), "{seen}");
    assert!(seen.contains("x-forwarded-host: app.example.com\n"), "{seen}");
    assert!(!seen.contains("x-secret") && !seen.contains("x-added: 2"), "{seen}");
    assert_eq!(headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_host_is_written_out_and_an_answer_loses_what_the_rule_takes_away() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let host = request.headers()["host"].clone();
        let answer = Response::builder().header("server", "secret/1.0").header("x-kept", "1");
        answer.body(full(host.as_bytes().to_vec())).unwrap()
    })
    .await;
    unchecked_service(&switchboard, "app", json!({})).await;
    make(&switchboard, "backends", json!({"address": origin.address.to_string(), "service": "app"})).await;
    let rules = json!({
        "domain": "app.example.com", "service": "app", "host_rewrite": "app.internal:8080",
        "headers": {"response": {"remove": ["Server"]}},
    });
    make(&switchboard, "domains", rules).await;
    let visitor = visitor(&switchboard, "app.example.com");
    until_served(&visitor, "/", "app.internal:8080").await;
    let (_, headers, _) = ask(&visitor, Method::GET, "/", &[], Body::default()).await;
    assert_eq!(headers["x-kept"], "1");
    assert!(!headers.contains_key("server"), "{headers:?}");
}

#[tokio::test]
async fn clients_are_sent_elsewhere() {
    // With a trusted proxy the first account would need the set-up code.
    let folder = Switchboard::start().await.stop().await;
    let mut switchboard = Switchboard::start_in(folder, &[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    switchboard.sign_in().await;
    let redirect = json!({"to": "https://new.example.com/shop", "status": 301});
    make(&switchboard, "domains", json!({"domain": "old.example.com", "redirect": redirect})).await;
    let backend = Named::start("secure").await;
    unchecked_service(&switchboard, "secure", json!({})).await;
    make(&switchboard, "backends", json!({"address": backend.address(), "service": "secure"})).await;
    make(&switchboard, "domains", json!({"domain": "tls.example.com", "service": "secure", "http_to_https": true}))
        .await;

    let old = visitor(&switchboard, "old.example.com");
    until(Duration::from_secs(10), "the redirect", async || old.text("/").await.0 == 301).await;
    let (_, headers, _) = ask(&old, Method::GET, "/cart?id=1", &[], Body::default()).await;
    assert_eq!(headers["location"], "https://new.example.com/shop/cart?id=1");

    let tls = visitor(&switchboard, "tls.example.com:8080");
    until(Duration::from_secs(10), "https", async || tls.text("/").await.0 == 308).await;
    let (status, headers, _) = ask(&tls, Method::POST, "/a?b", &[], Body::default()).await;
    assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (308, "https://tls.example.com/a?b"));
    let (status, _, text) = ask(&tls, Method::GET, "/a?b", &[("x-forwarded-proto", "https")], Body::default()).await;
    assert_eq!((status.as_u16(), text.as_str()), (200, "secure"));
    assert_eq!(backend.asked(), 1);
}
