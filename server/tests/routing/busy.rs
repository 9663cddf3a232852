//! Requests go to whoever has the least to do, and to whoever has just come back only by and by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use super::setup::{Named, make, unchecked_service, until_served, visitor};
use super::support::{Origin, Switchboard, full, until};

/// With two requests held by one of two backends, all others go to the other one. (Not with one: the answer before may be
/// here a moment before it no longer counts.)
async fn the_less_busy_serves(service: Value) {
    let switchboard = Switchboard::start().await;
    let (release, gate) = tokio::sync::watch::channel(false);
    let busy = Origin::start(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            Response::new(full("busy"))
        }
    })
    .await;
    let idle = Named::start("idle").await;
    unchecked_service(&switchboard, "pool", service).await;
    make(&switchboard, "backends", json!({"id": "busy", "address": busy.address.to_string(), "service": "pool"})).await;
    make(&switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(&switchboard, "pool.example.com");
    let held = [visitor.clone(), visitor.clone()].map(|visitor| {
        tokio::spawn(async move {
            loop {
                let answer = visitor.text("/").await;
                if answer.0 != 404 {
                    return answer;
                }
            }
        })
    });
    until(Duration::from_secs(10), "two in flight", async || {
        switchboard.client().get("/api/v1/backends/busy").await.1["in_flight"] == 2
    })
    .await;
    make(&switchboard, "backends", json!({"id": "idle", "address": idle.address(), "service": "pool"})).await;
    // The next one waits as well, until the table has both.
    until(Duration::from_secs(10), "both are there", async || {
        let asked = tokio::time::timeout(Duration::from_millis(200), visitor.text("/")).await;
        asked.is_ok_and(|(status, text)| status == 200 && text == "idle")
    })
    .await;
    for _ in 0..50 {
        assert_eq!(visitor.text("/").await, (200, "idle".to_owned()));
    }
    release.send(true).unwrap();
    for held in held {
        assert_eq!(held.await.unwrap(), (200, "busy".to_owned()));
    }
}

#[tokio::test]
async fn two_choices_avoid_who_is_busy_without_being_asked_to() {
    the_less_busy_serves(json!({})).await;
}

#[tokio::test]
async fn least_connections_avoid_who_is_busy() {
    the_less_busy_serves(json!({"balance": "least_connections"})).await;
}

#[tokio::test]
async fn who_recovers_starts_slowly() {
    let switchboard = Switchboard::start().await;
    let steady = Named::start("steady").await;
    let health = Arc::new(AtomicU16::new(200));
    let status = health.clone();
    let back = Origin::start(move |request| {
        let status = if request.uri().path() == "/health" { status.load(Ordering::Relaxed) } else { 200 };
        async move { Response::builder().status(status).body(full("back")).unwrap() }
    })
    .await;
    let service = json!({
        "name": "pool", "balance": "weighted", "resilience": {"slow_start_seconds": 3600},
        "health_check": {"interval_seconds": 1, "healthy_after": 1, "unhealthy_after": 1},
    });
    make(&switchboard, "services", service).await;
    make(&switchboard, "backends", json!({"id": "steady", "address": steady.address(), "service": "pool"})).await;
    make(&switchboard, "backends", json!({"id": "back", "address": back.address.to_string(), "service": "pool"})).await;
    make(&switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(&switchboard, "pool.example.com");
    until_served(&visitor, "/", "back").await;
    let is = async |wanted: &str| {
        until(Duration::from_secs(20), wanted, async || {
            switchboard.client().get("/api/v1/backends/back").await.1["health"]["status"] == wanted
        })
        .await;
    };
    let share = async || {
        let mut share = 0;
        for _ in 0..100 {
            share += usize::from(visitor.text("/").await.1 == "back");
        }
        share
    };
    is("healthy").await;
    assert!((45..=55).contains(&share().await));
    health.store(500, Ordering::Relaxed);
    is("unhealthy").await;
    assert_eq!(share().await, 0);
    health.store(200, Ordering::Relaxed);
    is("healthy").await;
    let share = share().await;
    assert!((1..=20).contains(&share), "{share} of 100 go to who has just come back");
}
