//! Requests and answers as both ends see them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::SOON;
use crate::client::{Http2, read};
use crate::raw::{END_HEADERS, END_STREAM, HEADERS, REFUSED_STREAM, Raw, get};
use crate::support::{Origin, Switchboard, full, streamed, within};

#[tokio::test]
async fn the_dashboard_answers() {
    let switchboard = Switchboard::start().await;
    let client = Http2::dashboard(&switchboard).await;
    let answer = client.ask(client.get("/healthz"), "").await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains_key(header::DATE));
    let account = format!(r#"{{"email":"{}","password":"{}"}}"#, Switchboard::EMAIL, Switchboard::PASSWORD);
    let request = client.request(Method::POST, "/api/v1/auth/login").header(header::CONTENT_TYPE, "application/json");
    let answer = client.ask(request.body(()).unwrap(), account).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers[header::CONTENT_LENGTH], answer.body.len().to_string());
}

#[tokio::test]
async fn a_request_arrives_whole_and_says_where_it_came_from() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("mirror", &origin).await;
    let visitor = Http2::visitor(&switchboard, "mirror").await;
    let request = visitor
        .request(Method::PATCH, "/a%20b/c?d=e&f")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .header("cookie", "a=1")
        .header("cookie", "b=2; c=3")
        .header("te", "trailers")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x_forwarded_for", "6.6.6.6")
        .body(())
        .unwrap();
    let answer = visitor.ask(request, "hello").await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains_key("x-request-id"));
    let seen = answer.text();
    assert!(seen.starts_with("PATCH /a%20b/c?d=e&f\n"), "{seen}");
    assert!(seen.ends_with("\n\nhello"), "{seen}");
    let host = format!("host: mirror.localhost:{}\n", switchboard.address.port());
    for line in [
        "x-twice: 1\nx-twice: 2\n",
        "cookie: a=1; b=2; c=3\n",
        "te: trailers\n",
        "x-forwarded-for: 127.0.0.1\n",
        "x-forwarded-proto: http\n",
        "via: 2 switchboard",
        &host,
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert!(!seen.contains("6.6.6.6") && !seen.contains(":authority"), "{seen}");
}

#[tokio::test]
async fn a_host_that_says_the_same_as_the_authority_is_one_host() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("host", &origin).await;
    let visitor = Http2::visitor(&switchboard, "host").await;
    let host = format!("HOST.localhost:{}", switchboard.address.port());
    let request = visitor.request(Method::GET, "/").header(header::HOST, &host).body(()).unwrap();
    let answer = visitor.ask(request, "").await.unwrap();
    assert_eq!(answer.text().matches("\nhost: ").count(), 1, "{}", answer.text());
    for other in ["other.localhost", "host.localhost"] {
        let request = visitor.request(Method::GET, "/").header(header::HOST, other).body(()).unwrap();
        let answer = visitor.ask(request, "").await.unwrap();
        assert_eq!(answer.status, 400);
        assert_eq!(answer.headers["x-switchboard-error"], "bad_host");
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_answered_and_no_more() {
    let switchboard = Switchboard::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let origin = Origin::start(move |_| {
        let gate = gate.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Response::new(full("through"))
        }
    })
    .await;
    let _telephone = switchboard.telephone("many", &origin).await;
    let visitor = Http2::visitor(&switchboard, "many").await;
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(visitor.open(visitor.get("/"), true).await.0);
    }
    // One who does not keep to the limit is refused what is beyond it, and may send it again.
    let authority = format!("many.localhost:{}", switchboard.address.port());
    let mut greedy = Raw::to(switchboard.address).await;
    for stream in (1..=201).step_by(2) {
        greedy.send(HEADERS, END_HEADERS | END_STREAM, stream, &get(&authority, &[])).await;
    }
    assert_eq!(within(SOON, "a refusal", greedy.reset_of(201)).await, Some(REFUSED_STREAM));
    opened.add_permits(200);
    for answer in answers {
        let answer = within(SOON, "an answer", async { read(answer.await.unwrap()).await.unwrap() }).await;
        assert_eq!(answer.text(), "through");
    }
    assert!(within(SOON, "an answer", greedy.next_of(HEADERS, 1)).await.is_some());
}

#[tokio::test]
async fn responses_without_a_body_have_none() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let response = Response::builder().header("x-method", request.method().as_str());
        match request.uri().path() {
            "/none" => response.status(204).body(full("")).unwrap(),
            "/same" => response.status(304).header(header::ETAG, "\"x\"").body(full("")).unwrap(),
            _ => response.header(header::CONTENT_LENGTH, 5).body(full("hello")).unwrap(),
        }
    })
    .await;
    let _telephone = switchboard.telephone("bodiless", &origin).await;
    let visitor = Http2::visitor(&switchboard, "bodiless").await;
    let head = visitor.request(Method::HEAD, "/").body(()).unwrap();
    let answer = visitor.ask(head, "").await.unwrap();
    assert_eq!((answer.headers[header::CONTENT_LENGTH].as_bytes(), answer.body.len()), (&b"5"[..], 0));
    for (path, status) in [("/none", 204), ("/same", 304)] {
        let answer = visitor.ask(visitor.get(path), "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
        assert!(!answer.headers.contains_key(header::CONTENT_LENGTH), "{path}");
    }
    assert_eq!(visitor.ask(visitor.get("/"), "").await.unwrap().body, "hello");
}

