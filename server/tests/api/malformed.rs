use http::{Method, header};
use serde_json::Value;

use crate::answer::{Answer, call, send};
use crate::support::{Client, Switchboard, full};

async fn post(client: &Client, path: &str, content_type: Option<&str>, body: impl Into<bytes::Bytes>) -> Answer {
    let request = client.request(Method::POST, path);
    let request = match content_type {
        Some(content_type) => request.header(header::CONTENT_TYPE, content_type),
        None => request,
    };
    send(client, request.body(full(body)).unwrap()).await
}

#[tokio::test]
async fn a_body_that_cannot_be_used_says_why() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let json = Some("application/json");
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
    for (content_type, body, expected) in [
        (json, large.as_str(), (413, "too_large")),
        (json, r#"{"name":"#, (400, "malformed_json")),
        (json, "", (400, "malformed_json")),
        (json, r#"{"name":"a"}{"#, (400, "malformed_json")),
        (json, r#"{"name":"a","colour":"red"}"#, (400, "unknown_field")),
        (json, "[]", (400, "wrong_shape")),
        (Some("text/plain"), r#"{"name":"a"}"#, (415, "unsupported_media_type")),
        (Some("application/x-www-form-urlencoded"), "name=a", (415, "unsupported_media_type")),
        (None, r#"{"name":"a"}"#, (415, "unsupported_media_type")),
    ] {
        let answer = post(&client, "/api/v1/tokens", content_type, body.to_owned()).await;
        assert_eq!(answer.refusal(), expected, "{}", &body[..body.len().min(60)]);
        assert!(answer.json["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(answer.json["error"]["request_id"], answer.headers["x-request-id"].to_str().unwrap());
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let unknown = post(&client, "/api/v1/tunnels", json, r#"{"subdomian":"a"}"#).await;
    assert_eq!(unknown.at_fault(), (400, "subdomian"));
    let place = post(&client, "/api/v1/tokens", json, "{\n  \"name\": nope}").await;
    assert!(place.json["error"]["message"].as_str().unwrap().contains("line 2"), "{place:?}");
    assert_eq!(client.get("/api/v1/tokens").await.1["items"], serde_json::json!([]), "nothing was changed");
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there_are_answered_in_json() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for path in ["/api/v1", "/api/v1/nothing", "/api/v1/tunnels/a/b/c"] {
        assert_eq!(call(&client, "GET", path, Value::Null).await.refusal(), (404, "not_found"), "{path}");
    }
    let wrong = call(&client, "PUT", "/api/v1/tunnels", Value::Null).await;
    assert_eq!(wrong.refusal(), (405, "method_not_allowed"));
    let allowed = wrong.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    assert_eq!(call(&client, "HEAD", "/api/v1/me", Value::Null).await.status, 200);
}
