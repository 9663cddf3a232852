//! Heads are kept as they were received.

use serde_json::json;

use super::recorded::{Recorded, fields, says};
use super::support::{Client, Origin, Switchboard};

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
async fn what_came_through_a_telephone_is_kept_as_it_came_over_the_line() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "shop").await;
    recorded.keep(json!({"level": "headers"})).await;
    let visitor = switchboard.visitor("shop");
    assert_eq!(visitor.text("/x?y").await.0, 200);
    let exchange = recorded.only().await;
    assert_eq!(exchange["response"]["start_line"], "HTTP/1.1 200 OK");
    assert!(fields(&exchange["response"]).iter().any(|(name, _)| name == "content-length"), "{exchange}");
    assert!(exchange["answered_by"]["session"].is_string(), "{exchange}");
    let timings = &exchange["timings"];
    let at = |name: &str| timings[name].as_u64().unwrap();
    assert!(at("sent_us") <= at("first_byte_us") && at("first_byte_us") <= at("done_us"), "{timings}");
}
