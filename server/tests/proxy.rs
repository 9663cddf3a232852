//! Requests through a tunnel, as a visitor and a local server see them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use support::{Body, Origin, Switchboard, full, one_by_one, streamed, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

#[tokio::test]
async fn a_request_arrives_whole_and_says_where_it_came_from() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("mirror", &origin).await;
    let visitor = switchboard.visitor("mirror");
    let request = visitor
        .request(Method::PATCH, "/a%20b/c?d=e&f")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .header("x-forwarded-for", "6.6.6.6")
        .header(header::CONNECTION, "x-hop")
        .header("x-hop", "gone")
        .body(full("hello"))
        .unwrap();
    let response = visitor.send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-request-id"));
    let seen = text(response).await;
    assert!(seen.starts_with("PATCH /a%20b/c?d=e&f\n"), "{seen}");
    assert!(seen.ends_with("\n\nhello"), "{seen}");
    for line in
        ["x-twice: 1\nx-twice: 2", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http", "via: 1.1 switchboard"]
    {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert!(seen.contains(&format!("host: mirror.localhost:{}\n", switchboard.address.port())), "{seen}");
    assert!(!seen.contains("6.6.6.6") && !seen.contains("x-hop"), "{seen}");
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let switchboard = Switchboard::start().await;
    let (events, body) = streamed();
    let origin = Origin::stream(body).await;
    let _telephone = switchboard.telephone("events", &origin).await;
    let visitor = switchboard.visitor("events");
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    one_by_one(events, response.into_body()).await;
}

#[tokio::test]
async fn request_and_response_stream_at_the_same_time() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::echo().await;
    let _telephone = switchboard.telephone("echo", &origin).await;
    let visitor = switchboard.visitor("echo");
    let (chunks, body) = streamed();
    let response = visitor.send(visitor.request(Method::POST, "/").body(body).unwrap()).await.unwrap();
    one_by_one(chunks, response.into_body()).await;
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let body = request.into_body().collect().await.unwrap();
        let checksum = body.trailers().unwrap()["x-checksum"].clone();
        let (chunks, body) = streamed();
        tokio::spawn(async move {
            chunks.send(Ok(Frame::data(Bytes::from_static(b"body")))).await.unwrap();
            let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-checksum"), checksum)]);
            chunks.send(Ok(Frame::trailers(trailers))).await.unwrap();
        });
        Response::builder().header(header::TRAILER, "x-checksum").body(body).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("trailers", &origin).await;
    let visitor = switchboard.visitor("trailers");
    let (chunks, body) = streamed();
    let request =
        visitor.request(Method::POST, "/").header(header::TE, "trailers").header(header::TRAILER, "x-checksum");
    let answer = tokio::spawn({
        let (visitor, request) = (visitor.clone(), request.body(body).unwrap());
        async move { visitor.send(request).await.unwrap() }
    });
    chunks.send(Ok(Frame::data(Bytes::from_static(b"question")))).await.unwrap();
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-checksum"), HeaderValue::from_static("1234"))]);
    chunks.send(Ok(Frame::trailers(trailers))).await.unwrap();
    drop(chunks);
    let body = answer.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-checksum"], "1234");
    assert_eq!(body.to_bytes(), "body");
}

#[tokio::test]
async fn a_websocket_passes() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |mut request| {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let response = Response::builder().status(101).header(header::CONNECTION, "upgrade");
        response.header(header::UPGRADE, "websocket").body(Body::default()).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("sockets", &origin).await;
    let visitor = switchboard.visitor("sockets");
    let request =
        visitor.request(Method::GET, "/").header(header::CONNECTION, "Upgrade").header(header::UPGRADE, "websocket");
    let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()[header::UPGRADE], "websocket");
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    for message in ["one", "two"] {
        socket.write_all(message.as_bytes()).await.unwrap();
        let mut echo = vec![0; message.len()];
        socket.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, message.as_bytes());
    }
    // The half-close travels to the local server and back.
    socket.shutdown().await.unwrap();
    assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn responses_without_a_body_keep_the_connection_in_step() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let builder = Response::builder();
        match request.uri().path() {
            "/204" => builder.status(204).body(Body::default()).unwrap(),
            "/304" => builder.status(304).header(header::ETAG, "\"x\"").body(Body::default()).unwrap(),
            _ => builder.header("x-method", request.method().as_str()).body(full("twelve bytes")).unwrap(),
        }
    })
    .await;
    let _telephone = switchboard.telephone("bodyless", &origin).await;
    let visitor = switchboard.visitor("bodyless");
    let mut connection = visitor.connect().await;
    for (method, path, status, length) in [
        (Method::HEAD, "/", 200, Some("12")),
        (Method::GET, "/204", 204, None),
        (Method::GET, "/304", 304, None),
        (Method::GET, "/", 200, Some("12")),
    ] {
        let request = visitor.request(method.clone(), path).body(Body::default()).unwrap();
        let response = connection.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        let declared = response.headers().get(header::CONTENT_LENGTH).map(|value| value.to_str().unwrap());
        assert_eq!(declared, length, "{method} {path}");
        let body = text(response).await;
        assert_eq!(body, if method == Method::GET && path == "/" { "twelve bytes" } else { "" });
    }
}

