//! From one tag to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Response};
use serde_json::{Value, json};

use super::setup::{Named, ask, change, make, unchecked_service, until_served, visitor};
use super::support::{Body, Origin, Switchboard, full, text, until, within};

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

/// A shop with a backend for each of two tags, the first of which is enabled.
async fn shop(switchboard: &Switchboard, backends: [(&str, &Origin); 2]) -> super::support::Client {
    let more = json!({"resilience": {"retries": 0, "eject_after": 0}});
    unchecked_service(switchboard, "shop", more).await;
    for (tag, backend) in backends {
        let fields = json!({"id": tag, "address": backend.address.to_string(), "tags": [tag], "service": "shop"});
        make(switchboard, "backends", fields).await;
    }
    let tag = backends[0].0;
    let domain = json!({"domain": "shop.example.com", "service": "shop", "enabled_backends_tag": tag});
    make(switchboard, "domains", domain).await;
    let visitor = visitor(switchboard, "shop.example.com");
    until_served(&visitor, "/", tag).await;
    visitor
}

#[tokio::test]
async fn what_is_under_way_ends_where_it_began() {
    let switchboard = Switchboard::start().await;
    let (release, gate) = tokio::sync::watch::channel(false);
    let (held, mut is_held) = tokio::sync::mpsc::channel(2);
    let blue = Origin::start(move |request| {
        let (mut gate, held) = (gate.clone(), held.clone());
        async move {
            if request.uri().path() == "/held" {
                held.send(()).await.unwrap();
                gate.wait_for(|open| *open).await.unwrap();
            }
            Response::new(full("blue"))
        }
    })
    .await;
    let green = Named::start("green").await;
    let visitor = shop(&switchboard, [("blue", &blue), ("green", &green.origin)]).await;
    // Not only what could be sent again.
    let waiting = [Method::GET, Method::POST].map(|method| {
        let visitor = visitor.clone();
        tokio::spawn(async move { ask(&visitor, method, "/held", &[], full("body")).await })
    });
    for _ in 0..2 {
        within(Duration::from_secs(10), "the request", is_held.recv()).await.unwrap();
    }
    switch(&switchboard, json!({"new_tag": "green"})).await;
    until_served(&visitor, "/", "green").await;
    for state in ["draining", "stopped"] {
        change(&switchboard, "backends/blue", json!({"state": state})).await;
    }
    assert_eq!(switchboard.client().delete("/api/v1/backends/blue").await.0, 204);
    assert_eq!(visitor.text("/").await, (200, "green".to_owned()));
    release.send(true).unwrap();
    for one in waiting {
        let (status, _, text) = within(Duration::from_secs(10), "the answer", one).await.unwrap();
        assert_eq!((status.as_u16(), text.as_str()), (200, "blue"));
    }
}

async fn switch(switchboard: &Switchboard, fields: Value) {
    let (status, switched) = switchboard.client().post("/api/v1/domains/shop.example.com/switch", &fields).await;
    assert_eq!(status, 200, "{switched}");
}

async fn last_switch(switchboard: &Switchboard) -> Value {
    let (status, list) = switchboard.client().get("/api/v1/domains/shop.example.com/switches").await;
    assert_eq!(status, 200, "{list}");
    list["items"][0].clone()
}

#[tokio::test]
async fn a_gradual_switch_sends_more_and_more_and_is_done() {
    let switchboard = Switchboard::start().await;
    let (blue, green) = tokio::join!(Named::start("blue"), Named::start("green"));
    let visitor = shop(&switchboard, [("blue", &blue.origin), ("green", &green.origin)]).await;
    let steps = json!([{"percent": 50, "seconds": 3}, {"percent": 100, "seconds": 1}]);
    switch(&switchboard, json!({"new_tag": "green", "plan": {"steps": steps, "max_error_rate": 0.1}})).await;
    let (mut blues, mut greens) = (0, 0);
    until(Duration::from_secs(20), "both serve", async || {
        match visitor.text("/").await.1.as_str() {
            "blue" => blues += 1,
            _ => greens += 1,
        }
        greens > 3 && blues > 3
    })
    .await;
    assert_eq!(last_switch(&switchboard).await["state"], "running");
    until(Duration::from_secs(30), "it is done", async || last_switch(&switchboard).await["state"] == "done").await;
    until_served(&visitor, "/", "green").await;
    for _ in 0..20 {
        assert_eq!(visitor.text("/").await, (200, "green".to_owned()));
    }
}

