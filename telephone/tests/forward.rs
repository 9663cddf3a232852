//! Requests through a real agent to local web servers, good and bad ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use support::hub::{Hub, Session};
use support::local::Local;
use support::{collect, fields, get, pattern, request, text, with};
use telephone::line::{Head, RecvBody, StreamError, pipe};
use telephone::{Agent, AgentHandle, Event, Outcome, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::Notify;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};

async fn tunnel(target: &str) -> (Session, AgentHandle) {
    let mut hub = Hub::start().await;
    let agent = Agent::builder(&hub.url, "sbt_test").target(Target::parse(target).unwrap()).start().unwrap();
    (hub.accept().await, agent)
}

async fn ask(session: &Session, head: &RequestHead) -> (ResponseHead, RecvBody) {
    session.line.open(head, true).unwrap().1.await.unwrap()
}

async fn finished(events: &mut tokio::sync::broadcast::Receiver<Event>) -> (String, Option<u16>, u64, Outcome) {
    loop {
        if let Event::Request { path, status, bytes, outcome, .. } = events.recv().await.unwrap() {
            return (path, status, bytes, outcome);
        }
    }
}

#[tokio::test]
async fn requests_reach_the_local_server_unchanged() {
    let local = Local::pages().await;
    let (session, agent) = tunnel(&local.target()).await;
    let mut events = agent.events();
    let head = with(with(get("/echo-head?a=1&b=%20"), "x-one", "1"), "te", "trailers");
    let (head, body) = ask(&session, &head).await;
    assert_eq!(head.status, 200);
    let seen = text(body).await;
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[0], "GET /echo-head?a=1&b=%20");
    for line in ["host: blog.test", "x-one: 1", "te: trailers", "connection: te"] {
        assert!(lines.contains(&line), "{line} in {seen}");
    }
    assert!(!seen.contains("transfer-encoding"), "{seen}");
    let (path, status, bytes, outcome) = finished(&mut events).await;
    assert_eq!((path.as_str(), status, bytes), ("/echo-head?a=1&b=%20", Some(200), seen.len() as u64));
    assert_eq!(outcome, Outcome::Complete);
}

#[tokio::test]
async fn connections_to_the_local_server_are_kept() {
    let local = Local::pages().await;
    let (session, agent) = tunnel(&local.target()).await;
    let mut events = agent.events();
    for _ in 0..20 {
        let (head, body) = ask(&session, &get("/large")).await;
        assert_eq!(head.headers["content-length"], "1048576");
        assert_eq!(collect(body).await.unwrap().0, pattern(1024 * 1024));
        finished(&mut events).await;
    }
    assert_eq!(local.connections(), 1);
}

#[tokio::test]
async fn bodies_without_length_heads_without_bodies_and_repeated_fields() {
    let local = Local::pages().await;
    let (session, _agent) = tunnel(&local.target()).await;
    let (head, body) = ask(&session, &get("/empty")).await;
    assert_eq!(head.status, 204);
    assert_eq!(text(body).await, "");
    let (head, body) = ask(&session, &request(Method::HEAD, "/large")).await;
    assert_eq!(head.headers["content-length"], "1048576");
    assert_eq!(text(body).await, "");
    let (head, _) = ask(&session, &get("/cookies")).await;
    let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert!(!head.headers.contains_key("keep-alive"), "hop-by-hop fields stay behind");
    let (_, body) = ask(&session, &with(get("/trailers"), "te", "trailers")).await;
    let trailers = HeaderMap::from_iter([("x-end".parse().unwrap(), HeaderValue::from_static("yes"))]);
    assert_eq!(collect(body).await.unwrap(), (Bytes::from_static(b"body"), trailers));
}

#[tokio::test]
async fn a_body_is_echoed_while_it_is_sent() {
    let local = Local::pages().await;
    let (session, _agent) = tunnel(&local.target()).await;
    let (mut send, answer) = session.line.open(&request(Method::POST, "/echo"), false).unwrap();
    send.send(Bytes::from_static(b"first")).await.unwrap();
    let (_, mut body) = answer.await.unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    send.send(pattern(1024 * 1024)).await.unwrap();
    send.finish().unwrap();
    assert_eq!(collect(body).await.unwrap().0, pattern(1024 * 1024));
}

