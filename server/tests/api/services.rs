use serde_json::{Value, json};

use crate::answer::{OPEN, member};
use crate::setup::{answers, create, delete, get, nobody, origin, post, put};
use crate::support::Switchboard;

#[tokio::test]
async fn a_service_lives() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let created = post(&client, "services", json!({"name": "Shop"})).await;
    assert_eq!((created.status, &created.json["name"]), (201, &json!("shop")));
    let id = created.json["id"].as_str().unwrap();
    assert_eq!(created.headers["location"], format!("/api/v1/services/{id}").as_str());
    assert_eq!(
        (&created.json["balance"], &created.json["affinity"], &created.json["tags"]),
        (&json!("two_choices"), &json!({"kind": "none"}), &json!([]))
    );
    assert_eq!(get(&client, "services/shop").await.json, created.json);
    assert_eq!(get(&client, &format!("services/{id}")).await.json, created.json);

    let changed = put(&client, "services/shop", json!({"balance": "weighted", "resilience": {"retries": 3}})).await;
    assert_eq!((changed.status, &changed.json["balance"]), (200, &json!("weighted")));
    assert_eq!(
        (&changed.json["resilience"]["retries"], &changed.json["resilience"]["eject_after"]),
        (&json!(3), &created.json["resilience"]["eject_after"])
    );
    let renamed = crate::answer::call(&client, "PATCH", "/api/v1/services/shop", json!({"name": "store"})).await;
    assert_eq!((renamed.status, &renamed.json["balance"]), (200, &json!("weighted")));
    assert_eq!(get(&client, "services/shop").await.refusal(), (404, "not_found"));

    assert_eq!(delete(&client, "services/store").await.status, 204);
    assert_eq!(get(&client, "services/store").await.refusal(), (404, "not_found"));
    assert_eq!(delete(&client, "services/store").await.refusal(), (404, "not_found"));
    assert_eq!(get(&client, "services").await.json["items"], json!([]));
    assert_eq!(get(&client, "services?deleted=true").await.json["items"][0]["id"], id);
    assert!(get(&client, &format!("services/{id}")).await.json["deleted_at"].is_string());
    let restored = post(&client, "services/store/restore", Value::Null).await;
    assert_eq!((restored.status, &restored.json["deleted_at"]), (200, &Value::Null));
    assert_eq!(get(&client, "services/store").await.status, 200);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (body, expected) in [
        (json!({}), (400, "(none)")),
        (json!({"name": "shop", "balancing": "x"}), (400, "balancing")),
        (json!({"name": "a/b"}), (422, "name")),
        (json!({"name": "shop", "balance": "fair"}), (400, "balance")),
        (json!({"name": "shop", "resilience": {"retries": 11}}), (422, "resilience")),
    ] {
        assert_eq!(post(&client, "services", body.clone()).await.at_fault(), expected, "{body}");
    }
    assert_eq!(get(&client, "services").await.json["items"], json!([]));
    create(&client, "services", json!({"name": "shop"})).await;
    assert_eq!(post(&client, "services", json!({"name": "SHOP"})).await.refusal(), (409, "service_exists"));
    assert_eq!(put(&client, "services/nothing", json!({})).await.refusal(), (404, "not_found"));
    assert_eq!(put(&client, "services/shop", json!({"retries": 1})).await.at_fault(), (400, "retries"));
}

#[tokio::test]
async fn a_service_in_use_is_not_deleted() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let shop = origin("shop").await;
    create(&client, "services", json!({"name": "shop"})).await;
    let web = json!({"id": "web", "service": "shop", "address": shop.address.to_string(), "tags": ["v1"]});
    create(&client, "backends", web).await;
    assert_eq!(get(&client, "services/shop").await.json["tags"], json!([{"tag": "v1", "backends": 1, "running": 1}]));
    create(&client, "domains", json!({"domain": "shop.example.com", "service": "shop"})).await;
    answers(&switchboard, "shop.example.com", "/", 200, "shop").await;
    let refused = delete(&client, "services/shop").await;
    assert_eq!(refused.refusal(), (409, "service_in_use"));
    assert!(refused.json["error"]["message"].as_str().unwrap().contains("1 domain"), "{refused:?}");

    assert_eq!(delete(&client, "domains/shop.example.com").await.status, 204);
    assert_eq!(delete(&client, "services/shop").await.status, 204);
    assert_eq!(get(&client, "backends/web").await.status, 404, "its backends go with it");
    assert_eq!(post(&client, "services/shop/restore", Value::Null).await.status, 200);
    assert_eq!(get(&client, "backends/web").await.status, 200, "and come back with it");
}

#[tokio::test]
async fn the_health_of_each_backend_is_told() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let well = origin("well").await;
    let check = json!({"name": "shop", "health_check": {"path": "/", "interval_seconds": 1, "unhealthy_after": 1}});
    create(&client, "services", check).await;
    for (id, address) in [("well", well.address.to_string()), ("ill", nobody().await)] {
        create(&client, "backends", json!({"id": id, "service": "shop", "address": address})).await;
    }
    crate::setup::health(&client, "well", "healthy").await;
    crate::setup::health(&client, "ill", "unhealthy").await;

    let all = get(&client, "services/shop/health").await;
    assert_eq!((all.status, &all.json["next_cursor"]), (200, &Value::Null));
    let items = all.json["items"].as_array().unwrap();
    let of = |id: &str| items.iter().find(|item| item["id"] == id).unwrap();
    assert_eq!(of("well")["health"]["status"], "healthy");
    assert_eq!((&of("well")["state"], of("well")["key"].is_string()), (&json!("running"), true));
    let ill = &of("ill")["health"];
    assert_eq!((&ill["status"], &ill["changes"][0]["to"]), (&json!("unhealthy"), &json!("unhealthy")));
    assert_eq!(ill["checks"][0]["good"], false);

    let one = get(&client, "backends/ill/health").await;
    assert_eq!((one.status, &one.json["health"]["status"]), (200, &json!("unhealthy")));
    let paged = get(&client, "services/shop/health?limit=1").await;
    assert!(paged.json["items"].as_array().unwrap().len() == 1 && paged.json["next_cursor"].is_string());
    assert_eq!(get(&client, "services/other/health").await.status, 404);
}

#[tokio::test]
async fn each_owner_has_names_of_their_own() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let shop = create(&admin, "services", json!({"name": "shop"})).await;
    let path = format!("services/{}", shop["id"].as_str().unwrap());
    for path in ["services/shop", &path] {
        assert_eq!(get(&bob, path).await.refusal(), (404, "not_found"), "{path}");
    }
    let own = create(&bob, "services", json!({"name": "shop"})).await;
    assert_eq!(get(&bob, "services").await.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&admin, "services").await.json["items"].as_array().unwrap().len(), 2);
    assert_eq!(get(&admin, "services/shop").await.json["id"], shop["id"], "an administrator's own comes first");
    let by_id = format!("services/{}", own["id"].as_str().unwrap());
    assert_eq!(put(&admin, &by_id, json!({"balance": "round_robin"})).await.status, 200);

    let for_bob = json!({"name": "blog", "owner": "bob@example.com"});
    assert_eq!(create(&admin, "services", for_bob.clone()).await["owner_id"], own["owner_id"]);
    let for_ada = json!({"name": "blog", "owner": Switchboard::EMAIL});
    assert_eq!(post(&bob, "services", for_ada).await.at_fault(), (422, "owner"));
}
