//! Requests that are sent again with the same `Idempotency-Key`.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, header};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::answer::{Answer, OPEN, member, send};
use crate::setup::{create, delete, get};
use crate::support::{Client, Switchboard, full, until};

/// A deadline for a test that hangs.
const DONE: Duration = Duration::from_secs(60);

async fn post(client: &Client, path: &str, key: &str, body: Value) -> Answer {
    let request = client.request(Method::POST, &format!("/api/v1/{path}")).header("idempotency-key", key);
    let request = request.header(header::CONTENT_TYPE, "application/json").body(full(body.to_string()));
    send(client, request.unwrap()).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

async fn count(client: &Client, what: &str) -> usize {
    get(client, what).await.json["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_request_is_done_once_and_answered_twice() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (path, body) in [
        ("services", json!({"name": "shop"})),
        ("tokens", json!({"name": "laptop"})),
        ("me/tokens", json!({"name": "export", "scopes": ["read"]})),
        ("tunnels", json!({})),
    ] {
        let key = format!("\"{path}-1\"");
        let first = post(&client, path, &key, body.clone()).await;
        let second = post(&client, path, &key, body.clone()).await;
        assert_eq!((first.status, second.status), (201, 201), "{path}: {second:?}");
        assert_eq!((is_replayed(&first), is_replayed(&second)), (false, true), "{path}");
        assert_eq!(first.json, second.json, "{path}: secrets, too");
        for field in ["location", "content-type", "cache-control"] {
            assert_eq!(first.headers.get(field), second.headers.get(field), "{path}: {field}");
        }
        assert_ne!(first.headers["x-request-id"], second.headers["x-request-id"]);
        assert_eq!(count(&client, path).await, 1, "{path}");
    }
}

#[tokio::test]
async fn a_secret_is_replaced_once_and_shown_twice() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (token, _) = switchboard.token().await;
    let alert = json!({"name": "down", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/"});
    let alert = create(&client, "alerts", alert).await["id"].as_str().unwrap().to_owned();
    let paths = [
        format!("tokens/{token}/rotate"),
        format!("tokens/{token}/rotate?overlap_seconds=60"),
        format!("alerts/{alert}/rotate"),
        "security/keys/rotate".to_owned(),
    ];
    for (number, path) in paths.iter().enumerate() {
        let key = format!("k{number}");
        let first = post(&client, path, &key, json!({})).await;
        let second = post(&client, path, &key, json!({})).await;
        assert_eq!((first.status, second.status), (200, 200), "{path}: {second:?}");
        assert_eq!((is_replayed(&first), is_replayed(&second)), (false, true), "{path}");
        assert_eq!(first.json, second.json, "{path}");
        let other = post(&client, path, &format!("{key}-again"), json!({})).await;
        assert!(!is_replayed(&other) && other.json != first.json, "{path}: {other:?}");
        let reused = post(&client, "services", &key, json!({"name": "shop"})).await;
        assert_eq!(reused.refusal(), (422, "idempotency_key_reused"), "{path}");
    }
}

#[tokio::test]
async fn an_answer_survives_the_server_and_its_secret_lies_nowhere_open() {
    let switchboard = Switchboard::start().await;
    let bearer = switchboard.bearer.clone();
    let made = post(&switchboard.client(), "tokens", "k", json!({"name": "laptop"})).await;
    let secret = made.json["token"].as_str().unwrap().to_owned();
    let folder = switchboard.stop().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    let switchboard = Switchboard::start_in(folder, &[]).await;
    let again = post(&switchboard.client().bearer(&bearer), "tokens", "k", json!({"name": "laptop"})).await;
    assert_eq!((again.status, is_replayed(&again), &again.json), (201, true, &made.json));
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (ada, bob) = (switchboard.client(), member(&switchboard).await);
    assert_eq!(post(&ada, "services", "k", json!({"name": "shop"})).await.status, 201);
    for (path, body) in [
        ("services", json!({"name": "blog"})),
        ("services?owner=x", json!({"name": "shop"})),
        ("tokens", json!({"name": "shop"})),
    ] {
        assert_eq!(post(&ada, path, "k", body).await.refusal(), (422, "idempotency_key_reused"), "{path}");
    }
    // Others' keys are others', and so are those of a token that may do less.
    let bobs = post(&bob, "services", "k", json!({"name": "shop"})).await;
    assert_eq!((bobs.status, is_replayed(&bobs)), (201, false));
    let robot = create(&ada, "me/tokens", json!({"name": "robot", "scopes": ["tunnels"]})).await;
    let robot = ada.clone().bearer(robot["token"].as_str().unwrap());
    let refused = post(&robot, "services", "k", json!({"name": "shop"})).await;
    assert_eq!(refused.refusal(), (403, "insufficient_scope"));
    let nobody = post(&ada.clone().bearer(""), "services", "k", json!({"name": "shop"})).await;
    assert_eq!(nobody.refusal(), (401, "unauthorized"));
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    create(&client, "services", json!({"name": "shop"})).await;
    for _ in 0..2 {
        let taken = post(&client, "services", "k", json!({"name": "shop"})).await;
        assert_eq!(taken.refusal(), (409, "service_exists"));
    }
    assert_eq!(delete(&client, "services/shop").await.status, 204);
    let made = post(&client, "services", "k", json!({"name": "shop"})).await;
    assert_eq!((made.status, is_replayed(&made)), (201, false));
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let answers = join_all((0..16).map(|_| post(&client, "tunnels", "k", json!({})))).await;
    assert_eq!(count(&client, "tunnels").await, 1);
    let (made, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201 && !is_replayed(answer));
    assert_eq!(made.len(), 1, "{answers:?}");
    for other in others {
        if is_replayed(other) {
            assert_eq!(other.json, made[0].json);
        } else {
            assert_eq!(other.refusal(), (409, "request_under_way"));
        }
    }
    assert!(is_replayed(&post(&client, "tunnels", "k", json!({})).await));
}

#[tokio::test]
async fn who_went_away_before_the_answer_gets_it_later() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let mut stream = TcpStream::connect(switchboard.address).await.unwrap();
    let request = format!(
        "POST /api/v1/tunnels HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        switchboard.address.port(),
        switchboard.bearer
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // Read by the server, and perhaps under way; whatever comes of it, there will be one.
    stream.shutdown().await.unwrap();
    drop(stream);
    until(DONE, "the tunnel is made", async || {
        let answer = post(&client, "tunnels", "k", json!({})).await;
        assert!(matches!(answer.status, 201 | 409), "{answer:?}");
        answer.status == 201
    })
    .await;
    assert_eq!(count(&client, "tunnels").await, 1);
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_where_nothing_is_made_it_has_no_meaning() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for key in ["", "\"open", "a b", &"k".repeat(256)] {
        let refused = post(&client, "services", key, json!({"name": "shop"})).await;
        assert_eq!(refused.refusal(), (400, "invalid_idempotency_key"), "{key}");
    }
    let tunnel = create(&client, "tunnels", json!({})).await;
    for action in ["pause", "resume"] {
        let path = format!("tunnels/{}/{action}", tunnel["id"].as_str().unwrap());
        let answer = post(&client, &path, "k", json!({})).await;
        assert_eq!((answer.status, is_replayed(&answer)), (200, false), "{action}");
    }
}