/// Waits until the switch of the shop has gone back by itself, because of what `reason` says, while somebody visits.
async fn until_returned(switchboard: &Switchboard, reason: &str, visit: impl AsyncFn()) {
    until(Duration::from_secs(30), "it goes back", async || {
        visit().await;
        last_switch(switchboard).await["state"] == "returned"
    })
    .await;
    let why = last_switch(switchboard).await["reason"].as_str().unwrap().to_owned();
    assert!(why.contains(reason), "{why}");
}

#[tokio::test]
async fn a_switch_goes_back_by_itself_when_the_new_tag_is_slow() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let slow = Origin::start(async |_| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Response::new(full("slow"))
    })
    .await;
    let visitor = shop(&switchboard, [("good", &good.origin), ("slow", &slow)]).await;
    let plan = json!({"steps": [{"percent": 100, "seconds": 3600}], "max_latency_ms": 20});
    switch(&switchboard, json!({"new_tag": "slow", "plan": plan})).await;
    until_returned(&switchboard, "20 ms is the limit", async || drop(visitor.text("/").await)).await;
    until_served(&visitor, "/", "good").await;
}

/// Who hangs answers nothing that could be measured, and its visitors do not wait for ever.
#[tokio::test]
async fn a_switch_goes_back_by_itself_when_visitors_give_up_waiting() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let hanging = Origin::start(async |_| std::future::pending().await).await;
    let visitor = shop(&switchboard, [("good", &good.origin), ("hanging", &hanging)]).await;
    let plan = json!({"steps": [{"percent": 100, "seconds": 3600}], "max_latency_ms": 20});
    switch(&switchboard, json!({"new_tag": "hanging", "plan": plan})).await;
    until_returned(&switchboard, "20 ms is the limit", async || {
        let mut connection = visitor.connect().await;
        let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
        tokio::time::timeout(Duration::from_millis(100), connection.send_request(request)).await.ok();
    })
    .await;
    until_served(&visitor, "/", "good").await;
}

/// What another domain does with the same tag neither hides its failures nor makes up for them.
#[tokio::test]
async fn each_switch_looks_after_its_own_requests() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let bad = Origin::start(async |request| {
        let status = if request.headers()["host"] == "shop.example.com" { 500 } else { 200 };
        Response::builder().status(status).body(full("bad")).unwrap()
    })
    .await;
    let visitor = shop(&switchboard, [("good", &good.origin), ("bad", &bad)]).await;
    let other = json!({"domain": "other.example.com", "service": "shop", "enabled_backends_tag": "good"});
    make(&switchboard, "domains", other).await;
    let others = super::setup::visitor(&switchboard, "other.example.com");
    until_served(&others, "/", "good").await;
    let plan = |rate: f64| json!({"steps": [{"percent": 100, "seconds": 3600}], "max_error_rate": rate});
    let (status, switched) = switchboard
        .client()
        .post("/api/v1/domains/other.example.com/switch", &json!({"new_tag": "bad", "plan": plan(0.9)}))
        .await;
    assert_eq!(status, 200, "{switched}");
    until_served(&others, "/", "bad").await;
    switch(&switchboard, json!({"new_tag": "bad", "plan": plan(0.8)})).await;
    until_returned(&switchboard, "answers were errors", async || {
        visitor.text("/").await;
        for _ in 0..4 {
            assert_eq!(others.text("/").await, (200, "bad".to_owned()));
        }
    })
    .await;
    until_served(&visitor, "/", "good").await;
    let (_, list) = switchboard.client().get("/api/v1/domains/other.example.com/switches").await;
    assert_eq!(list["items"][0]["state"], "running", "the other one goes on: {list}");
}

#[tokio::test]
async fn a_switch_goes_back_by_itself_when_the_new_tag_fails() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let bad = Origin::start(async |_| Response::builder().status(500).body(full("bad")).unwrap()).await;
    let visitor = shop(&switchboard, [("good", &good.origin), ("bad", &bad)]).await;
    let plan = json!({"steps": [{"percent": 50, "seconds": 3600}], "max_error_rate": 0.2});
    switch(&switchboard, json!({"new_tag": "bad", "plan": plan})).await;
    until_returned(&switchboard, "errors", async || drop(visitor.text("/").await)).await;
    until(Duration::from_secs(10), "only the old tag serves", async || {
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(visitor.text("/").await.0);
        }
        statuses.iter().all(|status| *status == 200)
    })
    .await;
}

