use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::answer::{OPEN, member};
use crate::setup::{answers, backend, create, get, health, nobody, origin, post, put, visitor};
use crate::support::{Body, Client, Origin, Switchboard, text, until};

/// A domain whose tag is `v1`, and the web servers behind `v1` and `v2`.
async fn app(switchboard: &Switchboard) -> (Client, [Origin; 2]) {
    let client = switchboard.client();
    let origins = [origin("v1").await, origin("v2").await];
    for (tag, origin) in ["v1", "v2"].into_iter().zip(&origins) {
        backend(&client, &format!("web-{tag}"), origin, &[tag]).await;
    }
    create(&client, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    answers(switchboard, "app.example.com", "/", 200, "v1").await;
    (client, origins)
}

#[tokio::test]
async fn a_switch_moves_all_traffic_and_is_remembered() {
    let switchboard = Switchboard::start().await;
    let (client, _origins) = app(&switchboard).await;
    let switched = post(&client, "domains/app.example.com/switch", json!({"new_tag": "v2"})).await;
    assert_eq!((switched.status, &switched.json["enabled_backends_tag"]), (200, &json!("v2")));
    answers(&switchboard, "app.example.com", "/", 200, "v2").await;
    let again = post(&client, "domains/app.example.com/switch", json!({"new_tag": "v2", "mode": "at_once"})).await;
    assert_eq!(again.status, 200, "what is enabled already can be asked for");

    let route =
        create(&client, "routes", json!({"domain": "app.example.com", "mount": "/api", "enabled_backends_tag": "v1"}))
            .await;
    let path = format!("routes/{}", route["id"].as_str().unwrap());
    answers(&switchboard, "app.example.com", "/api", 200, "v1").await;
    let switched = post(&client, &format!("{path}/switch"), json!({"new_tag": "v2"})).await;
    assert_eq!((switched.status, &switched.json["enabled_backends_tag"]), (200, &json!("v2")));
    answers(&switchboard, "app.example.com", "/api", 200, "v2").await;

    for path in ["domains/app.example.com", &path] {
        let switches = get(&client, &format!("{path}/switches")).await.json;
        let switches = switches["items"].as_array().unwrap();
        assert_eq!(switches.len(), 1, "{switches:?}");
        assert_eq!(
            (&switches[0]["from_tag"], &switches[0]["to_tag"], &switches[0]["state"], &switches[0]["mode"]),
            (&json!("v1"), &json!("v2"), &json!("done"), &json!("at_once"))
        );
    }
}

#[tokio::test]
async fn a_switch_that_makes_no_sense_is_refused() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (client, _origins) = app(&switchboard).await;
    for (body, expected) in [
        (json!({}), (400, "(none)")),
        (json!({"new_tag": "v2", "tag": "v2"}), (400, "tag")),
        (json!({"new_tag": "not a tag"}), (422, "new_tag")),
        (json!({"new_tag": "v3"}), (400, "new_tag")),
        (json!({"new_tag": "v3", "force": true}), (400, "new_tag")),
        (json!({"new_tag": "v2", "mode": "slowly"}), (400, "mode")),
        (json!({"new_tag": "v2", "mode": "gradual"}), (422, "plan")),
        (json!({"new_tag": "v2", "plan": {"steps": []}}), (422, "plan")),
        (json!({"new_tag": "v2", "mode": "at_once", "plan": {"steps": [{"percent": 9, "seconds": 9}]}}), (422, "plan")),
        (json!({"new_tag": "v2", "watch": {}, "plan": {"steps": [{"percent": 9, "seconds": 9}]}}), (422, "watch")),
        (json!({"new_tag": "v2", "watch": {"seconds": 0}}), (422, "watch")),
        (json!({"new_tag": "v2", "watch": {"steps": []}}), (400, "watch.steps")),
    ] {
        let answer = post(&client, "domains/app.example.com/switch", body.clone()).await;
        assert_eq!(answer.at_fault(), expected, "{body}");
    }
    create(&client, "domains", json!({"domain": "old.example.com", "redirect": {"to": "/"}})).await;
    let redirect = post(&client, "domains/old.example.com/switch", json!({"new_tag": "v2"})).await;
    assert_eq!(redirect.refusal(), (409, "no_tag"));
    let bob = member(&switchboard).await;
    let theirs = post(&bob, "domains/app.example.com/switch", json!({"new_tag": "v2"})).await;
    assert_eq!(theirs.refusal(), (404, "not_found"));
    assert_eq!(get(&bob, "domains/app.example.com/switch?new_tag=v2").await.refusal(), (404, "not_found"));
    assert_eq!(get(&bob, "domains/app.example.com/switches").await.refusal(), (404, "not_found"));
    assert_eq!(get(&client, "domains/app.example.com").await.json["enabled_backends_tag"], "v1");
    assert_eq!(get(&client, "domains/app.example.com/switches").await.json["items"], json!([]));
}

