//! How many requests may come to the telephones of a token, to what an account has, and to the server.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::answer::{OPEN, call, member};
use crate::setup::{backend, create, get, origin, post, put, visitor};
use crate::support::{Body, Client, Origin, Switchboard, text, until};

/// A deadline for a test that hangs.
const SOON: Duration = Duration::from_secs(60);

/// Status, code and fields of one request.
async fn ask(client: &Client) -> (u16, String, HeaderMap) {
    let response = client.send(client.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    text(response).await;
    let code = headers.get("x-switchboard-error").map_or("", |code| code.to_str().unwrap()).to_owned();
    (status, code, headers)
}

async fn statuses<const N: usize>(client: &Client) -> [u16; N] {
    let mut statuses = [0; N];
    for status in &mut statuses {
        *status = ask(client).await.0;
    }
    statuses
}

async fn refused(switchboard: &Switchboard, reason: &str) -> f64 {
    switchboard.figure(&format!("switchboard_requests_refused_total{{reason=\"{reason}\"}}")).await
}

async fn explained(client: &Client, url: &str) -> String {
    post(client, "routes/explain", json!({"url": url})).await.json["steps"].to_string()
}

#[tokio::test]
async fn the_telephones_of_a_token_share_what_it_may_have() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let limit = json!({"requests": 3, "seconds": 3600});
    let scope = json!({"type": "all_tunnels", "rate_limit": limit});
    let token = create(&client, "tokens", json!({"name": "three", "scope": scope})).await;
    assert_eq!(token["scope"], scope);
    let wrong = json!({"type": "all_tunnels", "rate_limit": {"requests": 0, "seconds": 3600}});
    assert_eq!(post(&client, "tokens", json!({"name": "none", "scope": wrong})).await.status, 422);
    let exchange = format!("tokens/{}/exchange", token["id"].as_str().unwrap());
    let own = post(&client, &exchange, json!({"scope": scope})).await;
    assert_eq!(own.at_fault(), (422, "scope"), "a short-lived token has none of its own");
    let short = post(&client, &exchange, json!({})).await.json;

    let secret = |token: &Value| token["token"].as_str().unwrap().to_owned();
    let one = switchboard.telephone_with(&secret(&token), "one", &origin).await;
    let two = switchboard.telephone_with(&secret(&short), "two", &origin).await;
    let free = switchboard.telephone("free", &origin).await;
    // One goes straight to the tunnel, the other by a service.
    create(&client, "services", json!({"name": "default", "health_check": {"enabled": false}})).await;
    create(&client, "backends", json!({"id": "two", "tunnel": "two"})).await;
    create(&client, "domains", json!({"domain": "app.example.com", "service": "default"})).await;
    let by_service = visitor(&switchboard, "app.example.com");

    let (status, _, headers) = ask(&switchboard.visitor("one")).await;
    assert_eq!((status, &headers["ratelimit-policy"]), (200, &"\"token-3600s\";q=3;w=3600".parse().unwrap()));
    assert!(headers["ratelimit"].to_str().unwrap().starts_with("\"token-3600s\";r=2;t="), "{headers:?}");
    until(SOON, "the domain leads there", async || ask(&by_service).await.0 != 404).await;
    let (status, _, headers) = ask(&by_service).await;
    assert!(status == 200 && headers["ratelimit"].to_str().unwrap().contains(";r=0;"), "{status} {headers:?}");
    for visitor in [&switchboard.visitor("one"), &switchboard.visitor("two"), &by_service] {
        let (status, code, headers) = ask(visitor).await;
        assert_eq!((status, code.as_str()), (429, "rate_limited"));
        assert!(headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 1_200, "{headers:?}");
    }
    assert_eq!(refused(&switchboard, "rate_token").await, 3.0);
    let (status, _, headers) = ask(&switchboard.visitor("free")).await;
    assert!(status == 200 && !headers.contains_key("ratelimit"), "{headers:?}");
    let told = explained(&client, "http://one.localhost/").await;
    let limit = "a token whose telephones serve it takes 3 requests in 3600 s";
    assert!(told.contains(limit), "{told}");
    let told = explained(&client, "http://app.example.com/").await;
    assert_eq!(told.matches(limit).count(), 1, "{told}");
    for telephone in [one, two, free] {
        telephone.shutdown().await;
    }
}