async fn enabled(switchboard: &Switchboard) -> Value {
    switchboard.client().get("/api/v1/domains/shop.example.com").await.1["enabled_backends_tag"].clone()
}

#[tokio::test]
async fn a_switch_that_is_made_at_once_can_be_watched_and_goes_back() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let bad = Origin::start(async |_| Response::builder().status(500).body(full("bad")).unwrap()).await;
    let visitor = shop(&switchboard, [("good", &good.origin), ("bad", &bad)]).await;
    switch(&switchboard, json!({"new_tag": "bad", "watch": {"seconds": 3600, "max_error_rate": 0.2}})).await;
    assert_eq!(enabled(&switchboard).await, "bad", "at once");
    let running = last_switch(&switchboard).await;
    assert_eq!((&running["mode"], &running["state"]), (&json!("at_once"), &json!("running")), "{running}");
    until_returned(&switchboard, "answers were errors", async || drop(visitor.text("/").await)).await;
    assert_eq!(enabled(&switchboard).await, "good");
    until_served(&visitor, "/", "good").await;
    let (_, revisions) = switchboard.client().get("/api/v1/revisions").await;
    let [back, there] = [0, 1].map(|at| &revisions["items"][at]);
    assert_eq!((&back["action"], &back["actor_email"]), (&json!("switched"), &Value::Null), "{revisions}");
    assert_eq!((&there["action"], &there["actor_email"]), (&json!("switched"), &json!(Switchboard::EMAIL)));
}

#[tokio::test]
async fn a_switch_that_is_under_way_is_watched_on_after_a_restart() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let bad = Origin::start(async |_| Response::builder().status(500).body(full("bad")).unwrap()).await;
    shop(&switchboard, [("good", &good.origin), ("bad", &bad)]).await;
    let plan = json!({"steps": [{"percent": 50, "seconds": 3600}], "max_error_rate": 0.2});
    switch(&switchboard, json!({"new_tag": "bad", "plan": plan})).await;
    let mut switchboard = Switchboard::start_in(switchboard.stop().await, &[]).await;
    switchboard.sign_in().await;
    let visitor = visitor(&switchboard, "shop.example.com");
    assert_eq!(last_switch(&switchboard).await["state"], "running");
    until_returned(&switchboard, "errors", async || drop(visitor.text("/").await)).await;
}

#[tokio::test]
async fn a_watched_switch_is_done_in_time_or_when_it_is_wanted() {
    let switchboard = Switchboard::start().await;
    let (blue, green) = tokio::join!(Named::start("blue"), Named::start("green"));
    let visitor = shop(&switchboard, [("blue", &blue.origin), ("green", &green.origin)]).await;
    switch(&switchboard, json!({"new_tag": "green", "mode": "at_once", "watch": {"seconds": 1}})).await;
    until_served(&visitor, "/", "green").await;
    until(Duration::from_secs(20), "it is done", async || last_switch(&switchboard).await["state"] == "done").await;
    assert_eq!(enabled(&switchboard).await, "green");

    let long = json!({"new_tag": "blue", "watch": {"seconds": 3600}});
    for _ in 0..2 {
        switch(&switchboard, long.clone()).await;
        assert_eq!(last_switch(&switchboard).await["state"], "running", "asked for twice it goes on");
    }
    switch(&switchboard, json!({"new_tag": "blue"})).await;
    assert_eq!(last_switch(&switchboard).await["state"], "done");
    assert_eq!(enabled(&switchboard).await, "blue");
    until_served(&visitor, "/", "blue").await;
}

/// Where nobody is to go back to, bad answers are better than none.
#[tokio::test]
async fn a_watched_switch_stays_when_nobody_runs_that_served_before() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let bad = Origin::start(async |_| Response::builder().status(500).body(full("bad")).unwrap()).await;
    let visitor = shop(&switchboard, [("good", &good.origin), ("bad", &bad)]).await;
    switch(&switchboard, json!({"new_tag": "bad", "watch": {"seconds": 3600}})).await;
    change(&switchboard, "backends/good", json!({"state": "stopped"})).await;
    until(Duration::from_secs(40), "it has ended", async || {
        visitor.text("/").await;
        last_switch(&switchboard).await["state"] == "done"
    })
    .await;
    let why = last_switch(&switchboard).await["reason"].as_str().unwrap().to_owned();
    assert!(why.contains("no backend runs"), "{why}");
    assert_eq!(enabled(&switchboard).await, "bad");
}
