use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::{OPEN, member};
use crate::setup::{create, delete, get, post, put};
use crate::support::{Home, Switchboard, until};

const SOON: Duration = Duration::from_secs(20);

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

/// What a node tells of itself, without its times.
async fn nodes(switchboard: &Switchboard) -> Vec<(String, String, String)> {
    let listed = get(&switchboard.client(), "nodes").await;
    assert_eq!((listed.status, &listed.json["next_cursor"]), (200, &Value::Null), "{listed:?}");
    let text = |node: &Value, name: &str| node[name].as_str().unwrap_or("none").to_owned();
    let items = listed.json["items"].as_array().unwrap();
    items.iter().map(|node| (text(node, "name"), text(node, "region"), text(node, "public_url"))).collect()
}

#[tokio::test]
async fn a_node_tells_of_itself() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_NODE", "alone")]).await;
    let alone = vec![("alone".to_owned(), "none".to_owned(), switchboard.url())];
    until(SOON, "it has told of itself", async || nodes(&switchboard).await == alone).await;
    let listed = get(&switchboard.client(), "nodes").await.json;
    let node = &listed["items"][0];
    assert_eq!(node["version"], env!("CARGO_PKG_VERSION"), "{node}");
    assert!(node["started_at"].as_str() <= node["seen_at"].as_str(), "{node}");
}

#[tokio::test]
async fn nodes_on_one_database_know_of_each_other() {
    let database = test_postgres::Server::start().unwrap();
    let url = database.new_database("nodes").unwrap();
    let both = [
        ("SWITCHBOARD_DATABASE_URL", url.as_str()),
        ("SWITCHBOARD_SEALING_KEY", "a key that both of the nodes have been given"),
    ];
    let of = |region, node| [&both[..], &[("SWITCHBOARD_REGION", region), ("SWITCHBOARD_NODE", node)]].concat();
    let us = Switchboard::start_with(&of("us", "two")).await;
    let mut eu = Switchboard::start_in(Home::new(), &of("eu", "one")).await;
    eu.sign_in().await;
    let two = ("two".to_owned(), "us".to_owned(), us.url());
    let all = vec![("one".to_owned(), "eu".to_owned(), eu.url()), two.clone()];
    for node in [&eu, &us] {
        until(SOON, "both are known", async || nodes(node).await == all).await;
    }
    eu.stop().await;
    assert_eq!(nodes(&us).await, [two], "who stops says so");
}
