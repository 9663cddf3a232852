use std::time::{Duration, Instant};

use serde_json::{Value, json};
use telephone::{Agent, Target};
use tokio::task::JoinSet;

use crate::answer::{Answer, OPEN, call, member};
use crate::setup::{create, origin};
use crate::support::{Client, Switchboard, until};

const LIVE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_tunnel_lives() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let created = call(&client, "POST", "/api/v1/tunnels", json!({"name": "Shop", "subdomain": "Shop"})).await;
    assert_eq!(created.status, 201, "{created:?}");
    let tunnel = &created.json;
    assert_eq!(
        (&tunnel["name"], &tunnel["subdomain"], &tunnel["status"]),
        (&json!("Shop"), &json!("shop"), &json!("offline"))
    );
    assert_eq!(
        tunnel["public_url"].as_str().unwrap().trim_end_matches('/'),
        format!("http://shop.localhost:{}", switchboard.address.port())
    );
    let path = format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap());
    assert_eq!(created.headers["location"], path.as_str());

    assert_eq!(call(&client, "GET", &path, Value::Null).await.json["id"], tunnel["id"]);
    let renamed = call(&client, "PATCH", &path, json!({"name": "Store"})).await;
    assert_eq!(
        (renamed.status, &renamed.json["name"], &renamed.json["subdomain"]),
        (200, &json!("Store"), &json!("shop"))
    );

    for (act, status) in [("pause", "paused"), ("resume", "offline")] {
        let answer = call(&client, "POST", &format!("{path}/{act}"), Value::Null).await;
        assert_eq!((answer.status, &answer.json["status"]), (200, &json!(status)));
    }
    assert_eq!(call(&client, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(client.get("/api/v1/tunnels").await.1["items"], json!([]));
    assert_eq!(client.get("/api/v1/tunnels?deleted=true").await.1["items"][0]["id"], tunnel["id"]);
    let restored = call(&client, "POST", &format!("{path}/restore"), Value::Null).await;
    assert_eq!((restored.status, &restored.json["status"]), (200, &json!("offline")));
}

#[tokio::test]
async fn a_deleted_subdomain_can_be_taken_and_then_not_restored() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let shop = json!({"subdomain": "shop"});
    let first = call(&client, "POST", "/api/v1/tunnels", shop.clone()).await.json;
    assert_eq!(call(&client, "POST", "/api/v1/tunnels", shop.clone()).await.refusal(), (409, "subdomain_taken"));
    let path = format!("/api/v1/tunnels/{}", first["id"].as_str().unwrap());
    assert_eq!(call(&client, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(call(&client, "POST", "/api/v1/tunnels", shop).await.status, 201);
    assert_eq!(
        call(&client, "POST", &format!("{path}/restore"), Value::Null).await.refusal(),
        (409, "subdomain_taken")
    );
}

#[tokio::test]
async fn a_name_that_was_given_back_is_kept_from_others_for_a_while() {
    let settings = [OPEN, &[("SWITCHBOARD_NAME_COOLDOWN", "2s")]].concat();
    let switchboard = Switchboard::start_with(&settings).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let of_bob = json!({"subdomain": "shop", "owner": "bob@example.com"});
    let take = async |client: &Client, body: &Value| call(client, "POST", "/api/v1/tunnels", body.clone()).await;
    let give_back = async |tunnel: &Answer| {
        let path = format!("/api/v1/tunnels/{}", tunnel.json["id"].as_str().unwrap());
        assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.status, 204);
    };

    // It was there for longer than a name is kept.
    let (first, began) = (take(&admin, &json!({"subdomain": "shop"})).await, Instant::now());
    until(LIVE, "it has been there for a while", async || began.elapsed() > Duration::from_millis(2100)).await;
    give_back(&first).await;
    let refused = take(&bob, &json!({"subdomain": "shop"})).await;
    assert_eq!(refused.refusal(), (409, "subdomain_taken"));
    let message = refused.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("was somebody else's") && message.contains("choose another"), "{message}");
    // A telephone is told the same.
    let token = create(&bob, "tokens", json!({"name": "laptop"})).await["token"].as_str().unwrap().to_owned();
    let origin = origin("hello").await;
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let telephone = Agent::builder(switchboard.url(), &token).target(target).subdomain("shop").start().unwrap();
    let refused = telephone.ready().await.unwrap_err().to_string();
    assert!(refused.contains("subdomain_taken"), "{refused}");
    // Who had it, and an administrator for others, need not wait.
    let again = take(&admin, &json!({"subdomain": "shop"})).await;
    assert_eq!(again.status, 201, "{again:?}");
    give_back(&again).await;
    let given = take(&admin, &of_bob).await;
    assert_eq!(given.status, 201, "{given:?}");
    give_back(&given).await;
    // In the end it is anybody's.
    until(LIVE, "the name is free", async || take(&bob, &json!({"subdomain": "shop"})).await.status == 201).await;
}

