//! Backends that are ill get no requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use http::Response;
use serde_json::json;

use super::setup::{Named, make, until_served, visitor};
use super::support::{Origin, Switchboard, full, until, within};

#[tokio::test]
async fn an_ill_backend_serves_nobody_until_it_is_well_again() {
    let switchboard = Switchboard::start().await;
    let status = Arc::new(AtomicU16::new(200));
    let health = status.clone();
    let origin = Origin::start(move |request| {
        let status = if request.uri().path() == "/ready" { health.load(Ordering::Relaxed) } else { 200 };
        async move { Response::builder().status(status).body(full("ill")).unwrap() }
    })
    .await;
    let check = json!({"path": "/ready", "interval_seconds": 1, "timeout_ms": 500, "unhealthy_after": 2});
    make(&switchboard, "services", json!({"name": "pool", "health_check": check})).await;
    make(&switchboard, "backends", json!({"id": "ill", "address": origin.address.to_string(), "service": "pool"}))
        .await;
    make(&switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(&switchboard, "pool.example.com");
    until_served(&visitor, "/", "ill").await;
    let health = async || switchboard.client().get("/api/v1/backends/ill").await.1["health"]["status"].clone();
    until(Duration::from_secs(20), "healthy", async || health().await == "healthy").await;

    status.store(500, Ordering::Relaxed);
    until(Duration::from_secs(20), "unhealthy", async || health().await == "unhealthy").await;
    let (status_now, text) = visitor.text("/").await;
    assert_eq!((status_now, text.trim()), (503, "Service Unavailable - VM not responding"));

    let well = Named::start("well").await;
    let other = json!({"id": "well", "address": well.address(), "service": "pool"});
    make(&switchboard, "backends", other).await;
    until_served(&visitor, "/", "well").await;
    for _ in 0..10 {
        assert_eq!(visitor.text("/").await, (200, "well".to_owned()));
    }
    status.store(204, Ordering::Relaxed);
    until(Duration::from_secs(20), "healthy again", async || health().await == "healthy").await;
    until_served(&visitor, "/", "ill").await;
}

#[tokio::test]
async fn a_check_that_hangs_holds_up_no_request_and_ends_in_time() {
    let switchboard = Switchboard::start().await;
    let (checked, mut checks) = tokio::sync::mpsc::channel(1);
    let origin = Origin::start(move |request| {
        let checked = checked.clone();
        async move {
            if request.uri().path() == "/health" {
                checked.try_send(()).ok();
                std::future::pending::<()>().await;
            }
            Response::new(full("served"))
        }
    })
    .await;
    let check = json!({"interval_seconds": 60, "timeout_ms": 8000, "unhealthy_after": 1});
    make(&switchboard, "services", json!({"name": "pool", "health_check": check})).await;
    let backend = json!({"id": "slow", "address": origin.address.to_string(), "service": "pool"});
    make(&switchboard, "backends", backend).await;
    make(&switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    within(Duration::from_secs(10), "a check", checks.recv()).await.unwrap();
    let status = async || switchboard.client().get("/api/v1/backends/slow").await.1["health"]["status"].clone();
    let visitor = visitor(&switchboard, "pool.example.com");
    until_served(&visitor, "/", "served").await;
    assert_eq!(status().await, "unknown", "the check goes on");
    until(Duration::from_secs(40), "it has taken too long", async || status().await == "unhealthy").await;
}

#[tokio::test]
async fn what_counts_as_well_is_the_owners_to_say_and_no_check_is_led_elsewhere() {
    let switchboard = Switchboard::start().await;
    let (elsewhere, led) = (Arc::new(AtomicU16::new(0)), Arc::new(AtomicU16::new(0)));
    let counted = led.clone();
    let other = Origin::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { Response::new(full("reached")) }
    })
    .await;
    elsewhere.store(other.address.port(), Ordering::Relaxed);
    let redirecting = Origin::start(move |_| {
        let location = format!("http://127.0.0.1:{}/", elsewhere.load(Ordering::Relaxed));
        async move { Response::builder().status(302).header("location", location).body(full("moved")).unwrap() }
    })
    .await;
    for (service, more, expected) in
        [("any", json!({}), "healthy"), ("strict", json!({"statuses": "200"}), "unhealthy")]
    {
        let mut check = json!({"interval_seconds": 1, "healthy_after": 2, "unhealthy_after": 2});
        check.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        make(&switchboard, "services", json!({"name": service, "health_check": check})).await;
        let backend = json!({"id": service, "address": redirecting.address.to_string(), "service": service});
        make(&switchboard, "backends", backend).await;
        let path = format!("/api/v1/backends/{service}");
        until(Duration::from_secs(20), expected, async || {
            switchboard.client().get(&path).await.1["health"]["status"] == expected
        })
        .await;
    }
    assert_eq!(led.load(Ordering::Relaxed), 0, "redirects are answers");
}

#[tokio::test]
async fn where_an_owner_says_nothing_the_servers_settings_hold() {
    let settings = [("SWITCHBOARD_HEALTH_INTERVAL", "1s"), ("SWITCHBOARD_HEALTH_TIMEOUT", "300ms")];
    let switchboard = Switchboard::start_with(&settings).await;
    let (checked, mut checks) = tokio::sync::mpsc::channel(16);
    let origin = Origin::start(move |_| {
        checked.try_send(()).ok();
        std::future::pending()
    })
    .await;
    make(&switchboard, "services", json!({"name": "pool"})).await;
    let backend = json!({"id": "stuck", "address": origin.address.to_string(), "service": "pool"});
    make(&switchboard, "backends", backend).await;
    // By default they come every ten seconds, and wait for two.
    let soon = Duration::from_secs(8);
    for _ in 0..3 {
        within(soon, "a check", checks.recv()).await.unwrap();
    }
    let health = async || switchboard.client().get("/api/v1/backends/stuck").await.1["health"].clone();
    until(soon, "it has taken too long", async || health().await["status"] == "unhealthy").await;
}
