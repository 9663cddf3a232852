use serde_json::{Value, json};

use crate::answer::{OPEN, member};
use crate::setup::{answers, backend, create, delete, get, origin, post, put};
use crate::support::{Client, Switchboard};

async fn of(client: &Client, object: &Value) -> Vec<Value> {
    let list = get(client, &format!("revisions?object={}", object.as_str().unwrap())).await;
    assert_eq!(list.status, 200, "{list:?}");
    list.json["items"].as_array().unwrap().clone()
}

async fn restore(client: &Client, revision: &Value, to: &str) -> u16 {
    let path = format!("revisions/{}/restore{to}", revision["id"].as_str().unwrap());
    post(client, &path, Value::Null).await.status
}

#[tokio::test]
async fn every_change_is_kept_and_can_be_undone() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (first, second) = (origin("first").await, origin("second").await);
    let web = backend(&client, "web", &first, &["v1"]).await;
    create(&client, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    put(&client, "backends/web", json!({"address": second.address.to_string()})).await;
    answers(&switchboard, "app.example.com", "/", 200, "second").await;

    let revisions = of(&client, &web["key"]).await;
    let actions: Vec<_> = revisions.iter().map(|revision| revision["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["changed", "created"]);
    let changed = &revisions[0];
    assert_eq!(
        (&changed["kind"], &changed["object_name"], &changed["actor_email"]),
        (&json!("backend"), &json!("web"), &json!(Switchboard::EMAIL))
    );
    assert_eq!(changed["before"]["address"], web["address"]);
    assert_ne!(changed["after"]["address"], web["address"]);
    assert_eq!(get(&client, &format!("revisions/{}", changed["id"].as_str().unwrap())).await.json, *changed);

    assert_eq!(restore(&client, changed, "").await, 204);
    answers(&switchboard, "app.example.com", "/", 200, "first").await;
    assert_eq!(restore(&client, changed, "?to=after").await, 204);
    answers(&switchboard, "app.example.com", "/", 200, "second").await;
    assert_eq!(of(&client, &web["key"]).await.len(), 4, "undoing is a change, too");
    assert_eq!(restore(&client, changed, "?to=yesterday").await, 400);
}

#[tokio::test]
async fn what_was_deleted_comes_back_and_what_was_made_goes() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let domain = create(&client, "domains", json!({"domain": "app.example.com", "redirect": {"to": "/shop"}})).await;
    let created = of(&client, &domain["id"]).await.remove(0);
    assert_eq!(created["before"], Value::Null);
    assert_eq!(delete(&client, "domains/app.example.com").await.status, 204);
    let deleted = of(&client, &domain["id"]).await.remove(0);
    assert_eq!((&deleted["action"], &deleted["after"]), (&json!("deleted"), &Value::Null));
    assert_eq!(restore(&client, &deleted, "").await, 204);
    assert_eq!(get(&client, "domains/app.example.com").await.json["redirect"]["to"], "/shop");
    assert_eq!(restore(&client, &created, "").await, 204);
    assert_eq!(get(&client, "domains/app.example.com").await.status, 404);
    create(&client, "domains", json!({"domain": "app.example.com"})).await;
    assert_eq!(restore(&client, &deleted, "").await, 409, "the name is another's now");
}

#[tokio::test]
async fn lists_are_narrowed_and_scoped() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    create(&admin, "services", json!({"name": "shop"})).await;
    create(&admin, "domains", json!({"domain": "app.example.com"})).await;
    let domains = get(&admin, "revisions?kind=domain").await.json;
    assert_eq!((domains["items"].as_array().unwrap().len(), &domains["next_cursor"]), (1, &Value::Null));
    let first = get(&admin, "revisions?limit=1").await.json;
    assert_eq!(first["items"][0]["kind"], "domain", "the newest is first");
    let next = get(&admin, &format!("revisions?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(next.json["items"][0]["kind"], "service");
    assert_eq!(get(&admin, "revisions?kind=planet").await.status, 400);
    assert_eq!(get(&admin, "revisions?object=no-id").await.status, 400);

    assert_eq!(get(&bob, "revisions").await.json["items"], json!([]));
    let path = format!("revisions/{}", first["items"][0]["id"].as_str().unwrap());
    assert_eq!(get(&bob, &path).await.refusal(), (404, "not_found"));
    assert_eq!(restore(&bob, &first["items"][0], "").await, 404);
    create(&bob, "services", json!({"name": "blog"})).await;
    assert_eq!(get(&bob, "revisions").await.json["items"][0]["object_name"], "blog");
}