#[tokio::test]
async fn an_upgrade_becomes_a_pipe() {
    let local = Local::pages().await;
    let (session, agent) = tunnel(&local.target()).await;
    let mut events = agent.events();
    let head = RequestHead { upgrade: Some(HeaderValue::from_static("echo")), ..get("/upgrade") };
    let (send, answer) = session.line.open(&head, false).unwrap();
    let (head, recv) = answer.await.unwrap();
    assert_eq!((head.status.as_u16(), fields(&head.headers).get("upgrade")), (101, Some(&"echo")));
    assert!(!head.headers.contains_key("connection"));
    let (mut client, io) = duplex(1024);
    let near = tokio::spawn(pipe(send, recv, io));
    client.write_all(b"hello").await.unwrap();
    let mut echoed = [0; 5];
    client.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"hello");
    client.shutdown().await.unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "bye");
    near.await.unwrap().unwrap();
    assert_eq!(finished(&mut events).await, ("/upgrade".to_owned(), Some(101), 8, Outcome::Complete));
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_an_ordinary_response() {
    let local = Local::pages().await;
    let (session, _agent) = tunnel(&local.target()).await;
    let head = RequestHead { upgrade: Some(HeaderValue::from_static("other")), ..get("/upgrade") };
    let (_send, answer) = session.line.open(&head, false).unwrap();
    assert_eq!(answer.await.unwrap().0.status, 426);
}

#[tokio::test]
async fn informational_heads_are_passed_on_but_continue_is_not() {
    let local = Local::saying(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    )
    .await;
    let (session, _agent) = tunnel(&local.target()).await;
    let (_, mut answer) = session.line.open(&get("/"), true).unwrap();
    let Head::Informational(hints) = answer.next_head().await.unwrap() else { panic!("no hints") };
    assert_eq!((hints.status.as_u16(), fields(&hints.headers)["link"]), (103, "</a>"));
    let (head, body) = answer.await.unwrap();
    assert_eq!((head.status.as_u16(), text(body).await.as_str()), (200, "ok"));
}

#[tokio::test]
async fn a_local_server_that_is_down_is_explained() {
    let local = Local::pages().await;
    let target = local.target();
    drop(local);
    let (session, agent) = tunnel(&target).await;
    let mut events = agent.events();
    let (head, body) = ask(&session, &get("/")).await;
    assert_eq!(head.status, 502);
    assert_eq!(fields(&head.headers)["x-switchboard-error"], "local_unreachable");
    assert_eq!(fields(&head.headers)["content-type"], "text/plain; charset=utf-8");
    let body = text(body).await;
    assert!(body.starts_with(&format!("Bad Gateway: nothing answers on http://{target}")), "{body}");
    assert_eq!(finished(&mut events).await.3, Outcome::Failed);
    let (head, body) = ask(&session, &with(get("/"), "accept", "text/html,*/*")).await;
    assert_eq!(fields(&head.headers)["content-type"], "text/html; charset=utf-8");
    assert!(text(body).await.starts_with("<!doctype html>"));
    let (head, body) = ask(&session, &request(Method::HEAD, "/")).await;
    assert_eq!((head.status.as_u16(), text(body).await.as_str()), (502, ""));
}

