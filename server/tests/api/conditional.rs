//! `ETag`, `If-Match` and `If-None-Match`, for whatever the document says has them.

use futures_util::future::join_all;
use http::{Method, header};
use serde_json::{Value, json};

use crate::answer::{Answer, send};
use crate::setup::{create, get, put};
use crate::support::{Body, Client, Switchboard, full};

async fn call(client: &Client, method: &str, path: &str, (name, tag): (&str, &str), body: Value) -> Answer {
    let body = if body.is_null() { Body::default() } else { full(body.to_string()) };
    let request = client.request(method.parse::<Method>().unwrap(), &format!("/api/v1/{path}")).header(name, tag);
    send(client, request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap()).await
}

fn tag(answer: &Answer) -> String {
    answer.headers[header::ETAG].to_str().unwrap().to_owned()
}

/// One of each kind that can be changed, with two changes of it.
async fn things(client: &Client) -> Vec<(String, Value, Value)> {
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let tunnel = id(create(client, "tunnels", json!({"subdomain": "shop"})).await);
    // Unchecked, so that what is shown of the backend stays.
    create(client, "services", json!({"name": "pool", "health_check": {"enabled": false}})).await;
    create(client, "backends", json!({"id": "web", "service": "pool", "address": "127.0.0.1:1"})).await;
    create(client, "domains", json!({"domain": "app.example.com", "service": "pool"})).await;
    let route = json!({"domain": "app.example.com", "mount": "/api", "service": "pool"});
    let route = id(create(client, "routes", route).await);
    let region = id(create(client, "regions", json!({"name": "eu", "public_url": "https://eu.example.com"})).await);
    let alert = json!({"name": "a", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/x"});
    let alert = id(create(client, "alerts", alert).await);
    let invitation = create(client, "invitations", json!({"email": "dora@example.com"})).await;
    let (_, token) = invitation["link"].as_str().unwrap().split_once("token=").unwrap();
    let user = id(create(client, "auth/accept", json!({"token": token, "password": "a different long one"})).await);
    let capture = (json!({"level": "off"}), json!({"level": "headers"}));
    let front = (json!({"body_limit": 1000}), json!({"body_limit": 2000}));
    let mut things = vec![
        (format!("routes/{route}"), json!({"enabled": true}), json!({"enabled": false})),
        ("domains/app.example.com".to_owned(), json!({"http_to_https": false}), json!({"http_to_https": true})),
        ("backends/web".to_owned(), json!({"weight": 2}), json!({"weight": 3})),
        ("services/pool".to_owned(), json!({"balance": "weighted"}), json!({"balance": "round_robin"})),
        (format!("tunnels/{tunnel}"), json!({"name": "a"}), json!({"name": "b"})),
        (format!("regions/{region}"), json!({"name": "us"}), json!({"name": "asia"})),
        (format!("alerts/{alert}"), json!({"enabled": true}), json!({"enabled": false})),
        (format!("users/{user}"), json!({"role": "member"}), json!({"role": "admin"})),
    ];
    for of in [format!("tunnels/{tunnel}"), "domains/app.example.com".to_owned(), format!("routes/{route}")] {
        things.insert(0, (format!("{of}/capture"), capture.0.clone(), capture.1.clone()));
        things.insert(0, (format!("{of}/front"), front.0.clone(), front.1.clone()));
    }
    things
}

#[tokio::test]
async fn what_holds_for_the_whole_switchboard_is_changed_by_who_has_seen_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let limits = [json!({"rate_limit": {"requests": 9000, "seconds": 1}}), json!({"rate_limit": null})];
    let second_factor = json!({"require_second_factor": false});
    for (path, other, again) in
        [("limits", limits[0].clone(), limits[1].clone()), ("security", second_factor.clone(), second_factor)]
    {
        let seen = get(&client, path).await;
        let done = call(&client, "PUT", path, ("if-match", &tag(&seen)), other.clone()).await;
        assert_eq!((done.status, &done.json), (200, &other), "{path}");
        for stale in ["\"1-0000000000000000\"", "W/\"x\""].into_iter().chain((path == "limits").then_some(&*tag(&seen)))
        {
            let refused = call(&client, "PUT", path, ("if-match", stale), again.clone()).await;
            assert_eq!(refused.refusal(), (412, "changed_meanwhile"), "{path} {stale}");
            assert_eq!(get(&client, path).await.json, other, "{path}: nothing was changed");
        }
        let done = call(&client, "PUT", path, ("if-match", &tag(&done)), again.clone()).await;
        assert_eq!((done.status, &done.json), (200, &again), "{path}");
        assert_eq!(call(&client, "GET", path, ("if-none-match", &tag(&done)), Value::Null).await.status, 304, "{path}");
    }
}

#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_refused_and_shown_what_it_is() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let things = things(&client).await;
    let document = get(&client, "openapi.json").await.json;
    let paths = document["paths"].as_object().unwrap().iter();
    let tagged = paths.filter(|(_, item)| item["patch"]["responses"].get("412").is_some()).count();
    assert_eq!(tagged, things.len(), "one of each kind that the document names");
    for (path, mine, theirs) in &things {
        let seen = get(&client, path).await;
        let old = tag(&seen);
        let done = call(&client, "PATCH", path, ("if-match", &old), theirs.clone()).await;
        assert_eq!(done.status, 200, "{path}: {done:?}");
        let now = get(&client, path).await;
        assert_ne!(tag(&now), old, "{path}");
        for (method, body) in [("PATCH", mine), ("DELETE", &Value::Null)] {
            let refused = call(&client, method, path, ("if-match", &old), body.clone()).await;
            assert_eq!(refused.refusal(), (412, "changed_meanwhile"), "{method} {path}");
            assert_eq!((&refused.json["current"], tag(&refused)), (&now.json, tag(&now)), "{method} {path}");
        }
        // Whoever has seen it, names it among others, or does not care, changes it.
        let changed = call(&client, "PATCH", path, ("if-match", &tag(&done)), mine.clone()).await;
        assert_eq!(changed.status, 200, "{path}: {changed:?}");
        let several = format!("\"0-0\", {}", tag(&changed));
        assert_eq!(call(&client, "PATCH", path, ("if-match", &several), theirs.clone()).await.status, 200, "{path}");
        assert_eq!(call(&client, "PATCH", path, ("if-match", "*"), mine.clone()).await.status, 200, "{path}");
        for none in ["\"0-0\"", "nonsense", &format!("W/{}", tag(&get(&client, path).await))] {
            let refused = call(&client, "PATCH", path, ("if-match", none), theirs.clone()).await;
            assert_eq!(refused.refusal(), (412, "changed_meanwhile"), "{path} {none}");
        }
    }
    for (path, ..) in &things {
        if path.starts_with("users/") {
            // What is active cannot be deleted.
            let place = format!("/api/v1/{path}/deactivate");
            assert_eq!(crate::answer::call(&client, "POST", &place, Value::Null).await.status, 200);
        }
        let seen = tag(&get(&client, path).await);
        assert_eq!(call(&client, "DELETE", path, ("if-match", &seen), Value::Null).await.status, 204, "{path}");
    }
}