#[tokio::test]
async fn a_switch_can_go_step_by_step_and_back() {
    let switchboard = Switchboard::start().await;
    let (client, _origins) = app(&switchboard).await;
    let plan = json!({"steps": [{"percent": 50, "seconds": 3600}], "max_error_rate": 0.05});
    let began = post(&client, "domains/app.example.com/switch", json!({"new_tag": "v2", "plan": plan})).await;
    assert_eq!((began.status, &began.json["enabled_backends_tag"]), (200, &json!("v1")), "{began:?}");
    let newest = async || get(&client, "domains/app.example.com/switches").await.json["items"][0].clone();
    let running = newest().await;
    assert_eq!((&running["state"], &running["mode"], &running["plan"]), (&json!("running"), &json!("gradual"), &plan));
    answers(&switchboard, "app.example.com", "/", 200, "v2").await;
    answers(&switchboard, "app.example.com", "/", 200, "v1").await;

    assert_eq!(post(&client, "domains/app.example.com/switch", json!({"new_tag": "v1"})).await.status, 200);
    assert_eq!(newest().await["state"], "cancelled");
    let short = json!({"new_tag": "v2", "mode": "gradual", "plan": {"steps": [{"percent": 100, "seconds": 1}]}});
    assert_eq!(post(&client, "domains/app.example.com/switch", short).await.status, 200);
    until(Duration::from_secs(20), "the switch is done", async || newest().await["state"] == "done").await;
    assert_eq!(get(&client, "domains/app.example.com").await.json["enabled_backends_tag"], "v2");
}

