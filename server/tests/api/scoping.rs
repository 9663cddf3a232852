//! What is someone else's is not there.

use serde_json::{Value, json};

use crate::answer::{OPEN, call, member};
use crate::support::Switchboard;

const NOBODYS: &str = "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00";

#[tokio::test]
async fn a_member_finds_nothing_of_others_and_changes_nothing() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (owner, stranger) = (switchboard.client(), member(&switchboard).await);
    let tunnel = call(&owner, "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await.json;
    let (token, _) = switchboard.token().await;
    let before = owner.get(&format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap())).await.1;

    for id in [tunnel["id"].as_str().unwrap(), NOBODYS, "no-id"] {
        for (method, path, body) in [
            ("GET", format!("/api/v1/tunnels/{id}"), Value::Null),
            ("PATCH", format!("/api/v1/tunnels/{id}"), json!({"name": "mine"})),
            ("DELETE", format!("/api/v1/tunnels/{id}"), Value::Null),
            ("POST", format!("/api/v1/tunnels/{id}/pause"), Value::Null),
            ("POST", format!("/api/v1/tunnels/{id}/resume"), Value::Null),
            ("POST", format!("/api/v1/tunnels/{id}/restore"), Value::Null),
            ("GET", format!("/api/v1/tunnels/{id}/stats"), Value::Null),
            ("GET", format!("/api/v1/tunnels/{id}/metrics"), Value::Null),
            ("GET", format!("/api/v1/tunnels/{id}/breakdown"), Value::Null),
            ("GET", format!("/api/v1/tunnels/{id}/sessions"), Value::Null),
        ] {
            assert_eq!(call(&stranger, method, &path, body).await.refusal(), (404, "not_found"), "{method} {path}");
        }
    }
    for id in [&token, NOBODYS, "no-id"] {
        for (method, path) in
            [("DELETE", format!("/api/v1/tokens/{id}")), ("POST", format!("/api/v1/tokens/{id}/rotate"))]
        {
            assert_eq!(
                call(&stranger, method, &path, Value::Null).await.refusal(),
                (404, "not_found"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(stranger.get("/api/v1/tunnels").await.1["items"], json!([]));
    assert_eq!(stranger.get("/api/v1/tokens").await.1["items"], json!([]));
    let taken = call(&stranger, "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await;
    assert_eq!(taken.refusal(), (409, "subdomain_taken"));

    let after = owner.get(&format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap())).await.1;
    assert_eq!(after, before);
    assert_eq!(owner.get("/api/v1/tokens").await.1["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_signing_in_there_is_nothing_at_all() {
    let switchboard = Switchboard::start().await;
    let nobody = switchboard.client().bearer("");
    for (method, path) in [
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens"),
        ("DELETE", "/api/v1/tokens/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"),
        ("POST", "/api/v1/tokens/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00/rotate"),
        ("GET", "/api/v1/tunnels"),
        ("POST", "/api/v1/tunnels"),
        ("GET", "/api/v1/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"),
        ("PATCH", "/api/v1/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"),
        ("DELETE", "/api/v1/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"),
        ("GET", "/api/v1/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00/stats"),
        ("GET", "/api/v1/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00/breakdown"),
        ("GET", "/api/v1/traffic/metrics"),
        ("GET", "/api/v1/traffic/breakdown"),
        ("GET", "/api/v1/services"),
        ("POST", "/api/v1/services"),
        ("DELETE", "/api/v1/services/shop"),
        ("GET", "/api/v1/services/shop/health"),
        ("GET", "/api/v1/backends"),
        ("POST", "/api/v1/backends"),
        ("PUT", "/api/v1/backends/web-1"),
        ("GET", "/api/v1/domains"),
        ("POST", "/api/v1/domains"),
        ("PUT", "/api/v1/domains/app.example.com"),
        ("POST", "/api/v1/domains/app.example.com/switch"),
        ("POST", "/api/v1/domains/app.example.com/verify"),
        ("GET", "/api/v1/routes"),
        ("POST", "/api/v1/routes"),
        ("POST", "/api/v1/routes/explain"),
        ("GET", "/api/v1/regions"),
        ("POST", "/api/v1/regions"),
        ("GET", "/api/v1/nodes"),
        ("GET", "/api/v1/revisions"),
        ("POST", "/api/v1/revisions/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00/restore"),
        ("GET", "/web/data/history?subject=all&range=live"),
        ("GET", "/ws/user"),
    ] {
        assert_eq!(call(&nobody, method, path, Value::Null).await.refusal(), (401, "unauthorized"), "{method} {path}");
    }
    assert_eq!(nobody.get("/api/v1/health").await, (200, json!({"status": "ready"})));
}

#[tokio::test]
async fn what_administrators_make_for_somebody_is_theirs() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let bodies = [
        ("tunnels", json!({"subdomain": "shop"})),
        ("services", json!({"name": "shop"})),
        ("backends", json!({"id": "web", "address": "backend.example.com:80"})),
        ("domains", json!({"domain": "app.example.com"})),
        ("routes", json!({"domain": "app.example.com", "mount": "/api", "service": "shop"})),
    ];
    for (what, mut body) in bodies {
        let path = format!("/api/v1/{what}");
        body["owner"] = json!("bob@example.com");
        let made = call(&admin, "POST", &path, body.clone()).await;
        assert_eq!(made.status, 201, "{what}: {made:?}");
        assert_eq!(bob.get(&path).await.1["items"].as_array().unwrap().len(), 1, "{what}");
        // Others do not, nor does anybody for who is not there.
        body["owner"] = json!(Switchboard::EMAIL);
        assert_eq!(call(&bob, "POST", &path, body.clone()).await.at_fault(), (422, "owner"), "{what}");
        body["owner"] = json!("nobody@example.com");
        assert_eq!(call(&admin, "POST", &path, body).await.at_fault(), (422, "owner"), "{what}");
    }
}