#[tokio::test]
async fn what_belongs_to_the_local_connection_stays_there() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |_| {
        let response = Response::builder().header(header::CONNECTION, "x-hop").header("x-hop", "gone");
        response.header("keep-alive", "timeout=5").header("x-kept", "1").body(full("hello")).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("hops", &origin).await;
    let visitor = Http2::visitor(&switchboard, "hops").await;
    let answer = visitor.ask(visitor.get("/"), "").await.unwrap();
    assert_eq!(answer.headers["x-kept"], "1");
    for name in ["connection", "x-hop", "keep-alive", "transfer-encoding"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
}

/// A local server for one connection, byte by byte.
async fn raw_origin(answer: &'static [u8]) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut head).await.unwrap() > 0);
        }
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        while matches!(stream.read_buf(&mut head).await, Ok(1..)) {}
    });
    (address, task)
}

#[tokio::test]
async fn informational_responses_pass() {
    let switchboard = Switchboard::start().await;
    let (address, _local) = raw_origin(
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let (_, token) = switchboard.token().await;
    let target = telephone::Target::parse(&address.to_string()).unwrap();
    let agent = telephone::Agent::builder(switchboard.url(), &token).target(target).subdomain("hints").start().unwrap();
    agent.ready().await.unwrap();
    let visitor = Http2::visitor(&switchboard, "hints").await;
    let (mut response, _) = visitor.open(visitor.get("/"), true).await;
    let hints = std::future::poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
    assert_eq!(hints.status(), StatusCode::EARLY_HINTS);
    assert_eq!(hints.headers()[header::LINK], "</style.css>");
    assert_eq!(read(response.await.unwrap()).await.unwrap().body, "ok");
}

#[tokio::test]
async fn a_client_that_waits_for_a_100_gets_it() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("expects", &origin).await;
    let visitor = Http2::visitor(&switchboard, "expects").await;
    let request = visitor.request(Method::POST, "/").header(header::EXPECT, "100-continue").body(()).unwrap();
    let (mut response, mut send) = visitor.open(request, false).await;
    let first = within(SOON, "a 100", std::future::poll_fn(|cx| response.poll_informational(cx))).await;
    assert_eq!(first.unwrap().unwrap().status(), StatusCode::CONTINUE);
    send.send_data(Bytes::from_static(b"the rest"), true).unwrap();
    let answer = within(SOON, "an answer", async { read(response.await.unwrap()).await.unwrap() }).await;
    assert!(answer.text().ends_with("\n\nthe rest"), "{}", answer.text());
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    // As gRPC has it: the status of the call is in the trailers of the response.
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let body = request.into_body().collect().await.unwrap();
        let checksum = body.trailers().unwrap()["x-checksum"].clone();
        let (chunks, body) = streamed();
        tokio::spawn(async move {
            chunks.send(Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x02hi")))).await.unwrap();
            let status = (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
            let trailers = HeaderMap::from_iter([status, (HeaderName::from_static("x-checksum"), checksum)]);
            chunks.send(Ok(Frame::trailers(trailers))).await.unwrap();
        });
        let response = Response::builder().header(header::CONTENT_TYPE, "application/grpc");
        response.header(header::TRAILER, "grpc-status, x-checksum").body(body).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("trailers", &origin).await;
    let visitor = Http2::visitor(&switchboard, "trailers").await;
    let request = visitor.request(Method::POST, "/pkg.Service/Call").header(header::TE, "trailers");
    let request = request.header(header::CONTENT_TYPE, "application/grpc").header(header::TRAILER, "x-checksum");
    let (response, mut send) = visitor.open(request.body(()).unwrap(), false).await;
    send.send_data(Bytes::from_static(b"\0\0\0\0\x02yo"), false).unwrap();
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-checksum"), HeaderValue::from_static("1234"))]);
    send.send_trailers(trailers).unwrap();
    let answer = within(SOON, "an answer", async { read(response.await.unwrap()).await.unwrap() }).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/grpc");
    assert_eq!(answer.body, &b"\0\0\0\0\x02hi"[..]);
    let trailers = answer.trailers.unwrap();
    assert_eq!((&trailers["grpc-status"], &trailers["x-checksum"]), (&"0".parse().unwrap(), &"1234".parse().unwrap()));
}

#[tokio::test]
async fn who_cannot_be_answered_is_told_why() {
    let switchboard = Switchboard::start().await;
    let client = Http2::dashboard(&switchboard).await;
    let long = format!("/{}", "x".repeat(20_000));
    let (some, large) = ("x".repeat(12_000), "x".repeat(20_000));
    let get = |path: &str| client.request(Method::GET, path);
    let many = (0..120).fold(get("/"), |request, n| request.header(format!("x-{n}"), "1"));
    for (request, status, code) in [
        (get("/tunnel").body(()).unwrap(), 426, "websocket_required"),
        (client.request(Method::TRACE, "/").body(()).unwrap(), 405, "method_not_allowed"),
        (get(&long).body(()).unwrap(), 414, "uri_too_long"),
        (get("/").header("x-a", &large).body(()).unwrap(), 431, "head_too_large"),
        (
            get("/").header("x-a", &some).header("x-b", &some).header("x-c", &some).body(()).unwrap(),
            431,
            "head_too_large",
        ),
        (many.body(()).unwrap(), 431, "head_too_large"),
    ] {
        let answer = client.ask(request, "").await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.headers["x-switchboard-error"].as_bytes()),
            (status, code.as_bytes())
        );
        assert!(!answer.body.is_empty() && answer.headers.contains_key("x-request-id"));
    }
    let connect = http::Request::builder().method(Method::CONNECT).uri("other.example:443").body(()).unwrap();
    let answer = client.ask(connect, "").await.unwrap();
    assert_eq!(answer.status, 405);
    let nobody = Http2::visitor(&switchboard, "nobody").await;
    assert_eq!(nobody.ask(nobody.get("/"), "").await.unwrap().status, 404);
}