#[tokio::test]
async fn what_is_no_subdomain_is_refused_and_nothing_is_made() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for subdomain in ["-a", "a.b", "a_b", "www", "api", "xn--80ak6aa92e", &"a".repeat(64)] {
        let answer = call(&client, "POST", "/api/v1/tunnels", json!({"subdomain": subdomain})).await;
        assert_eq!(answer.at_fault(), (422, "subdomain"), "{subdomain:?}");
    }
    assert_eq!(client.get("/api/v1/tunnels").await.1["items"], json!([]));
    let named = call(&client, "POST", "/api/v1/tunnels", json!({})).await;
    assert_eq!(named.status, 201, "without a name it gets one: {named:?}");
    assert!(!named.json["subdomain"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn figures_are_there_from_the_start() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let tunnel = call(&client, "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await.json;
    let path = format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap());
    let (status, stats) = client.get(&format!("{path}/stats")).await;
    assert_eq!(
        (status, &stats["requests"], &stats["sessions"], &stats["by_status"]["2xx"]),
        (200, &json!(0), &json!(0), &json!(0))
    );
    for range in ["live", "1h", "24h", "7d", "30d"] {
        let (status, series) = client.get(&format!("{path}/metrics?range={range}")).await;
        assert!(status == 200 && series["samples"].is_array(), "{range}: {series}");
    }
    let wrong = call(&client, "GET", &format!("{path}/metrics?range=ever"), Value::Null).await;
    assert_eq!(wrong.at_fault(), (422, "range"));
}

#[tokio::test]
async fn lists_are_searched_and_their_limits_checked() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for subdomain in ["alpha", "beta"] {
        assert_eq!(call(&client, "POST", "/api/v1/tunnels", json!({"subdomain": subdomain})).await.status, 201);
    }
    let found = client.get("/api/v1/tunnels?search=alp&status=offline&sort=name").await.1;
    assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["subdomain"]), (1, &json!("alpha")));
    for (query, status) in [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=-1", 400),
        ("limit=many", 400),
        ("status=sleeping", 400),
        ("sort=size", 400),
        ("serach=x", 400),
    ] {
        assert_eq!(client.get(&format!("/api/v1/tunnels?{query}")).await.0, status, "{query}");
    }
    let cursor = client.get("/api/v1/tunnels?cursor=garbage").await.0;
    assert!((400..500).contains(&cursor), "{cursor}");
}

#[tokio::test]
async fn of_a_hundred_who_want_a_subdomain_one_gets_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let mut claims = JoinSet::new();
    for _ in 0..100 {
        let client = client.clone();
        claims.spawn(async move { call(&client, "POST", "/api/v1/tunnels", json!({"subdomain": "wanted"})).await });
    }
    let answers = claims.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let taken = answers.iter().filter(|answer| answer.refusal() == (409, "subdomain_taken")).count();
    assert_eq!(taken, 99, "{answers:?}");
}
