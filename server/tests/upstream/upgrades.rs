//! Connections that stop being HTTP.

use bytes::Bytes;
use http::{HeaderValue, Method};
use http_body_util::Full;
use server::upstream::{Answer, IfLost};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::asking::{get, head, upstream};
use crate::raw::RawOrigin;

#[tokio::test]
async fn an_upgrade_becomes_a_stream_of_bytes() {
    let origin = RawOrigin::start(async |mut connection| {
        while let Some(head) = connection.head().await {
            if !head.contains("upgrade: echo\r\n") {
                connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                continue;
            }
            assert!(head.contains("connection: upgrade\r\n"), "{head}");
            connection.write(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello\n").await;
            while let Some(line) = connection.read_to(b"\n").await {
                connection.write(&line).await;
            }
            return;
        }
    })
    .await;
    let upstream = upstream(origin.address);
    get(&upstream).await.unwrap();
    let mut asked = head(Method::GET, "/");
    asked.upgrade = Some(HeaderValue::from_static("echo"));
    let before = asked.clone();
    let answered = upstream.request(&mut asked, None::<Full<Bytes>>, IfLost::SendAgain, |_, _| {}).await.unwrap();
    assert_eq!(asked, before);
    let Answer::Upgraded(head, mut io) = answered else { panic!("{answered:?}") };
    assert_eq!(head.headers["upgrade"], "echo");
    // What came behind the head is not lost.
    let mut greeting = [0; 6];
    io.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"hello\n");
    io.write_all(b"ping\n").await.unwrap();
    let mut echoed = [0; 5];
    io.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"ping\n");
    assert_eq!(upstream.connections().open, 2);
    drop(io);
    assert_eq!(upstream.connections().open, 1);
    // The connection of before was left alone.
    get(&upstream).await.unwrap();
    assert_eq!(origin.accepted(), 2);
}

#[tokio::test]
async fn a_wish_for_an_upgrade_may_be_declined() {
    let origin = RawOrigin::start(async |mut connection| {
        while connection.head().await.is_some() {
            connection.write(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno").await;
        }
    })
    .await;
    let upstream = upstream(origin.address);
    let mut asked = head(Method::GET, "/");
    asked.upgrade = Some(HeaderValue::from_static("echo"));
    let answered = upstream.request(&mut asked, None::<Full<Bytes>>, IfLost::SendAgain, |_, _| {}).await.unwrap();
    let Answer::Response(head, body) = answered else { panic!("{answered:?}") };
    assert_eq!(head.status, 426);
    assert_eq!(crate::asking::text(body).await.unwrap(), "no");
    assert_eq!(upstream.connections().idle, 1);
}