#[tokio::test]
async fn a_response_that_is_none_is_explained() {
    for garbage in [&b""[..], b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-le"] {
        let local = Local::saying(garbage).await;
        let (session, _agent) = tunnel(&local.target()).await;
        let (head, _) = ask(&session, &get("/")).await;
        assert_eq!(head.status, 502);
        assert_eq!(fields(&head.headers)["x-switchboard-error"], "local_broken");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_never_ends_cleanly() {
    for part in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
    ] {
        let local = Local::saying(part).await;
        let (session, agent) = tunnel(&local.target()).await;
        let mut events = agent.events();
        let (head, body) = ask(&session, &get("/")).await;
        assert_eq!(head.status, 200);
        assert!(matches!(collect(body).await, Err(StreamError::Reset(ResetCode::BROKEN))));
        assert_eq!(finished(&mut events).await.3, Outcome::Failed);
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_no_request() {
    // Each connection answers once, keeps the connection open, and closes it on the next request without a word.
    let local = Local::raw(|mut stream| async move {
        let mut head = [0; 4096];
        let _read = stream.read(&mut head).await;
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let _next = stream.read(&mut head).await;
    })
    .await;
    let (session, agent) = tunnel(&local.target()).await;
    let mut events = agent.events();
    for _ in 0..3 {
        let (head, body) = ask(&session, &get("/")).await;
        assert_eq!((head.status.as_u16(), text(body).await.as_str()), (200, "ok"));
        finished(&mut events).await;
    }
    // With a body, what was sent may have had an effect: no second try.
    let (mut send, answer) = session.line.open(&request(Method::POST, "/"), false).unwrap();
    send.send(Bytes::from_static(b"once")).await.unwrap();
    send.finish().unwrap();
    let (head, _) = answer.await.unwrap();
    assert_eq!((head.status.as_u16(), fields(&head.headers)["x-switchboard-error"]), (502, "local_broken"));
}

#[tokio::test]
async fn a_request_that_is_cancelled_is_dropped_at_the_local_server_at_once() {
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begin, drop_seen) = (begun.clone(), dropped.clone());
    let local = Local::raw(move |mut stream| {
        let (begun, dropped) = (begin.clone(), drop_seen.clone());
        async move {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            if head[..read].starts_with(b"GET /begun") {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\npart").await.unwrap();
            }
            begun.notify_one();
            // The end of the connection, however it comes.
            let _end = stream.read(&mut head).await;
            dropped.notify_one();
        }
    })
    .await;
    let (session, agent) = tunnel(&local.target()).await;
    let mut events = agent.events();
    // Before any answer.
    let (_, answer) = session.line.open(&get("/waiting"), true).unwrap();
    begun.notified().await;
    drop(answer);
    dropped.notified().await;
    assert_eq!(finished(&mut events).await.3, Outcome::Cancelled);
    // In the middle of one.
    let (_, body) = ask(&session, &get("/begun")).await;
    begun.notified().await;
    drop(body);
    dropped.notified().await;
    assert_eq!(finished(&mut events).await.3, Outcome::Cancelled);
    // An upload that breaks off: the local server must not take it for a whole one.
    let (send, answer) = session.line.open(&request(Method::POST, "/upload"), false).unwrap();
    begun.notified().await;
    drop(send);
    dropped.notified().await;
    assert!(answer.await.is_err());
}

#[tokio::test]
async fn an_early_answer_arrives_although_the_upload_goes_on() {
    let local = Local::raw(|mut stream| async move {
        let mut head = [0; 1024];
        let _read = stream.read(&mut head).await;
        let _sent = stream.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno\n").await;
        let mut sink = Vec::new();
        let _rest = stream.read_to_end(&mut sink).await;
    })
    .await;
    let (session, _agent) = tunnel(&local.target()).await;
    let (mut send, answer) = session.line.open(&request(Method::POST, "/"), false).unwrap();
    let uploading = tokio::spawn(async move { while send.send(pattern(16 * 1024)).await.is_ok() {} });
    let (head, body) = answer.await.unwrap();
    assert_eq!((head.status.as_u16(), text(body).await.as_str()), (413, "no\n"));
    uploading.await.unwrap();
    session.line.idle().await;
}

#[tokio::test]
async fn a_slow_visitor_slows_only_the_own_download() {
    let local = Local::pages().await;
    let (session, _agent) = tunnel(&local.target()).await;
    let (_, stalled) = ask(&session, &get("/large")).await;
    for _ in 0..10 {
        let (_, body) = ask(&session, &get("/large")).await;
        assert_eq!(collect(body).await.unwrap().0.len(), 1024 * 1024);
    }
    assert_eq!(collect(stalled).await.unwrap().0, pattern(1024 * 1024));
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_target_and_the_host_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let mut hub = Hub::start().await;
    let target = Target::parse(&format!("unix:{}", path.display())).unwrap();
    let _agent = Agent::builder(&hub.url, "sbt_test").target(target).host_header("app.test").start().unwrap();
    let session = hub.accept().await;
    assert_eq!(ask(&session, &get("/")).await.0.status, 204);
    assert!(serving.await.unwrap().contains("host: app.test\r\n"));
}