#[tokio::test]
async fn who_has_it_is_not_sent_it_again() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (path, _, change) in things(&client).await {
        let seen = tag(&get(&client, &path).await);
        for tags in [seen.clone(), format!("W/{seen}"), format!("\"x\", {seen}"), "*".to_owned()] {
            let same = call(&client, "GET", &path, ("if-none-match", &tags), Value::Null).await;
            assert_eq!((same.status, tag(&same)), (304, seen.clone()), "{path} {tags}");
            assert_eq!(call(&client, "HEAD", &path, ("if-none-match", &tags), Value::Null).await.status, 304);
        }
        assert_eq!(call(&client, "GET", &path, ("if-none-match", "\"x\""), Value::Null).await.status, 200);
        assert_eq!(call(&client, "PATCH", &path, ("if-match", "*"), change).await.status, 200, "{path}");
        let other = call(&client, "GET", &path, ("if-none-match", &seen), Value::Null).await;
        assert_eq!(other.status, 200, "{path}");
    }
    // Lists have none.
    let list = call(&client, "GET", "services", ("if-none-match", "*"), Value::Null).await;
    assert_eq!((list.status, list.headers.get(header::ETAG)), (200, None));
}

#[tokio::test]
async fn of_many_who_have_seen_the_same_one_changes_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let made = create(&client, "services", json!({"name": "pool"})).await;
    let seen = tag(&get(&client, "services/pool").await);
    let path = format!("services/{}", made["id"].as_str().unwrap());
    let names: Vec<_> = (0..12).map(|number| format!("pool-{number}")).collect();
    let changes = names
        .iter()
        .map(|name| call(&client, "PUT", &path, ("if-match", &seen), json!({"name": name})))
        .collect::<Vec<_>>();
    let answers = join_all(changes).await;
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)), "{answers:?}");
    assert_eq!(get(&client, &path).await.json["name"], done[0].json["name"]);
}

#[tokio::test]
async fn what_happens_to_a_thing_keeps_nobody_from_changing_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let made = create(&client, "tunnels", json!({"subdomain": "shop"})).await;
    let path = format!("tunnels/{}", made["id"].as_str().unwrap());
    let seen = tag(&get(&client, &path).await);
    let origin = crate::setup::origin("hello").await;
    let telephone = switchboard.telephone("shop", &origin).await;
    assert_eq!(switchboard.visitor("shop").text("/").await.1, "hello");
    let online = call(&client, "GET", &path, ("if-none-match", &seen), Value::Null).await;
    assert_eq!((online.status, &online.json["status"]), (200, &json!("online")));
    let changed = call(&client, "PATCH", &path, ("if-match", &seen), json!({"name": "mine"})).await;
    assert_eq!((changed.status, &changed.json["name"]), (200, &json!("mine")));
    drop(telephone);
    // Without a condition the last one wins, as ever.
    create(&client, "services", json!({"name": "pool"})).await;
    for balance in ["weighted", "round_robin"] {
        assert_eq!(put(&client, "services/pool", json!({"balance": balance})).await.status, 200);
    }
}