#[tokio::test]
async fn a_visitor_who_leaves_cancels_the_local_request() {
    let switchboard = Switchboard::start().await;
    let (arrived_at, mut arrived) = mpsc::channel(1);
    let (gone_at, gone) = oneshot::channel::<()>();
    let gone_at = Arc::new(std::sync::Mutex::new(Some(gone_at)));
    let origin = Origin::start(move |_| {
        let (arrived_at, gone_at) = (arrived_at.clone(), gone_at.lock().unwrap().take());
        async move {
            // Dropped with the request; the other end sees that.
            let _gone_at = gone_at;
            arrived_at.send(()).await.unwrap();
            std::future::pending().await
        }
    })
    .await;
    let _telephone = switchboard.telephone("slow", &origin).await;
    let request = format!("GET / HTTP/1.1\r\nHost: slow.localhost:{}\r\n\r\n", switchboard.address.port());
    let mut visitor = tokio::net::TcpStream::connect(switchboard.address).await.unwrap();
    visitor.write_all(request.as_bytes()).await.unwrap();
    arrived.recv().await.unwrap();
    drop(visitor);
    assert!(gone.await.is_err());
}

#[tokio::test]
async fn a_response_that_breaks_off_is_seen_to_break_off() {
    let switchboard = Switchboard::start().await;
    let (chunks, body) = streamed();
    let body = std::sync::Mutex::new(Some(body));
    let origin = Origin::start(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { Response::new(body) }
    })
    .await;
    let _telephone = switchboard.telephone("broken", &origin).await;
    let visitor = switchboard.visitor("broken");
    chunks.send(Ok(Frame::data(Bytes::from_static(b"half of it")))).await.unwrap();
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half of it");
    chunks.send(Err(std::io::Error::other("the test breaks it off"))).await.unwrap();
    assert!(body.frame().await.unwrap().is_err());
}

#[tokio::test]
async fn who_cannot_be_answered_is_told_why() {
    let switchboard = Switchboard::start().await;
    let (status, body) = switchboard.visitor("nobody").text("/").await;
    assert_eq!((status, body.as_str()), (404, "Service Not Found"));

    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("away", &origin).await;
    let address = origin.address;
    drop(origin);
    let (status, body) = switchboard.visitor("away").text("/").await;
    assert_eq!(status, 502);
    assert!(body.contains(&address.to_string()), "{body}");

    telephone.shutdown().await;
    let visitor = switchboard.visitor("away");
    let request = visitor.request(Method::GET, "/").header(header::ACCEPT, "application/json");
    let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-switchboard-error"], "tunnel_offline");
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let error: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(error["error"]["code"], "tunnel_offline");
    assert_eq!(error["error"]["request_id"], *id);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let host = format!("localhost:{}", switchboard.address.port());
    let long = "x".repeat(17 * 1024);
    let many: String = (0..120).map(|n| format!("x-{n}: 1\r\n")).collect();
    for (request, status) in [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET http://other.example/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n".to_owned(), 400),
        (format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 405),
        (format!("TRACE / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 405),
        (format!("GET /{long} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nx: {long}{long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\n{many}\r\n"), 431),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        let answer = client.raw(request.as_bytes()).await;
        let start: String = request.chars().take(40).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start:?}: {answer}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let switchboard =
        Switchboard::start_with(&[("SWITCHBOARD_HEADER_TIMEOUT", "1s"), ("SWITCHBOARD_IDLE_TIMEOUT", "1s")]).await;
    let client = switchboard.client();
    assert_eq!(client.raw(b"").await, "");
    assert_eq!(client.raw(b"GET / HTTP/1.1\r\nHost: loc").await, "");
    // Kept alive after an answer, and then silent.
    let host = format!("localhost:{}", switchboard.address.port());
    let answer = client.raw(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// A connection without requests is taken apart after a moment; nobody must see that.
#[tokio::test]
async fn a_quiet_connection_goes_on_where_it_was() {
    let switchboard = Switchboard::start().await;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", switchboard.address.port());
    let mut socket = TcpStream::connect(switchboard.address).await.unwrap();
    // The beginning of the second request comes with the first one, the rest of it only after the pause.
    let (begun, rest) = request.split_at(20);
    let pieces = [format!("{request}{begun}"), rest.to_owned(), request.clone()];
    for piece in pieces {
        let mut answer = Vec::new();
        socket.write_all(piece.as_bytes()).await.unwrap();
        while !answer.ends_with(b"ok\n") {
            assert_ne!(socket.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
}

#[tokio::test]
async fn a_thousand_slow_streams_share_one_telephone() {
    const STREAMS: usize = 1_000;
    let switchboard = Switchboard::start().await;
    let (release, _) = tokio::sync::broadcast::channel::<()>(1);
    let (arrived_at, mut arrived) = mpsc::channel(STREAMS);
    let released = release.clone();
    let origin = Origin::start(move |_| {
        let (mut released, arrived_at) = (released.subscribe(), arrived_at.clone());
        async move {
            let (chunks, body) = streamed();
            tokio::spawn(async move {
                chunks.send(Ok(Frame::data(Bytes::from_static(b"begun ")))).await.unwrap();
                arrived_at.send(()).await.unwrap();
                released.recv().await.unwrap();
                chunks.send(Ok(Frame::data(Bytes::from_static(b"done")))).await.unwrap();
            });
            Response::new(body)
        }
    })
    .await;
    let _telephone = switchboard.telephone("many", &origin).await;
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..STREAMS {
        let visitor = switchboard.visitor("many");
        visitors.spawn(async move { visitor.text("/").await });
    }
    for _ in 0..STREAMS {
        arrived.recv().await.unwrap();
    }
    release.send(()).unwrap();
    while let Some(answer) = visitors.join_next().await {
        assert_eq!(answer.unwrap(), (200, "begun done".to_owned()));
    }
}
