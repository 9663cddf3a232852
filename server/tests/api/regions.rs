use serde_json::{Value, json};

use crate::answer::{OPEN, member};
use crate::setup::{create, delete, get, post, put};
use crate::support::Switchboard;

#[tokio::test]
async fn administrators_make_regions_and_all_may_know_them() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let eu = json!({"name": "eu-west", "public_url": "https://eu.example.com/"});
    assert_eq!(post(&bob, "regions", eu.clone()).await.refusal(), (403, "admin_only"));
    let created = create(&admin, "regions", eu.clone()).await;
    assert_eq!(created["public_url"], "https://eu.example.com");
    assert_eq!(post(&admin, "regions", eu).await.refusal(), (409, "region_exists"));
    let path = format!("regions/{}", created["id"].as_str().unwrap());
    assert_eq!(get(&bob, &path).await.json, created);
    assert_eq!(get(&bob, "regions").await.json["items"], json!([created]));

    assert_eq!(put(&bob, &path, json!({"name": "eu"})).await.refusal(), (403, "admin_only"));
    let renamed = put(&admin, &path, json!({"name": "eu"})).await;
    assert_eq!((renamed.status, &renamed.json["public_url"]), (200, &created["public_url"]));
    for (body, expected) in [
        (json!({"name": "us"}), (400, "(none)")),
        (json!({"name": "us", "public_url": "https://us.example.com/path"}), (422, "public_url")),
        (json!({"name": "u s", "public_url": "https://us.example.com"}), (422, "name")),
        (json!({"name": "us", "url": "https://us.example.com"}), (400, "url")),
    ] {
        assert_eq!(post(&admin, "regions", body.clone()).await.at_fault(), expected, "{body}");
    }
    assert_eq!(delete(&bob, &path).await.refusal(), (403, "admin_only"));
    assert_eq!(delete(&admin, &path).await.status, 204);
    assert_eq!(get(&bob, "regions").await.json["items"], json!([]));
    assert_eq!(post(&admin, &format!("{path}/restore"), Value::Null).await.status, 200);
    assert_eq!(get(&admin, "regions/no-id").await.refusal(), (404, "not_found"));
}

#[tokio::test]
async fn nodes_can_be_listed() {
    let switchboard = Switchboard::start().await;
    let nodes = get(&switchboard.client(), "nodes").await;
    assert!(nodes.status == 200 && nodes.json["items"].is_array(), "{nodes:?}");
    assert_eq!(nodes.json["next_cursor"], Value::Null);
}
