//! Backends of other regions.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use serde_json::json;

use super::setup::{Named, make, unchecked_service, until_served, visitor};
use super::support::{Body, Origin, Switchboard, until};

/// A side whose only backend is in the other region, and that other side, which serves it.
async fn far_and_near(settings: &[(&str, &str)]) -> (Switchboard, Switchboard, Origin) {
    // Some settings ask the first account for a set-up code.
    let home = Switchboard::start().await.stop().await;
    let mut eu = Switchboard::start_in(home, &[&[("SWITCHBOARD_REGION", "eu")], settings].concat()).await;
    eu.sign_in().await;
    let us = Switchboard::start_with(&[("SWITCHBOARD_REGION", "us")]).await;
    // The us side knows the backend directly, the eu side only that it is there.
    let mirror = Origin::mirror().await;
    let unreachable = "10.255.255.1:9";
    unchecked_service(&us, "pool", json!({})).await;
    let here = json!({"address": mirror.address.to_string(), "service": "pool", "region": "us"});
    make(&us, "backends", here).await;
    make(&us, "domains", json!({"domain": "app.example.com", "service": "pool"})).await;

    make(&eu, "regions", json!({"name": "us", "public_url": us.url()})).await;
    unchecked_service(&eu, "pool", json!({})).await;
    make(&eu, "backends", json!({"address": unreachable, "service": "pool", "region": "us"})).await;
    make(&eu, "domains", json!({"domain": "app.example.com", "service": "pool"})).await;
    (eu, us, mirror)
}

#[tokio::test]
async fn a_backend_of_another_region_is_reached_through_it() {
    let (eu, _us, _mirror) = far_and_near(&[]).await;
    let visitor = visitor(&eu, "app.example.com");
    until_served(&visitor, "/a?b", "GET /a?b\n").await;
    let (_, seen) = visitor.text("/").await;
    assert!(seen.contains("host: app.example.com\n"), "{seen}");
    assert!(!seen.contains("x-switchboard-hop"), "{seen}");
}

#[tokio::test]
async fn the_other_region_is_asked_for_the_host_that_was_routed() {
    let (eu, _us, _mirror) = far_and_near(&[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.1,::1")]).await;
    let visitor = visitor(&eu, "app.example.com");
    until_served(&visitor, "/", "GET /\n").await;
    // The proxy in front was asked for another name, and tells so: nothing is routed by that.
    let request = visitor.request(Method::GET, "/").header("x-forwarded-host", "shop.example.net");
    let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(seen.contains("host: app.example.com\n"), "{seen}");
}

#[tokio::test]
async fn a_backend_of_another_region_is_not_checked_from_here() {
    let eu = Switchboard::start_with(&[("SWITCHBOARD_REGION", "eu")]).await;
    let us = Switchboard::start_with(&[("SWITCHBOARD_REGION", "us")]).await;
    let mirror = Origin::mirror().await;
    make(&us, "services", json!({"name": "pool"})).await;
    let here = json!({"address": mirror.address.to_string(), "service": "pool", "region": "us"});
    make(&us, "backends", here).await;
    make(&us, "domains", json!({"domain": "app.example.com", "service": "pool"})).await;

    // As long as nobody says where the region is, the address is all there is, and nobody answers there.
    let check = json!({"interval_seconds": 1, "timeout_ms": 500, "unhealthy_after": 1});
    make(&eu, "services", json!({"name": "pool", "health_check": check})).await;
    let nobody = json!({"id": "far", "address": "127.0.0.1:9", "service": "pool", "region": "us"});
    make(&eu, "backends", nobody).await;
    make(&eu, "domains", json!({"domain": "app.example.com", "service": "pool"})).await;
    let health = async || eu.client().get("/api/v1/backends/far").await.1["health"]["status"].clone();
    until(Duration::from_secs(60), "it is found unhealthy", async || health().await == "unhealthy").await;
    make(&eu, "regions", json!({"name": "us", "public_url": us.url()})).await;
    let visitor = visitor(&eu, "app.example.com");
    until_served(&visitor, "/a?b", "GET /a?b\n").await;
    until(Duration::from_secs(60), "it is the other region's to say", async || health().await != "unhealthy").await;
}

#[tokio::test]
async fn the_own_region_comes_first_and_nothing_goes_in_circles() {
    let eu = Switchboard::start_with(&[("SWITCHBOARD_REGION", "eu")]).await;
    let us = Switchboard::start_with(&[("SWITCHBOARD_REGION", "us")]).await;
    let near = Named::start("near").await;
    for (one, its, other) in [(&eu, "eu", &us), (&us, "us", &eu)] {
        let others = if its == "eu" { "us" } else { "eu" };
        make(one, "regions", json!({"name": others, "public_url": other.url()})).await;
        unchecked_service(one, "far", json!({})).await;
        make(one, "backends", json!({"address": "10.255.255.1:9", "service": "far", "region": others})).await;
        make(one, "domains", json!({"domain": "loop.example.com", "service": "far"})).await;
    }
    unchecked_service(&eu, "near", json!({})).await;
    make(&eu, "backends", json!({"address": near.address(), "service": "near", "region": "eu"})).await;
    make(&eu, "backends", json!({"address": "10.255.255.1:9", "service": "near", "region": "us"})).await;
    make(&eu, "domains", json!({"domain": "near.example.com", "service": "near"})).await;
    let near_visitor = visitor(&eu, "near.example.com");
    until_served(&near_visitor, "/", "near").await;
    for _ in 0..10 {
        assert_eq!(near_visitor.text("/").await, (200, "near".to_owned()));
    }
    // Each side believes that the other one has it: the second one says so instead of sending it back.
    let (status, text) = visitor(&eu, "loop.example.com").text("/").await;
    assert_eq!((status, text.trim()), (503, "Service Unavailable - VM not responding"));
}
