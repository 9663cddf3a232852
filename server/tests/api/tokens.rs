use serde_json::{Value, json};

use crate::answer::call;
use crate::support::Switchboard;

#[tokio::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let created = call(&client, "POST", "/api/v1/tokens", json!({"name": "laptop"})).await;
    assert_eq!(created.status, 201);
    let secret = created.json["token"].as_str().unwrap();
    assert!(secret.starts_with("sbt_") && secret.starts_with(created.json["prefix"].as_str().unwrap()));
    assert_eq!((&created.json["scope"], &created.json["expires_at"]), (&json!({"type": "all_tunnels"}), &Value::Null));

    let list = call(&client, "GET", "/api/v1/tokens", Value::Null).await;
    assert_eq!((list.json["items"].as_array().unwrap().len(), &list.json["next_cursor"]), (1, &Value::Null));
    assert!(!list.json.to_string().contains(secret));

    let id = created.json["id"].as_str().unwrap();
    let rotated = call(&client, "POST", &format!("/api/v1/tokens/{id}/rotate"), Value::Null).await;
    assert_eq!((rotated.status, &rotated.json["id"]), (200, &created.json["id"]));
    assert_ne!(rotated.json["token"], created.json["token"]);

    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(call(&client, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(call(&client, "DELETE", &path, Value::Null).await.status, 404);
    assert_eq!(client.get("/api/v1/tokens").await.1["items"], json!([]));
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_refused() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (body, expected) in [
        (json!({}), (400, "(none)")),
        (json!({"name": ""}), (422, "name")),
        (json!({"name": "x".repeat(65)}), (422, "name")),
        (json!({"name": 7}), (400, "name")),
        (json!({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}), (422, "expires_at")),
        (json!({"name": "a", "scope": {"type": "subdomains", "subdomains": []}}), (422, "scope")),
    ] {
        assert_eq!(call(&client, "POST", "/api/v1/tokens", body.clone()).await.at_fault(), expected, "{body}");
    }
    assert_eq!(client.get("/api/v1/tokens").await.1["items"], json!([]));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for name in ["a", "b", "c"] {
        assert_eq!(call(&client, "POST", "/api/v1/tokens", json!({"name": name})).await.status, 201);
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/tokens?limit=2".to_owned();
    loop {
        let page = call(&client, "GET", &path, Value::Null).await;
        assert_eq!(page.status, 200);
        names.extend(page.json["items"].as_array().unwrap().iter().map(|token| token["name"].clone()));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/api/v1/tokens?limit=2&cursor={cursor}");
    }
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["a", "b", "c"]);
}
