//! Which host leads where.

use serde_json::json;

use super::setup::{Named, make, unchecked_service, until_served, visitor};
use super::support::{Origin, Switchboard};

#[tokio::test]
async fn the_bare_calls_of_the_virtual_host_system_make_a_domain_that_serves() {
    let switchboard = Switchboard::start().await;
    let backend = Named::start("web-1").await;
    make(&switchboard, "backends", json!({"id": "web-1", "address": backend.address(), "tags": ["v1"]})).await;
    let domain = json!({"domain": "app.example.com", "enabled_backends_tag": "v1", "http_to_https": false});
    make(&switchboard, "domains", domain).await;
    until_served(&visitor(&switchboard, "app.example.com"), "/", "web-1").await;
    let spelled = visitor(&switchboard, "APP.Example.com.:8080");
    assert_eq!(spelled.text("/any/path?at=all").await, (200, "web-1".to_owned()));
    let (status, text) = visitor(&switchboard, "other.example.com").text("/").await;
    assert_eq!((status, text.trim()), (404, "Service Not Found"));
}

#[tokio::test]
async fn a_backend_sees_the_request_as_it_was_and_whose_it_is() {
    let switchboard = Switchboard::start().await;
    let mirror = Origin::mirror().await;
    unchecked_service(&switchboard, "mirror", json!({})).await;
    make(&switchboard, "backends", json!({"address": mirror.address.to_string(), "service": "mirror"})).await;
    make(&switchboard, "domains", json!({"domain": "*.auth.example.com", "service": "mirror"})).await;
    let tenant = visitor(&switchboard, "tenant1.auth.example.com");
    until_served(&tenant, "/", "GET /").await;
    let (status, seen) = tenant.text("/a%20b/c?d=e&f").await;
    assert_eq!(status, 200);
    assert!(seen.starts_with("GET /a%20b/c?d=e&f\n"), "{seen}");
    for line in ["host: tenant1.auth.example.com\n", "x-forwarded-for: 127.0.0.1\n", "x-forwarded-proto: http\n"] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert_eq!(telephone::tenant::resolve("tenant1.auth.example.com", "auth.example.com").as_deref(), Some("tenant1"));
}

#[tokio::test]
async fn the_most_specific_host_serves() {
    let switchboard = Switchboard::start().await;
    let (exact, near, far, any) =
        tokio::join!(Named::start("exact"), Named::start("near"), Named::start("far"), Named::start("any"));
    for backend in [("exact", &exact), ("near", &near), ("far", &far), ("any", &any)] {
        unchecked_service(&switchboard, backend.0, json!({})).await;
        make(&switchboard, "backends", json!({"address": backend.1.address(), "service": backend.0})).await;
    }
    make(&switchboard, "domains", json!({"domain": "*.example.com", "service": "far"})).await;
    make(&switchboard, "domains", json!({"domain": "*.shop.example.com", "service": "near"})).await;
    make(&switchboard, "domains", json!({"domain": "a.shop.example.com", "service": "exact"})).await;
    make(&switchboard, "routes", json!({"mount": "/status", "service": "any"})).await;
    for (host, path, expected) in [
        ("a.shop.example.com", "/status", "exact"),
        ("b.shop.example.com", "/", "near"),
        ("b.c.shop.example.com", "/", "near"),
        ("shop.example.com", "/", "far"),
        ("elsewhere.test", "/status/now", "any"),
    ] {
        until_served(&visitor(&switchboard, host), path, expected).await;
    }
    assert_eq!(visitor(&switchboard, "example.com").text("/").await.0, 404);
    assert_eq!(visitor(&switchboard, "elsewhere.test").text("/statusx").await.0, 404);
}

#[tokio::test]
async fn a_domain_leads_to_a_tunnel() {
    let switchboard = Switchboard::start().await;
    let mirror = Origin::mirror().await;
    let _telephone = switchboard.telephone("blog", &mirror).await;
    make(&switchboard, "domains", json!({"domain": "blog.example.com", "tunnel": "blog"})).await;
    until_served(&visitor(&switchboard, "blog.example.com"), "/post", "host: blog.example.com").await;
}

#[tokio::test]
async fn no_wildcard_takes_the_names_of_tunnels() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_TUNNEL_DOMAIN", "tunnels.example.com")]).await;
    let backend = Named::start("wildcard").await;
    unchecked_service(&switchboard, "all", json!({})).await;
    make(&switchboard, "backends", json!({"address": backend.address(), "service": "all"})).await;
    make(&switchboard, "domains", json!({"domain": "*.example.com", "service": "all"})).await;
    until_served(&visitor(&switchboard, "shop.example.com"), "/", "wildcard").await;
    assert_eq!(visitor(&switchboard, "nobody.tunnels.example.com").text("/").await.0, 404);
}
