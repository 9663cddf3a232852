//! Clients that stay with their backend.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use http::Method;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::setup::{Named, ask, change, make, unchecked_service, visitor};
use super::support::{Body, Client, Switchboard, text, until};

async fn three(switchboard: &Switchboard, affinity: Value) -> (Client, [Named; 3]) {
    let (a, b, c) = tokio::join!(Named::start("a"), Named::start("b"), Named::start("c"));
    unchecked_service(switchboard, "pool", json!({"affinity": affinity})).await;
    for (id, backend) in [("a", &a), ("b", &b), ("c", &c)] {
        make(switchboard, "backends", json!({"id": id, "address": backend.address(), "service": "pool"})).await;
    }
    make(switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(switchboard, "pool.example.com");
    until(Duration::from_secs(10), "the pool", async || visitor.text("/").await.0 == 200).await;
    (visitor, [a, b, c])
}

#[tokio::test]
async fn a_cookie_ties_a_client_until_its_backend_is_gone() {
    let switchboard = Switchboard::start().await;
    let (visitor, _backends) = three(&switchboard, json!({"kind": "cookie", "name": "stay"})).await;
    let (_, headers, first) = ask(&visitor, Method::GET, "/", &[], Body::default()).await;
    let cookie = headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("stay=") && cookie.contains("HttpOnly") && cookie.contains("Path=/"), "{cookie}");
    let pair = format!("other=1; {}", cookie.split(';').next().unwrap());
    for _ in 0..10 {
        let (_, headers, again) = ask(&visitor, Method::GET, "/", &[("cookie", &pair)], Body::default()).await;
        assert_eq!(again, first);
        assert!(!headers.contains_key("set-cookie"));
    }
    // Who drains keeps its clients and takes no new ones; who is stopped keeps none.
    change(&switchboard, &format!("backends/{first}"), json!({"state": "draining"})).await;
    until(Duration::from_secs(10), "no new clients", async || {
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            seen.insert(visitor.text("/").await.1);
        }
        !seen.contains(&first)
    })
    .await;
    assert_eq!(ask(&visitor, Method::GET, "/", &[("cookie", &pair)], Body::default()).await.2, first);
    change(&switchboard, &format!("backends/{first}"), json!({"state": "stopped"})).await;
    until(Duration::from_secs(10), "another backend and cookie", async || {
        let (_, headers, now) = ask(&visitor, Method::GET, "/", &[("cookie", &pair)], Body::default()).await;
        now != first && headers.contains_key("set-cookie")
    })
    .await;
}

#[tokio::test]
async fn a_header_ties_a_client() {
    let switchboard = Switchboard::start().await;
    let (visitor, _backends) = three(&switchboard, json!({"kind": "header", "name": "x-user"})).await;
    let mut seen = BTreeSet::new();
    for user in 0..30 {
        let user = user.to_string();
        let (_, _, first) = ask(&visitor, Method::GET, "/", &[("x-user", &user)], Body::default()).await;
        for _ in 0..3 {
            assert_eq!(ask(&visitor, Method::GET, "/", &[("x-user", &user)], Body::default()).await.2, first);
        }
        seen.insert(first);
    }
    assert_eq!(seen.len(), 3, "thirty clients are spread over three backends");
}

/// Asks from an address of this machine.
async fn ask_from(client: &Client, address: Ipv4Addr) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    let stream = socket.connect(client.address()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = client.request(Method::GET, "/").body(Body::default()).unwrap();
    text(sender.send_request(request).await.unwrap()).await
}

#[tokio::test]
async fn an_address_ties_a_client() {
    let switchboard = Switchboard::start().await;
    let (visitor, _backends) = three(&switchboard, json!({"kind": "client_address"})).await;
    let mut seen = BTreeSet::new();
    for last in 1..=30 {
        let address = Ipv4Addr::new(127, 0, 1, last);
        let first = ask_from(&visitor, address).await;
        for _ in 0..3 {
            assert_eq!(ask_from(&visitor, address).await, first);
        }
        seen.insert(first);
    }
    assert_eq!(seen.len(), 3, "thirty clients are spread over three backends");
}
