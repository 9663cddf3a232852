//! Headers whose values are secret: written once, and shown to nobody.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::setup::{answers, backend, create, get, post, put};
use crate::support::{Client, Origin, Switchboard};

const SECRET: &str = "Bearer of-the-backend";
const MASK: &str = "********";

fn headers(authorization: &str) -> Value {
    json!({"request": {"set": {"Authorization": authorization, "X-Team": "shop"}}})
}

/// A domain and a route of it that give the backend an `Authorization`.
async fn made(client: &Client, origin: &Origin) -> [Value; 2] {
    backend(client, "web", origin, &[]).await;
    let domain = json!({"domain": "app.example.com", "service": "default", "headers": headers(SECRET)});
    let mut route = domain.clone();
    route["mount"] = json!("/api");
    [create(client, "domains", domain).await, create(client, "routes", route).await]
}

#[tokio::test]
async fn a_secret_header_is_sent_and_never_shown() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let origin = Origin::mirror().await;
    let rules = made(&client, &origin).await;
    let sent = format!("authorization: {SECRET}");
    for path in ["/", "/api"] {
        answers(&switchboard, "app.example.com", path, 200, &sent).await;
    }
    for (rule, what) in rules.iter().zip(["domains", "routes"]) {
        let set = &rule["headers"]["request"]["set"];
        assert_eq!((&set["authorization"], &set["x-team"]), (&json!(MASK), &json!("shop")), "{rule}");
        // What was shown may be sent back, and what is not named stays.
        let path = format!("{what}/{}", rule["id"].as_str().unwrap());
        for fields in [json!({"headers": rule["headers"]}), json!({"host_rewrite": "app.internal"})] {
            let changed = put(&client, &path, fields).await;
            assert_eq!(changed.status, 200, "{changed:?}");
        }
    }
    for path in ["/", "/api"] {
        answers(&switchboard, "app.example.com", path, 200, &sent).await;
        answers(&switchboard, "app.example.com", path, 200, "host: app.internal").await;
    }
    assert_eq!(put(&client, "domains/app.example.com", json!({"headers": headers("Bearer new")})).await.status, 200);
    answers(&switchboard, "app.example.com", "/", 200, "authorization: Bearer new").await;

    for path in ["domains", "routes", "revisions", "domains/app.example.com"] {
        let Answer { json, .. } = get(&client, path).await;
        let text = json.to_string();
        assert!(text.contains(MASK) && !text.contains("Bearer"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_mask_without_a_value_behind_it_is_refused() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let new = json!({"domain": "app.example.com", "redirect": {"to": "/shop"}, "headers": headers(MASK)});
    let refused = post(&client, "domains", new).await;
    assert_eq!(refused.refusal(), (422, "invalid"), "{refused:?}");
    assert!(refused.json["error"]["message"].as_str().unwrap().contains("authorization"), "{refused:?}");
}
