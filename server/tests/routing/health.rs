//! Backends that are ill get no requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use http::Response;
use serde_json::json;

use super::setup::{Named, make, until_served, visitor};
use super::support::{Origin, Switchboard, full, until};

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