#[tokio::test]
async fn a_target_that_nobody_could_serve_is_refused_unless_forced() {
    let switchboard = Switchboard::start().await;
    let (client, _origins) = app(&switchboard).await;
    let path = "domains/app.example.com/switch";
    let preview = get(&client, &format!("{path}?new_tag=v2")).await;
    assert_eq!((preview.status, &preview.json["refused"]), (200, &Value::Null), "{preview:?}");
    assert_eq!((&preview.json["from_tag"], &preview.json["to_tag"]), (&json!("v1"), &json!("v2")));
    assert_eq!((&preview.json["service"], &preview.json["backends"][0]["id"]), (&json!("default"), &json!("web-v2")));
    let unknown = get(&client, &format!("{path}?new_tag=v3")).await;
    assert_eq!((&unknown.json["refused"]["code"], &unknown.json["backends"]), (&json!("unknown_tag"), &json!([])));

    put(&client, "backends/web-v2", json!({"state": "stopped"})).await;
    assert_eq!(post(&client, path, json!({"new_tag": "v2"})).await.refusal(), (409, "no_backends"));
    assert_eq!(get(&client, &format!("{path}?new_tag=v2")).await.json["refused"]["code"], "no_backends");

    let check = json!({"health_check": {"path": "/", "interval_seconds": 1, "unhealthy_after": 1}});
    put(&client, "services/default", check).await;
    put(&client, "backends/web-v2", json!({"state": "running", "address": nobody().await})).await;
    health(&client, "web-v2", "unhealthy").await;
    let unhealthy = get(&client, &format!("{path}?new_tag=v2")).await.json;
    assert_eq!(unhealthy["refused"]["code"], "unhealthy_target");
    assert_eq!(unhealthy["backends"][0]["health"]["status"], "unhealthy");
    assert_eq!(post(&client, path, json!({"new_tag": "v2"})).await.refusal(), (409, "unhealthy_target"));
    answers(&switchboard, "app.example.com", "/", 200, "v1").await;
    assert_eq!(get(&client, "domains/app.example.com/switches").await.json["items"], json!([]), "looking does nothing");

    assert_eq!(get(&client, &format!("{path}?new_tag=v2&force=true")).await.json["refused"], Value::Null);
    assert_eq!(post(&client, path, json!({"new_tag": "v2", "force": true})).await.status, 200);
    answers(&switchboard, "app.example.com", "/", 503, "").await;
    assert_eq!(post(&client, path, json!({"new_tag": "v1"})).await.status, 200);
    answers(&switchboard, "app.example.com", "/", 200, "v1").await;
}

/// What the visitors of a switch have seen.
#[derive(Default)]
struct Seen {
    answers: AtomicU64,
    /// Whether the last switch is behind us.
    settled: AtomicBool,
    over: AtomicBool,
}

/// Asks again and again on one connection, and counts the answers.
async fn visit(client: Client, seen: Arc<Seen>) -> BTreeMap<String, u64> {
    let mut connection = client.connect().await;
    let mut counts = BTreeMap::new();
    while !seen.over.load(Ordering::Acquire) {
        let settled = seen.settled.load(Ordering::Acquire);
        connection.ready().await.unwrap();
        let request = client.request(Method::GET, "/").body(Body::default()).unwrap();
        let response = connection.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = text(response).await;
        assert!(!settled || body == "v2", "after the last switch {body} answers");
        *counts.entry(body).or_default() += 1;
        seen.answers.fetch_add(1, Ordering::AcqRel);
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_because_of_a_switch() {
    const VISITORS: usize = 32;
    const BETWEEN: u64 = 10 * VISITORS as u64;
    let switchboard = Switchboard::start().await;
    let (client, _origins) = app(&switchboard).await;
    let seen = Arc::new(Seen::default());
    let mut visitors = JoinSet::new();
    for _ in 0..VISITORS {
        visitors.spawn(visit(visitor(&switchboard, "app.example.com"), seen.clone()));
    }
    let more = async |what: &str| {
        let enough = seen.answers.load(Ordering::Acquire) + BETWEEN;
        until(Duration::from_secs(30), what, async || seen.answers.load(Ordering::Acquire) >= enough).await;
    };
    more("visitors are served").await;
    for tag in ["v2", "v1", "v2"] {
        let switched = post(&client, "domains/app.example.com/switch", json!({"new_tag": tag})).await;
        assert_eq!(switched.status, 200, "{switched:?}");
        answers(&switchboard, "app.example.com", "/", 200, tag).await;
        if tag == "v2" && get(&client, "domains/app.example.com/switches").await.json["items"][2].is_object() {
            seen.settled.store(true, Ordering::Release);
        }
        more(tag).await;
    }
    seen.over.store(true, Ordering::Release);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(visited) = visitors.join_next().await {
        // A visitor that was refused something has panicked.
        for (body, count) in visited.unwrap() {
            *counts.entry(body).or_default() += count;
        }
    }
    assert!(seen.settled.load(Ordering::Acquire));
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["v1", "v2"], "{counts:?}");
    assert!(counts.values().all(|count| *count >= BETWEEN), "{counts:?}");
}