#[tokio::test]
async fn an_account_has_what_an_administrator_says() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob, mirror) = (switchboard.client(), member(&switchboard).await, Origin::mirror().await);
    let id = get(&admin, "users?search=bob").await.json["items"][0]["id"].as_str().unwrap().to_owned();
    let set = async |client: &Client, limit: Value| {
        call(client, "PATCH", &format!("/api/v1/users/{id}"), json!({"rate_limit": limit})).await
    };
    let limit = json!({"requests": 2, "seconds": 3600});
    assert_eq!(set(&bob, limit.clone()).await.refusal(), (403, "admin_only"));
    for wrong in [json!({"requests": 2}), json!({"requests": 2, "seconds": 0}), json!("2/3600")] {
        assert!(matches!(set(&admin, wrong).await.status, 400 | 422));
    }
    let token = create(&bob, "tokens", json!({"name": "bob's"})).await;
    let telephone = switchboard.telephone_with(token["token"].as_str().unwrap(), "bobs", &mirror).await;
    let mine = switchboard.telephone("mine", &mirror).await;
    let said = set(&admin, limit.clone()).await;
    assert_eq!((said.status, &said.json["rate_limit"], &said.json["role"]), (200, &limit, &json!("member")));

    let bobs = switchboard.visitor("bobs");
    // The limit holds as soon as the table has it; until then nothing is counted.
    until(SOON, "the limit holds", async || ask(&bobs).await.2.contains_key("ratelimit")).await;
    assert_eq!(statuses::<3>(&bobs).await, [200, 429, 429]);
    let (_, code, headers) = ask(&bobs).await;
    assert_eq!(
        (code.as_str(), &headers["ratelimit-policy"]),
        ("rate_limited", &"\"owner-3600s\";q=2;w=3600".parse().unwrap())
    );
    // All that is Bob's counts as one.
    let second = create(&bob, "tunnels", json!({"subdomain": "bobs-other"})).await;
    assert_eq!(second["subdomain"], "bobs-other");
    until(SOON, "the other tunnel is there", async || ask(&switchboard.visitor("bobs-other")).await.0 == 429).await;
    let (status, _, headers) = ask(&switchboard.visitor("mine")).await;
    assert!(status == 200 && !headers.contains_key("ratelimit"), "{status} {headers:?}");
    assert!(refused(&switchboard, "rate_owner").await >= 3.0);
    let told = explained(&bob, "http://bobs.localhost/").await;
    assert!(told.contains("what its owner has, all together, takes 2 requests in 3600 s"), "{told}");
    let log = get(&admin, "audit?kind=rate_limit_changed").await.json;
    assert_eq!(log["items"][0]["detail"], "2/3600", "{log}");

    assert_eq!(set(&admin, Value::Null).await.json["rate_limit"], Value::Null);
    until(SOON, "the limit is gone", async || ask(&bobs).await.0 == 200).await;
    telephone.shutdown().await;
    mine.shutdown().await;
}

#[tokio::test]
async fn the_server_carries_as_many_as_administrators_say() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (client, bob, mirror) = (switchboard.client(), member(&switchboard).await, Origin::mirror().await);
    let telephone = switchboard.telephone("one", &mirror).await;
    let well = origin("well").await;
    create(&client, "services", json!({"name": "default", "health_check": {"enabled": false}})).await;
    backend(&client, "web", &well, &[]).await;
    create(&client, "domains", json!({"domain": "app.example.com", "service": "default"})).await;
    let (app, one) = (visitor(&switchboard, "app.example.com"), switchboard.visitor("one"));
    until(SOON, "the domain leads there", async || ask(&app).await.0 != 404).await;
    assert_eq!(get(&client, "limits").await.json, json!({"rate_limit": null}));
    let set = async |client: &Client, limit: Value| put(client, "limits", json!({"rate_limit": limit})).await;
    let limit = json!({"requests": 3, "seconds": 3600});
    assert_eq!(set(&bob, limit.clone()).await.refusal(), (403, "admin_only"));
    assert_eq!(get(&bob, "limits").await.refusal(), (403, "admin_only"));
    assert_eq!(set(&client, json!({"requests": 0, "seconds": 1})).await.status, 422);
    assert_eq!(put(&client, "limits", json!({})).await.status, 400, "nothing is said");
    let said = set(&client, limit.clone()).await;
    assert_eq!((said.status, &said.json["rate_limit"]), (200, &limit));

    // The limit holds as soon as the table has it; until then nothing is counted.
    until(SOON, "the limit holds", async || ask(&one).await.2.contains_key("ratelimit")).await;
    assert_eq!(statuses::<2>(&one).await, [200, 200]);
    for visitor in [&app, &one] {
        let (status, code, headers) = ask(visitor).await;
        assert_eq!((status, code.as_str()), (429, "rate_limited"));
        assert_eq!(headers["ratelimit-policy"], "\"server-3600s\";q=3;w=3600");
    }
    assert_eq!(refused(&switchboard, "rate_server").await, 2.0);
    assert_eq!(get(&client, "tunnels").await.status, 200, "the dashboard is not counted");
    let told = explained(&client, "http://app.example.com/").await;
    assert!(told.contains("this server takes 3 requests in 3600 s"), "{told}");
    let log = get(&client, "audit?kind=server_limit_changed").await.json;
    assert_eq!((&log["items"][0]["detail"], log["items"].as_array().unwrap().len()), (&json!("3/3600"), 1), "{log}");

    assert_eq!(set(&client, Value::Null).await.json, json!({"rate_limit": null}));
    until(SOON, "the limit is gone", async || ask(&one).await.0 == 200).await;
    telephone.shutdown().await;
}
