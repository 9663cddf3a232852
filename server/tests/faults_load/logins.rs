//! Many who sign in at once, beside requests that pass through.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpSocket;

use crate::support::{Client, Origin, Programs, figure, full, until, whole};

const HASHES: &str = "switchboard_password_hashes_total";
const LOGINS: u8 = 200;
/// A deadline for a test that hangs.
const SOON: Duration = Duration::from_secs(120);

/// Tries to sign in, from an address that no other one has, until it is told that the password is wrong.
async fn sign_in(client: Client, number: u8) {
    let source = SocketAddr::from((Ipv4Addr::new(127, 0, 1, number), 0));
    // Of an account that nobody tries a second time, so that only the queue makes anybody wait.
    for attempt in 0.. {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(source).unwrap();
        let stream = socket.connect(client.address()).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let account = json!({"email": format!("a{attempt}-{number}@example.com"), "password": "wrong horse battery"});
        let request = client.request(Method::POST, "/api/v1/auth/login");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let response = sender.send_request(request.body(full(account.to_string())).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let wait = response.headers().get(header::RETRY_AFTER).map(|wait| wait.to_str().unwrap().parse().unwrap());
        whole(response).await;
        match (status, wait) {
            (401, None) => return,
            // The queue is full, and it was said when to come again.
            (429, Some(wait)) => tokio::time::sleep(Duration::from_secs(wait)).await,
            other => panic!("{other:?}"),
        }
    }
}

/// A hash takes a core for some 20 ms. Were requests to wait for those who sign in, not even three would pass before all 200
/// have been answered: as many as wait in the queue would be before each.
#[tokio::test]
async fn requests_pass_while_two_hundred_sign_in() {
    let mut programs = Programs::start().await;
    let origin = Origin::mirror().await;
    programs.telephone("shop", &origin).await;
    let service = json!({"address": origin.address.to_string(), "id": "direct", "tags": ["main"]});
    assert_eq!(programs.client().post("/api/v1/backends", &service).await.0, 201);
    let domain = json!({"domain": "app.example.com", "enabled_backends_tag": "main"});
    assert_eq!(programs.client().post("/api/v1/domains", &domain).await.0, 201);
    let visitors = [programs.visitor("shop"), Client::new(programs.address, "app.example.com")];
    for visitor in &visitors {
        until(SOON, "it is served", async || visitor.text("/").await.0 == 200).await;
    }

    let before = figure(programs.metrics, HASHES).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let client = programs.client().bearer("");
    let logins = (1..=LOGINS).map(|number| {
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            sign_in(client, number).await;
            answered.fetch_add(1, Ordering::Relaxed);
        })
    });
    let logins: Vec<_> = logins.collect();
    until(SOON, "the first one is hashed", async || figure(programs.metrics, HASHES).await > before).await;
    let mut waits = Vec::new();
    for _ in 0..20 {
        for visitor in &visitors {
            let begun = Instant::now();
            assert_eq!(visitor.text("/").await.0, 200);
            waits.push(begun.elapsed());
        }
    }
    waits.sort_unstable();
    println!("beside {LOGINS} who sign in: {:.1?} in the middle, {:.1?} at worst", waits[20], waits[39]);
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered < usize::from(LOGINS), "40 requests took as long as {answered} sign-ins");
    for ended in join_all(logins).await {
        ended.unwrap();
    }
    assert_eq!(figure(programs.metrics, HASHES).await - before, f64::from(LOGINS), "each was hashed once");
}
