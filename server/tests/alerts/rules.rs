//! Alerts by the API.

use serde_json::{Value, json};

use crate::answer::{OPEN, call, member};
use crate::support::Switchboard;

const URL: &str = "https://hooks.example.com/a";

#[tokio::test]
async fn an_alert_is_made_changed_and_deleted() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let rule = json!({"name": " shop fails ", "kind": "error_share", "limit": 0.05, "webhook": URL});
    let made = call(&client, "POST", "/api/v1/alerts", rule).await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.json["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("sbw_") && secret.len() == 47, "{secret}");
    let path = format!("/api/v1/alerts/{}", made.json["id"].as_str().unwrap());
    assert_eq!(made.headers["location"], path.as_str());
    let shown = call(&client, "GET", &path, Value::Null).await.json;
    assert_eq!(
        (&shown["name"], &shown["for_seconds"], &shown["enabled"]),
        (&json!("shop fails"), &json!(60), &json!(true))
    );
    assert!(shown["secret"].is_null());
    let listed = call(&client, "GET", "/api/v1/alerts", Value::Null).await.json;
    assert_eq!(listed["items"], json!([shown]));

    let changed =
        call(&client, "PUT", &path, json!({"limit": 0.1, "enabled": false, "webhook": "https://b.example/"})).await;
    assert_eq!((changed.status, &changed.json["limit"], &changed.json["enabled"]), (200, &json!(0.1), &json!(false)));
    assert!(changed.json["secret"].is_null(), "the secret stays");
    let rotated = call(&client, "POST", &format!("{path}/rotate"), Value::Null).await.json["secret"].clone();
    assert!(rotated.is_string() && rotated != json!(secret));
    assert_eq!(call(&client, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(call(&client, "GET", &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_named() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let nobody = "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00";
    for (rule, status, field) in [
        (json!({"kind": "tunnel_offline", "webhook": URL, "email": "a@example.com"}), 422, "webhook"),
        (json!({"kind": "tunnel_offline"}), 422, "webhook"),
        (json!({"kind": "tunnel_offline", "webhook": "ftp://a.example/"}), 422, "webhook"),
        (json!({"kind": "tunnel_offline", "webhook": URL, "limit": 1}), 422, "limit"),
        (json!({"kind": "error_share", "webhook": URL}), 422, "limit"),
        (json!({"kind": "error_share", "webhook": URL, "limit": 1}), 422, "limit"),
        (json!({"kind": "latency", "webhook": URL, "limit": 0}), 422, "limit"),
        (json!({"kind": "latency", "webhook": URL, "limit": 5, "for_seconds": 86_401}), 422, "for_seconds"),
        (json!({"kind": "backend_unhealthy", "webhook": URL, "tunnel_id": nobody}), 422, "tunnel_id"),
        (json!({"kind": "tunnel_offline", "webhook": URL, "service_id": nobody}), 422, "service_id"),
        (json!({"kind": "tunnel_offline", "webhook": URL, "tunnel_id": nobody}), 404, "(none)"),
        (json!({"kind": "latency", "limit": 5, "webhook": URL, "service_id": nobody}), 404, "(none)"),
        (json!({"kind": "certificate", "webhook": URL}), 400, "kind"),
        (json!({"kind": "latency", "webhook": URL, "colour": 1}), 400, "colour"),
    ] {
        let mut rule = rule;
        rule["name"] = json!("a");
        let refused = call(&client, "POST", "/api/v1/alerts", rule.clone()).await;
        assert_eq!(refused.at_fault(), (status, field), "{rule} {refused:?}");
    }
}

#[tokio::test]
async fn alerts_are_their_owners_and_test_notices_are_few() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (ada, bob) = (switchboard.client(), member(&switchboard).await);
    let rule = json!({"name": "a", "kind": "tunnel_offline", "webhook": URL});
    let made = call(&bob, "POST", "/api/v1/alerts", rule).await.json;
    let path = format!("/api/v1/alerts/{}", made["id"].as_str().unwrap());
    for (method, path) in
        [("GET", path.clone()), ("PUT", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/test"))]
    {
        let body = if method == "PUT" { json!({"name": "b"}) } else { Value::Null };
        assert_eq!(call(&ada, method, &path, body).await.status, 404, "{method} {path}");
    }
    let tunnel = call(&ada, "POST", "/api/v1/tunnels", json!({"subdomain": "adas"})).await.json["id"].clone();
    let about = call(&bob, "PUT", &path, json!({"tunnel_id": tunnel})).await;
    assert_eq!(about.status, 404, "{about:?}");
    for _ in 0..5 {
        assert_eq!(call(&bob, "POST", &format!("{path}/test"), Value::Null).await.status, 202);
    }
    assert_eq!(call(&bob, "POST", &format!("{path}/test"), Value::Null).await.refusal(), (429, "throttled"));
    let of_ada = call(&ada, "GET", "/api/v1/alerts/events", Value::Null).await.json;
    assert_eq!(of_ada["items"], json!([]));
    let first = call(&bob, "GET", "/api/v1/alerts/events?limit=3", Value::Null).await.json;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = call(&bob, "GET", &format!("/api/v1/alerts/events?limit=3&cursor={cursor}"), Value::Null).await.json;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (2, &Value::Null));
}
