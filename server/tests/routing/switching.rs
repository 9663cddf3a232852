//! From one tag to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::setup::{Named, make, unchecked_service, until_served, visitor};
use super::support::{Body, Switchboard, text, until};

#[tokio::test]
async fn a_switch_under_load_loses_no_request() {
    let switchboard = Switchboard::start().await;
    let (blue, green) = tokio::join!(Named::start("blue"), Named::start("green"));
    unchecked_service(&switchboard, "shop", json!({})).await;
    for (tag, backend) in [("blue", &blue), ("green", &green)] {
        let fields = json!({"id": tag, "address": backend.address(), "tags": [tag], "service": "shop"});
        make(&switchboard, "backends", fields).await;
    }
    make(
        &switchboard,
        "domains",
        json!({"domain": "shop.example.com", "service": "shop", "enabled_backends_tag": "blue"}),
    )
    .await;
    let visitor = visitor(&switchboard, "shop.example.com");
    until_served(&visitor, "/", "blue").await;

    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (visitor, over, asked) = (visitor.clone(), over.clone(), asked.clone());
            tokio::spawn(async move {
                let mut connection = visitor.connect().await;
                while !over.load(Ordering::Relaxed) {
                    connection.ready().await.unwrap();
                    let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
                    let response = connection.send_request(request).await.unwrap();
                    assert_eq!(response.status(), 200);
                    let text = text(response).await;
                    assert!(text == "blue" || text == "green", "{text}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for tag in ["green", "blue", "green", "blue", "green"] {
        let (status, switched) =
            switchboard.client().post("/api/v1/domains/shop.example.com/switch", &json!({"new_tag": tag})).await;
        assert_eq!(status, 200, "{switched}");
        let (before, target) = (asked.load(Ordering::Relaxed), if tag == "green" { &green } else { &blue });
        let served = target.asked();
        until(Duration::from_secs(20), "the switch is seen", async || {
            target.asked() > served + 50 && asked.load(Ordering::Relaxed) > before + 50
        })
        .await;
    }
    let blue_now = blue.asked();
    let green_now = green.asked();
    until(Duration::from_secs(20), "only green", async || green.asked() > green_now + 200).await;
    assert!(blue.asked() <= blue_now + 16, "what was under way ends where it began");
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
}
