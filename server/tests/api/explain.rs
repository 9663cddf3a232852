use serde_json::{Value, json};

use crate::answer::{Answer, OPEN, member};
use crate::setup::{answers, backend, create, health, nobody, origin, post, put};
use crate::support::{Client, Switchboard};

async fn explain(client: &Client, url: &str) -> Answer {
    post(client, "routes/explain", json!({"url": url})).await
}

fn decisions(explanation: &Value, about: &str) -> Vec<(bool, String)> {
    let steps = explanation["steps"].as_array().unwrap().iter().filter(|step| step["about"] == about);
    steps.map(|step| (step["yes"].as_bool().unwrap(), step["text"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn each_decision_is_told_with_its_reason() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (well, other) = (origin("well").await, origin("other").await);
    let check = json!({"name": "default", "health_check": {"path": "/", "interval_seconds": 1, "unhealthy_after": 1}});
    create(&client, "services", check).await;
    backend(&client, "well", &well, &["v1"]).await;
    backend(&client, "other", &other, &["v2"]).await;
    create(&client, "backends", json!({"id": "ill", "address": nobody().await, "tags": ["v1"]})).await;
    create(&client, "domains", json!({"domain": "app.example.com"})).await;
    let route =
        json!({"domain": "app.example.com", "mount": "/api", "strip_prefix": true, "enabled_backends_tag": "v1"});
    let route = create(&client, "routes", route).await;
    answers(&switchboard, "app.example.com", "/api", 200, "well").await;
    health(&client, "ill", "unhealthy").await;

    let explained = explain(&client, "http://app.example.com/api/users?id=1").await;
    assert_eq!(explained.status, 200, "{explained:?}");
    let told = &explained.json;
    assert_eq!((&told["host"], &told["path"]), (&json!("app.example.com"), &json!("/api/users")));
    let outcome = &told["outcome"];
    assert_eq!(
        (&outcome["kind"], &outcome["name"], &outcome["tag"], &outcome["target"]),
        (&json!("service"), &json!("default"), &json!("v1"), &json!("/users?id=1"))
    );
    assert_eq!(outcome["rule"], json!({"kind": "route", "id": route["id"]}));
    let candidates = outcome["candidates"].as_array().unwrap();
    let of = |id: &str| candidates.iter().find(|candidate| candidate["id"] == id);
    assert_eq!(of("well").unwrap()["chosen"], true);
    let ill = of("ill").unwrap();
    assert_eq!((&ill["chosen"], &ill["health"]), (&json!(false), &json!("unhealthy")));
    assert!(ill["reason"].as_str().unwrap().contains("health check"), "{ill}");
    assert!(of("other").is_none(), "it has another tag");
    for about in ["host", "mount", "target", "tag", "backend"] {
        assert!(!decisions(told, about).is_empty(), "{about}: {told}");
    }

    let nowhere = explain(&client, "http://app.example.com/other").await.json;
    assert_eq!((&nowhere["outcome"]["kind"], &nowhere["outcome"]["status"]), (&json!("error"), &json!(404)));
    assert!(decisions(&nowhere, "mount").contains(&(false, "there is no mount /other".to_owned())), "{nowhere}");
    assert!(decisions(&nowhere, "target").iter().all(|(yes, _)| !yes), "{nowhere}");
    put(&client, "backends/well", json!({"state": "stopped"})).await;
    answers(&switchboard, "app.example.com", "/api", 503, "").await;
    let nobody = explain(&client, "app.example.com/api").await.json;
    assert_eq!((&nobody["outcome"]["kind"], &nobody["outcome"]["status"]), (&json!("error"), &json!(503)));
    assert_eq!(nobody["outcome"]["candidates"][0]["id"], "ill");
    assert_eq!(explain(&client, &switchboard.url()).await.json["outcome"]["kind"], "dashboard");
}

#[tokio::test]
async fn a_tunnel_that_nobody_serves_is_offline_and_a_paused_one_is_paused_whatever_stands_in_front_of_it() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_HOLD_TIMEOUT", "0s")]).await;
    let client = switchboard.client();
    let tunnel = create(&client, "tunnels", json!({"subdomain": "lonely"})).await;
    let id = tunnel["id"].as_str().unwrap();
    create(&client, "domains", json!({"domain": "app.example.com", "tunnel": "lonely"})).await;
    let becomes = async |status: u16, code: &str| {
        for host in ["app.example.com", "lonely.localhost"] {
            answers(&switchboard, host, "/", status, "").await;
            let told = explain(&client, host).await.json;
            assert_eq!(
                (&told["outcome"]["status"], &told["outcome"]["code"]),
                (&json!(status), &json!(code)),
                "{told}"
            );
        }
    };
    becomes(503, "tunnel_offline").await;
    for of in ["domains/app.example.com", &format!("tunnels/{id}")] {
        assert_eq!(put(&client, &format!("{of}/front"), json!({"deny": ["127.0.0.0/8"]})).await.status, 200, "{of}");
    }
    becomes(403, "network_denied").await;
    assert_eq!(post(&client, &format!("tunnels/{id}/pause"), Value::Null).await.status, 200);
    becomes(503, "tunnel_paused").await;
}

#[tokio::test]
async fn of_what_is_someone_elses_nothing_is_told() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let web = origin("web").await;
    backend(&admin, "web", &web, &["v1"]).await;
    create(&admin, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    answers(&switchboard, "app.example.com", "/", 200, "web").await;
    let told = explain(&bob, "http://app.example.com/").await;
    assert_eq!((told.status, &told.json["outcome"]), (200, &json!({"kind": "someone_elses"})));
    assert_eq!(told.json["steps"], json!([]));
    assert_eq!(explain(&bob.clone().bearer(""), "http://app.example.com/").await.refusal(), (401, "unauthorized"));
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (body, expected) in [
        (json!({}), (400, "(none)")),
        (json!({"url": "http://app.example.com", "path": "/"}), (400, "path")),
        (json!({"url": "ftp://app.example.com"}), (422, "url")),
        (json!({"url": ""}), (422, "url")),
        (json!({"url": "http://app.example.com", "method": "G E T"}), (422, "method")),
        (json!({"url": "http://app.example.com", "headers": {"no name": "x"}}), (422, "headers")),
        (json!({"url": "http://app.example.com", "client": "somewhere"}), (422, "client")),
    ] {
        assert_eq!(post(&client, "routes/explain", body.clone()).await.at_fault(), expected, "{body}");
    }
}
