use serde_json::{Value, json};

use crate::answer::{OPEN, call, member};
use crate::setup::{answers, backend, create, delete, get, origin, post, put};
use crate::support::Switchboard;

#[tokio::test]
async fn a_backend_lives() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let created = post(&client, "backends", json!({"id": "web-1", "address": "10.0.0.7:8080", "tags": ["v1"]})).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.headers["location"], "/api/v1/backends/web-1");
    let shown = &created.json;
    assert_eq!(
        (&shown["id"], &shown["service"], &shown["state"], &shown["tags"], &shown["weight"]),
        (&json!("web-1"), &json!("default"), &json!("running"), &json!(["v1"]), &json!(1))
    );
    assert!(shown["address"].as_str().unwrap().contains("10.0.0.7:8080"), "{shown}");
    assert!(shown["health"]["status"].is_string() && shown["in_flight"] == 0 && shown["ejected"] == false, "{shown}");
    let by_key = format!("backends/{}", shown["key"].as_str().unwrap());
    assert_eq!(get(&client, &by_key).await.json["id"], "web-1");

    let changed = put(&client, "backends/web-1", json!({"tags": ["v1", "v2"]})).await;
    assert_eq!((changed.status, &changed.json["tags"]), (200, &json!(["v1", "v2"])));
    assert_eq!(changed.json["address"], shown["address"], "what is not named stays");
    let drained = call(&client, "PATCH", "/api/v1/backends/web-1", json!({"state": "draining", "weight": 0})).await;
    assert_eq!((&drained.json["state"], &drained.json["weight"]), (&json!("draining"), &json!(0)));

    assert_eq!(delete(&client, "backends/web-1").await.status, 204);
    assert_eq!(get(&client, "backends/web-1").await.refusal(), (404, "not_found"));
    assert!(get(&client, &by_key).await.json["deleted_at"].is_string());
    assert_eq!(put(&client, &by_key, json!({"weight": 2})).await.refusal(), (409, "backend_deleted"));
    assert_eq!(post(&client, "backends/web-1/restore", Value::Null).await.json["tags"], json!(["v1", "v2"]));
    assert_eq!(get(&client, "backends/web-1/health").await.json["id"], "web-1");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (body, expected) in [
        (json!({"id": "a"}), (422, "address")),
        (json!({"id": "a", "adress": "10.0.0.7:80"}), (400, "adress")),
        (json!({"id": "a/b", "address": "10.0.0.7:80"}), (422, "id")),
        (json!({"id": "a", "address": "10.0.0.7:80/path"}), (422, "address")),
        (json!({"id": "a", "address": "10.0.0.7:80", "tags": ["no spaces"]}), (422, "tags[0]")),
        (json!({"id": "a", "address": "10.0.0.7:80", "weight": 101}), (422, "weight")),
        (json!({"id": "a", "address": "10.0.0.7:80", "state": "asleep"}), (400, "state")),
    ] {
        assert_eq!(post(&client, "backends", body.clone()).await.at_fault(), expected, "{body}");
    }
    assert_eq!(get(&client, "services").await.json["items"], json!([]), "nothing was made on the way");
    let web = json!({"id": "web", "address": "10.0.0.7:80"});
    create(&client, "backends", web.clone()).await;
    assert_eq!(post(&client, "backends", web).await.refusal(), (409, "backend_exists"));
    let elsewhere = json!({"id": "other", "service": "shop", "address": "10.0.0.7:80"});
    assert_eq!(post(&client, "backends", elsewhere).await.refusal(), (404, "not_found"));
    for (method, path) in [("GET", "backends/no"), ("PUT", "backends/no"), ("DELETE", "backends/no")] {
        let answer = call(&client, method, &format!("/api/v1/{path}"), json!({})).await;
        assert_eq!(answer.refusal(), (404, "not_found"), "{method}");
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_service_and_tag() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    create(&client, "services", json!({"name": "shop"})).await;
    for (id, service, tags) in
        [("a", "default", json!(["v1"])), ("b", "shop", json!(["v1", "v_2"])), ("c", "shop", json!(["v-2"]))]
    {
        let address = "10.0.0.7:80";
        if service == "default" {
            create(&client, "backends", json!({"id": id, "address": address, "tags": tags})).await;
        } else {
            create(&client, "backends", json!({"id": id, "service": service, "address": address, "tags": tags})).await;
        }
    }
    for (query, expected) in [
        ("", vec!["a", "b", "c"]),
        ("?service=shop", vec!["b", "c"]),
        ("?tag=v1", vec!["a", "b"]),
        ("?service=shop&tag=v1", vec!["b"]),
        ("?tag=v_2", vec!["b"]),
        ("?tag=v3", vec![]),
        ("?deleted=true", vec![]),
    ] {
        let list = get(&client, &format!("backends{query}")).await.json;
        let mut ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{query}");
    }
    assert_eq!(get(&client, "backends?service=nothing").await.refusal(), (404, "not_found"));
    assert_eq!(get(&client, "backends?tga=v1").await.refusal(), (400, "invalid_query"));
}

#[tokio::test]
async fn a_change_of_a_backend_reaches_requests() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (first, second) = (origin("first").await, origin("second").await);
    backend(&client, "web", &first, &["v1"]).await;
    create(&client, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    answers(&switchboard, "app.example.com", "/", 200, "first").await;
    let answered = get(&client, "backends/web").await.json["answered"].as_u64().unwrap();
    assert!(answered >= 1, "{answered}");

    put(&client, "backends/web", json!({"address": second.address.to_string()})).await;
    answers(&switchboard, "app.example.com", "/", 200, "second").await;
    put(&client, "backends/web", json!({"state": "stopped"})).await;
    answers(&switchboard, "app.example.com", "/", 503, "").await;
    put(&client, "backends/web", json!({"state": "running"})).await;
    answers(&switchboard, "app.example.com", "/", 200, "second").await;
}

#[tokio::test]
async fn a_tunnel_is_a_backend_too() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let origin = origin("far away").await;
    create(&client, "tunnels", json!({"subdomain": "shop"})).await;
    let created = create(&client, "backends", json!({"id": "far", "tunnel": "shop", "tags": ["v1"]})).await;
    assert_eq!((&created["tunnel"], &created["health"]["status"]), (&json!("shop"), &json!("unhealthy")));
    let _telephone = switchboard.telephone("shop", &origin).await;
    crate::setup::health(&client, "far", "healthy").await;
    create(&client, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    answers(&switchboard, "app.example.com", "/", 200, "far away").await;
}

#[tokio::test]
async fn each_owner_has_ids_of_their_own() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let web = json!({"id": "web", "address": "192.0.2.7:80", "tags": ["v1"]});
    let hers = create(&admin, "backends", web.clone()).await;
    let his = create(&bob, "backends", web).await;
    assert_ne!(hers["service_id"], his["service_id"]);
    let key = format!("backends/{}", hers["key"].as_str().unwrap());
    assert_eq!(get(&bob, &key).await.refusal(), (404, "not_found"));
    let into = json!({"id": "spy", "service_id": hers["service_id"], "address": "192.0.2.7:80"});
    assert_eq!(post(&bob, "backends", into).await.refusal(), (404, "not_found"));
    let socket = json!({"id": "socket", "address": "unix:/run/app.sock"});
    assert_eq!(post(&bob, "backends", socket).await.at_fault(), (422, "address"));
}
