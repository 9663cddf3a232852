//! What is held in memory of exchanges has a bound, heads included.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};

use super::recorded::{Recorded, SOON, id};
use super::support::{Body, Origin, Switchboard, until};

/// The most that may be kept of a body, bytes.
const BODY: usize = 8 * 1024 * 1024;
/// As many of them as fill what there is, 64 MiB, and one more.
const BODIES: usize = 9;
/// Within which all of them are written; the recorder gives each batch ten seconds, and waits two after one that failed.
const WRITTEN: Duration = Duration::from_secs(120);

/// A request that stays open.
async fn open(switchboard: &Switchboard, head: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(switchboard.address).await.unwrap();
    let head = format!("{head} HTTP/1.1\r\nHost: full.localhost\r\nContent-Length: {}\r\n\r\n", 2 * body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

#[tokio::test]
async fn a_head_that_finds_no_room_is_not_recorded_and_counted() {
    let switchboard = Switchboard::start().await;
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let received = Arc::new(Semaphore::new(0));
    let origin = {
        let (asked, answer, received) = (asked.clone(), answer.clone(), received.clone());
        Origin::start(move |request: http::Request<hyper::body::Incoming>| {
            let (asked, answer, received) = (asked.clone(), answer.clone(), received.clone());
            async move {
                match request.uri().path() {
                    "/held" => {
                        asked.notify_one();
                        answer.notified().await;
                        Response::builder().header("X-Large", "x".repeat(12_000)).body(Body::default()).unwrap()
                    }
                    "/after" => Response::new(Body::default()),
                    _ => {
                        let mut body = request.into_body();
                        while let Some(Ok(frame)) = body.frame().await {
                            received.add_permits(frame.data_ref().map_or(0, bytes::Bytes::len));
                        }
                        std::future::pending().await
                    }
                }
            }
        })
        .await
    };
    let _telephone = switchboard.telephone("full", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "full").await;
    recorded.keep(json!({"level": "bodies", "body_limit": BODY})).await;
    let dropped = async || switchboard.figure("switchboard_exchanges_dropped_total{reason=\"busy\"}").await;

    let visitor = switchboard.visitor("full");
    let held = tokio::spawn({
        let visitor = visitor.clone();
        async move { visitor.send(visitor.request(http::Method::GET, "/held").body(Body::default()).unwrap()).await }
    });
    asked.notified().await;
    let piece = vec![b'x'; BODY];
    let mut open_ones = Vec::new();
    for _ in 0..BODIES {
        open_ones.push(open(&switchboard, "POST /", &piece).await);
    }
    let all = u32::try_from(BODIES * BODY).unwrap();
    received.acquire_many(all).await.unwrap().forget();
    until(SOON, "there is no room for anything", async || {
        open_ones.push(open(&switchboard, "GET /", b"").await);
        dropped().await > 0.0
    })
    .await;

    let before = dropped().await;
    answer.notify_one();
    let held = id(&held.await.unwrap().unwrap());
    until(SOON, "its head finds none", async || dropped().await > before).await;
    drop(open_ones);
    until(WRITTEN, "what comes later is recorded", async || {
        let response = visitor.request(http::Method::GET, "/after").body(Body::default()).unwrap();
        let id = id(&visitor.send(response).await.unwrap());
        recorded.is_there(&id).await
    })
    .await;
    assert!(!recorded.is_there(&held).await);
}
