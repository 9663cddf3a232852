//! Heads are kept as they were received.

use http::Method;
use serde_json::json;
use telephone::{Agent, Target};

use super::recorded::{Recorded, fields, says};
use super::support::{Body, Client, Origin, Switchboard, text};

const HOST: &str = "shop.example.com";

#[tokio::test]
async fn order_case_and_repeats_stay() {
    let switchboard = Switchboard::start().await;
    let backend =
        says(b"HTTP/1.1 200 Fine\r\nX-B: 1\r\nx-a:  two words \r\nContent-Length: 2\r\nX-B: 2\r\nConnection: close\r\n\r\nok")
            .await;
    let recorded = Recorded::of_domain(&switchboard, HOST, &[("one", &backend.to_string())]).await;
    recorded.keep(json!({"level": "headers"})).await;
    let request = format!(
        "GET /a%20b?c=d&c=e HTTP/1.1\r\nX-Zeta: 1\r\nhost: {HOST}\r\nAccept: */*\r\nX-ALPHA: x\r\nx-zeta: 2\r\nConnection: close\r\n\r\n"
    );
    let answer = Client::new(switchboard.address, HOST).raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let exchange = recorded.only().await;
    let own =
        |fields: &[(&str, &str)]| fields.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    assert_eq!(exchange["request"]["start_line"], "GET /a%20b?c=d&c=e HTTP/1.1");
    let sent = [
        ("X-Zeta", "1"),
        ("host", HOST),
        ("Accept", "*/*"),
        ("X-ALPHA", "x"),
        ("x-zeta", "2"),
        ("Connection", "close"),
    ];
    assert_eq!(fields(&exchange["request"]), own(&sent));
    assert_eq!(exchange["response"]["start_line"], "HTTP/1.1 200 Fine");
    let received = [("X-B", "1"), ("x-a", "two words"), ("Content-Length", "2"), ("X-B", "2"), ("Connection", "close")];
    assert_eq!(fields(&exchange["response"]), own(&received));
    assert_eq!(exchange["answered_by"]["backend_name"], "one");
    assert_eq!(exchange["answered_by"]["tag"], "blue");
    assert_eq!((&exchange["method"], &exchange["path"]), (&json!("GET"), &json!("/a%20b?c=d&c=e")));
    assert_eq!((&exchange["host"], &exchange["protocol"]), (&json!(HOST), &json!("HTTP/1.1")));
}

#[tokio::test]
async fn what_comes_through_a_telephone_is_kept_as_the_local_server_wrote_it() {
    let switchboard = Switchboard::start().await;
    let local =
        says(b"HTTP/1.1 200 Fine\r\nX-B: 1\r\nx-a:  two words \r\nContent-Length: 2\r\nX-B: 2\r\nX-Switchboard-Head: a\r\nConnection: close\r\n\r\nok")
            .await;
    let (_, token) = switchboard.token().await;
    let target = Target::parse(&local.to_string()).unwrap();
    let telephone = Agent::builder(switchboard.url(), token).target(target).subdomain("shop").start().unwrap();
    telephone.ready().await.unwrap();
    let recorded = Recorded::of_tunnel(&switchboard, "shop").await;
    recorded.keep(json!({"level": "headers"})).await;
    let visitor = switchboard.visitor("shop");
    let answer = visitor.send(visitor.request(Method::GET, "/x?y").body(Body::default()).unwrap()).await.unwrap();
    assert!(!answer.headers().contains_key("x-switchboard-head"), "{answer:?}");
    assert_eq!(
        (answer.headers()["x-a"].as_bytes(), answer.headers().get_all("x-b").iter().count()),
        (&b"two words"[..], 2)
    );
    let exchange = recorded.only().await;
    assert_eq!(exchange["response"]["start_line"], "HTTP/1.1 200 Fine");
    let written = [
        ("X-B", "1"),
        ("x-a", "two words"),
        ("Content-Length", "2"),
        ("X-B", "2"),
        ("X-Switchboard-Head", "a"),
        ("Connection", "close"),
    ];
    assert_eq!(fields(&exchange["response"]), written.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(exchange["answered_by"]["session"].is_string(), "{exchange}");
    let timings = &exchange["timings"];
    let at = |name: &str| timings[name].as_u64().unwrap();
    assert!(at("sent_us") <= at("first_byte_us") && at("first_byte_us") <= at("done_us"), "{timings}");
}

#[tokio::test]
async fn nobody_else_hears_of_it() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "shop").await;
    let visitor = switchboard.visitor("shop");
    for level in ["metadata", "headers"] {
        recorded.keep(json!({"level": level})).await;
        let request = visitor.request(Method::GET, "/").header("x-switchboard-head", "1");
        let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
        assert!(!response.headers().contains_key("x-switchboard-head"), "{level}: {response:?}");
        let asked = text(response).await;
        assert!(!asked.contains("x-switchboard-head"), "{level}: {asked}");
    }
}
