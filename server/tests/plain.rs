//! Telephones that speak version 1.0 of the line, by hand, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Method, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use support::fault::{Direction, Relay};
use support::{Body, Origin, Switchboard, full, streamed, text, until, whole};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const MIB: usize = 1024 * 1024;
const SOON: Duration = Duration::from_secs(10);

/// A telephone of version 1.0 whose every message is the test's.
struct Telephone {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What it was told of its tunnel.
    created: Value,
}

impl Telephone {
    /// Signs in and says that it is ready.
    async fn connect(switchboard: &Switchboard, subdomain: &str) -> Self {
        let (_, token) = switchboard.token().await;
        Self::sign_in(switchboard, json!({"token": token, "subdomain": subdomain})).await
    }

    async fn sign_in(switchboard: &Switchboard, wishes: Value) -> Self {
        Self::sign_in_at(&switchboard.url(), wishes).await
    }

    async fn sign_in_at(url: &str, wishes: Value) -> Self {
        let url = format!("{}/tunnel", url.replace("http", "ws"));
        let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(config), true).await.unwrap();
        let mut telephone = Self { socket, created: Value::Null };
        let challenge = telephone.next().await;
        assert_eq!((&challenge["type"], &challenge["versions"]), (&json!("auth_challenge"), &json!(["2", "1.0"])));
        let mut init = json!({"type": "init", "version": "1.0", "local_url": "by hand"});
        init.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
        telephone.say(init).await;
        let created = telephone.next().await;
        assert_eq!(created["type"], "tunnel_created", "{created}");
        telephone.say(json!({"type": "ready"})).await;
        telephone.created = created;
        telephone
    }

    async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message; pings are answered and reports passed over.
    async fn next(&mut self) -> Value {
        loop {
            let message = match self.socket.next().await.unwrap().unwrap() {
                Message::Text(text) => serde_json::from_str::<Value>(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => continue,
                other => panic!("{other:?}"),
            };
            match message["type"].as_str().unwrap() {
                "ping" => self.say(json!({"type": "pong", "timestamp": message["timestamp"]})).await,
                "tunnel_status" => {}
                _ => return message,
            }
        }
    }

    /// The next message, which is a request.
    async fn request(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], "http_request", "{message}");
        message
    }

    async fn answer(&mut self, request: &Value, status: u16, headers: Value, body: &[u8]) {
        let body = STANDARD.encode(body);
        let id = &request["request_id"];
        self.say(
            json!({"type": "http_response", "request_id": id, "status": status, "headers": headers, "body": body}),
        )
        .await;
    }

    /// How the server closes the session.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
                Message::Close(None) => panic!("closed without a code"),
                _ => {}
            }
        }
    }
}

fn body_of(request: &Value) -> Vec<u8> {
    STANDARD.decode(request["body"].as_str().unwrap()).unwrap()
}

/// A visitor's request on its way.
fn visit(
    switchboard: &Switchboard,
    subdomain: &str,
    make: impl FnOnce(http::request::Builder) -> http::Request<Body>,
) -> JoinHandle<hyper::Result<Response<Incoming>>> {
    let visitor = switchboard.visitor(subdomain);
    let request = make(visitor.request(Method::GET, "/"));
    tokio::spawn(async move { visitor.send(request).await })
}

fn get(builder: http::request::Builder) -> http::Request<Body> {
    builder.body(Body::default()).unwrap()
}

#[tokio::test]
async fn an_exchange_is_two_messages() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "plain").await;
    let visit = visit(&switchboard, "plain", |builder| {
        let builder =
            builder.method(Method::PUT).uri("/a%20b?c=d&e=%C3%A9").header("x-twice", "1").header("x-twice", "2");
        builder.header("x-bytes", HeaderValue::from_bytes(b"caf\xe9").unwrap()).body(full("hello \0 world")).unwrap()
    });
    let request = telephone.request().await;
    assert_eq!(
        (&request["method"], &request["path"], &request["query"]),
        (&json!("PUT"), &json!("/a%20b"), &json!("c=d&e=%C3%A9"))
    );
    let headers = &request["headers"];
    assert_eq!(headers["x-twice"], json!(["1", "2"]));
    assert_eq!(headers["x-bytes"], "caf\u{e9}");
    assert_eq!(headers["content-length"], "13");
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert!(headers["host"].as_str().unwrap().starts_with("plain.localhost:"));
    assert_eq!(body_of(&request), b"hello \0 world");

    let fields = json!({"Set-Cookie": ["a=1", "b=2"], "X-Bytes": "na\u{ef}ve", "Transfer-Encoding": "chunked",
                        "Connection": "close, X-Hop", "X-Hop": "1", "Content-Length": "1000"});
    telephone.answer(&request, 418, fields, &[0, 255, 10]).await;
    let response = visit.await.unwrap().unwrap();
    assert_eq!(response.status(), 418);
    let headers = response.headers();
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(headers["x-bytes"].as_bytes(), b"na\xefve");
    assert_eq!(headers["content-length"], "3");
    assert!(!headers.contains_key("transfer-encoding") && !headers.contains_key("x-hop"));
    assert_eq!(whole(response).await, [0, 255, 10][..]);
    // The session is one like any other.
    let tunnel = switchboard.tunnel("plain").await;
    assert_eq!(tunnel["sessions"].as_array().unwrap().len(), 1, "{tunnel}");
    assert_eq!(tunnel["sessions"][0]["protocol"], "1.0", "{tunnel}");
}

#[tokio::test]
async fn many_requests_are_answered_in_any_order() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "many").await;
    let visits: Vec<_> =
        (0..100).map(|n| visit(&switchboard, "many", |builder| get(builder.uri(format!("/{n}"))))).collect();
    let mut requests = Vec::new();
    while requests.len() < 100 {
        requests.push(telephone.request().await);
    }
    for request in requests.iter().rev() {
        telephone.answer(request, 200, json!({}), request["path"].as_str().unwrap().as_bytes()).await;
    }
    for (n, visit) in visits.into_iter().enumerate() {
        assert_eq!(text(visit.await.unwrap().unwrap()).await, format!("/{n}"));
    }
}

#[tokio::test]
async fn answers_without_a_body_are_framed_as_http_wants() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "framing").await;
    for (method, status, announced, length) in [
        (Method::HEAD, 200, json!({"content-length": "12345"}), Some("12345")),
        (Method::HEAD, 200, json!({}), Some("4")),
        (Method::GET, 204, json!({"content-length": "4"}), None),
        (Method::GET, 304, json!({"etag": "x"}), None),
    ] {
        let visit = visit(&switchboard, "framing", |builder| get(builder.method(method.clone())));
        let request = telephone.request().await;
        assert_eq!(request["method"], method.as_str());
        telephone.answer(&request, status, announced, b"body").await;
        let response = visit.await.unwrap().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(
            response.headers().get("content-length").map(|value| value.to_str().unwrap()),
            length,
            "{method} {status}"
        );
        assert!(whole(response).await.is_empty());
    }
}

#[tokio::test]
async fn trailers_and_expectations_end_at_the_server() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "ends").await;
    let (sender, body) = streamed();
    let visit = visit(&switchboard, "ends", |builder| {
        let builder = builder.method(Method::POST).header("te", "trailers").header("trailer", "x-sum");
        builder.header("expect", "100-continue").body(body).unwrap()
    });
    sender.send(Ok(Frame::data("whole".into()))).await.unwrap();
    let trailers =
        http::HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("1"))]);
    sender.send(Ok(Frame::trailers(trailers))).await.unwrap();
    drop(sender);
    let request = telephone.request().await;
    assert_eq!(body_of(&request), b"whole");
    for name in ["te", "trailer", "expect", "transfer-encoding"] {
        assert_eq!(request["headers"][name], Value::Null, "{name}");
    }
    telephone.answer(&request, 200, json!({}), b"").await;
    assert_eq!(visit.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn the_longest_bodies_pass_and_longer_ones_are_refused() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "long").await;
    let longest = vec![b'x'; 8 * MIB];
    let sent = longest.clone();
    let passes = visit(&switchboard, "long", |builder| builder.method(Method::POST).body(full(sent)).unwrap());
    let request = telephone.request().await;
    assert!(body_of(&request) == longest);
    telephone.answer(&request, 200, json!({}), &longest).await;
    assert!(whole(passes.await.unwrap().unwrap()).await == longest);

    // With its length announced, and without.
    let announced =
        visit(&switchboard, "long", |builder| builder.method(Method::POST).body(full(vec![0; 8 * MIB + 1])).unwrap());
    let (sender, body) = streamed();
    tokio::spawn(async move {
        for _ in 0..9 {
            sender.send(Ok(Frame::data(vec![0; MIB].into()))).await.unwrap();
        }
    });
    let chunked = visit(&switchboard, "long", |builder| builder.method(Method::POST).body(body).unwrap());
    for refused in [announced, chunked] {
        let response = refused.await.unwrap().unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-switchboard-error"]),
            (413, &HeaderValue::from_static("body_too_large"))
        );
        assert!(text(response).await.contains("8 MiB"));
    }

    // A little too long, and so much that the message cannot be kept, whatever the order of its fields.
    for (length, id_first) in [(8 * MIB + 1, true), (20 * MIB, true), (20 * MIB, false)] {
        answer_too_long(&switchboard, &mut telephone, length, id_first).await;
    }
    still_serves(&switchboard, &mut telephone, "long").await;
}

async fn answer_too_long(switchboard: &Switchboard, telephone: &mut Telephone, length: usize, id_first: bool) {
    let visit = visit(switchboard, "long", get);
    let request = telephone.request().await;
    let (id, body) = (&request["request_id"], STANDARD.encode(vec![0; length]));
    let answer = match id_first {
        true => format!(r#"{{"type":"http_response","request_id":{id},"status":200,"body":"{body}"}}"#),
        false => format!(r#"{{"type":"http_response","body":"{body}","status":200,"request_id":{id}}}"#),
    };
    telephone.socket.send(Message::text(answer)).await.unwrap();
    let response = visit.await.unwrap().unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-switchboard-error"]),
        (502, &HeaderValue::from_static("response_too_large"))
    );
    assert!(text(response).await.contains("8 MiB"));
    let complaint = telephone.next().await;
    assert_eq!((&complaint["type"], &complaint["code"]), (&json!("error"), &json!("bad_message")));
}

async fn still_serves(switchboard: &Switchboard, telephone: &mut Telephone, subdomain: &str) {
    let visit = visit(switchboard, subdomain, get);
    let request = telephone.request().await;
    telephone.answer(&request, 200, json!({}), b"still here").await;
    assert_eq!(text(visit.await.unwrap().unwrap()).await, "still here");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_a_502_and_no_more() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "nonsense").await;
    for (nonsense, named) in [
        (json!({"status": 99}), "99"),
        (json!({"status": 101}), "101"),
        (json!({"body": "*"}), "base64"),
        (json!({"headers": {"a b": "c"}}), "a b"),
        (json!({"headers": {"a": "b\r\nset-cookie: c"}}), "value"),
    ] {
        let visit = visit(&switchboard, "nonsense", get);
        let request = telephone.request().await;
        let mut answer = json!({"type": "http_response", "request_id": request["request_id"], "status": 200});
        answer.as_object_mut().unwrap().extend(nonsense.as_object().unwrap().clone());
        telephone.say(answer).await;
        let response = visit.await.unwrap().unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-switchboard-error"]),
            (502, &HeaderValue::from_static("bad_response"))
        );
        let complaint = telephone.next().await;
        let message = complaint["message"].as_str().unwrap();
        assert!(message.contains(request["request_id"].as_str().unwrap()) && message.contains(named), "{message}");
        assert!(text(response).await.contains(named));
    }
    still_serves(&switchboard, &mut telephone, "nonsense").await;
}

#[tokio::test]
async fn a_telephone_may_have_no_answer() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "none").await;
    for (error, status, code) in [
        (json!({"error": "local_unreachable", "message": "nothing listens on 3000"}), 502, "local_unreachable"),
        (json!({"error": "timeout", "message": "nothing listens on 3000"}), 504, "gateway_timeout"),
        (json!({"error": "busy", "message": "nothing listens on 3000"}), 503, "overloaded"),
        (json!({"error": "No Word\r\n", "message": "nothing listens on 3000\r\n<b>"}), 502, "bad_gateway"),
        (json!({}), 502, "bad_gateway"),
    ] {
        let visit = visit(&switchboard, "none", get);
        let request = telephone.request().await;
        let mut answer = json!({"type": "http_error", "request_id": request["request_id"]});
        answer.as_object_mut().unwrap().extend(error.as_object().unwrap().clone());
        telephone.say(answer).await;
        let response = visit.await.unwrap().unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["x-switchboard-error"].to_str().unwrap()),
            (status, code)
        );
        assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        assert_eq!(text(response).await.contains("nothing listens on 3000"), error["message"].is_string());
    }
}

#[tokio::test]
async fn whoever_leaves_is_not_answered_and_a_late_answer_does_no_harm() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "late").await;
    let visit = visit(&switchboard, "late", get);
    let request = telephone.request().await;
    visit.abort();
    drop(visit.await);
    let cancel = telephone.next().await;
    assert_eq!(cancel, json!({"type": "http_cancel", "request_id": request["request_id"]}));
    for _ in 0..2 {
        telephone.answer(&request, 200, json!({}), b"too late").await;
        let error = json!({"type": "http_error", "request_id": request["request_id"], "error": "x", "message": "y"});
        telephone.say(error).await;
    }
    still_serves(&switchboard, &mut telephone, "late").await;
}

#[tokio::test]
async fn what_is_no_message_ends_the_session_with_a_reason() {
    let switchboard = Switchboard::start().await;
    for (nonsense, reason) in [
        (Message::text("nonsense"), "malformed"),
        (Message::text(r#"{"type":"http_chunk"}"#), "http_chunk"),
        (Message::text(r#"{"type":"http_response","request_id":"1"}"#), "status"),
        (Message::text(r#"{"type":"http_response","request_id":"77","status":200}"#), "never made"),
        (Message::text(r#"{"type":"http_error","request_id":"one"}"#), "never made"),
        (Message::text(r#"{"type":"http_request","request_id":"1","method":"GET","path":"/"}"#), "http_request"),
        (Message::text(r#"{"type":"http_cancel","request_id":"1"}"#), "http_cancel"),
        (Message::binary(vec![0x81, 0, 0, 0]), "binary"),
    ] {
        let mut telephone = Telephone::connect(&switchboard, "breaks").await;
        telephone.socket.send(nonsense.clone()).await.unwrap();
        let (code, text) = telephone.closed().await;
        assert_eq!(code, wire::close::PROTOCOL, "{nonsense:?}: {text}");
        assert!(text.contains(reason), "{nonsense:?}: {text}");
    }
}

#[tokio::test]
async fn there_are_no_upgrades() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "upgrades").await;
    let upgrade = |protocol: &'static str| {
        move |builder: http::request::Builder| get(builder.header("connection", "upgrade").header("upgrade", protocol))
    };
    let response = visit(&switchboard, "upgrades", upgrade("websocket")).await.unwrap().unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-switchboard-error"]),
        (501, &HeaderValue::from_static("upgrade_not_supported"))
    );
    assert!(text(response).await.contains("WebSocket"));
    // Any other protocol is an offer that need not be taken up.
    let visit = visit(&switchboard, "upgrades", upgrade("TLS/1.3"));
    let request = telephone.request().await;
    assert_eq!(request["headers"]["upgrade"], Value::Null);
    telephone.answer(&request, 200, json!({}), b"as it was").await;
    assert_eq!(text(visit.await.unwrap().unwrap()).await, "as it was");
}

#[tokio::test]
async fn both_ends_may_ping() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "ping").await;
    telephone.say(json!({"type": "ping", "timestamp": 4711})).await;
    assert_eq!(telephone.next().await, json!({"type": "pong", "timestamp": 4711}));
    telephone.socket.send(Message::Ping("sign".into())).await.unwrap();
    loop {
        match telephone.socket.next().await.unwrap().unwrap() {
            Message::Pong(sign) => break assert_eq!(sign, "sign"),
            _ => continue,
        }
    }
    // And what it says of itself is taken.
    telephone.say(json!({"type": "update_tunnel", "local_url": "http://localhost:1"})).await;
    still_serves(&switchboard, &mut telephone, "ping").await;
}

#[tokio::test]
async fn both_versions_serve_one_tunnel_side_by_side() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let origin = Origin::start(async |_| Response::new(full("version 2"))).await;
    let two = switchboard.telephone_with(&token, "mixed", &origin).await;
    let mut one = Telephone::sign_in(&switchboard, json!({"token": token, "subdomain": "mixed"})).await;
    let answering = tokio::spawn(async move {
        loop {
            let request = one.request().await;
            one.answer(&request, 200, json!({}), b"version 1.0").await;
        }
    });
    let visitor = switchboard.visitor("mixed");
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        let (status, text) = visitor.text("/").await;
        assert_eq!(status, 200);
        seen.insert(text);
    }
    two.shutdown().await;
    for _ in 0..10 {
        assert_eq!(visitor.text("/").await, (200, "version 1.0".to_owned()));
    }
    answering.abort();
}

#[tokio::test]
async fn a_telephone_takes_no_more_than_it_said() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let wishes = json!({"token": token, "subdomain": "few", "limits": {"max_streams": 2}});
    let mut telephone = Telephone::sign_in(&switchboard, wishes).await;
    let waiting = [visit(&switchboard, "few", get), visit(&switchboard, "few", get)];
    let requests = [telephone.request().await, telephone.request().await];
    let response = visit(&switchboard, "few", get).await.unwrap().unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    for request in &requests {
        telephone.answer(request, 200, json!({}), b"").await;
    }
    for visit in waiting {
        assert_eq!(visit.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn bodies_that_wait_for_their_end_have_a_bound() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "bound").await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let (sender, body) = streamed();
        let visit = visit(&switchboard, "bound", |builder| builder.method(Method::POST).body(body).unwrap());
        for _ in 0..8 {
            sender.send(Ok(Frame::data(vec![0; MIB - 1].into()))).await.unwrap();
        }
        open.push((sender, visit));
    }
    // Something is refused once all of it has arrived: one of these, or another one that is small.
    let response = loop {
        if let Some(refused) = open.iter().position(|(_, visit)| visit.is_finished()) {
            break open.swap_remove(refused).1.await.unwrap().unwrap();
        }
        let small = vec![0; 64 * 1024];
        let visit = visit(&switchboard, "bound", |builder| builder.method(Method::POST).body(full(small)).unwrap());
        tokio::select! {
            response = visit => break response.unwrap().unwrap(),
            request = telephone.request() => telephone.answer(&request, 200, json!({}), b"").await,
        }
    };
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let held = async || switchboard.figure("switchboard_plain_held_bytes").await;
    assert!(held().await > 32.0 * MIB as f64, "what is held shows");
    for (sender, visit) in open {
        drop(sender);
        visit.abort();
    }
    until(Duration::from_secs(10), "nothing is held", async || held().await == 0.0).await;
}

#[tokio::test]
async fn what_was_not_answered_breaks_with_the_telephone_and_what_was_arrives_whole() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "leaves").await;
    let answered = visit(&switchboard, "leaves", get);
    let request = telephone.request().await;
    let waiting = visit(&switchboard, "leaves", |builder| get(builder.method(Method::POST)));
    telephone.request().await;
    let body: Vec<u8> = (0..4 * MIB).map(|n| (n % 251) as u8).collect();
    telephone.answer(&request, 200, json!({}), &body).await;
    // The head is there, and most of the body can only follow as it is read.
    let response = answered.await.unwrap().unwrap();
    telephone.socket.close(None).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 502);
    assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
}

#[tokio::test]
async fn what_may_be_asked_twice_is_asked_of_another_telephone() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let wishes = json!({"token": token, "subdomain": "again"});
    let mut stays = Telephone::sign_in(&switchboard, wishes.clone()).await;
    for method in [Method::GET, Method::POST] {
        let mut breaks = Telephone::sign_in(&switchboard, wishes.clone()).await;
        let visit = loop {
            let visit = visit(&switchboard, "again", |builder| get(builder.method(method.clone())));
            tokio::select! {
                _ = breaks.request() => break visit,
                request = stays.request() => stays.answer(&request, 200, json!({}), b"").await,
            }
        };
        drop(breaks);
        if method.is_idempotent() {
            let request = stays.request().await;
            stays.answer(&request, 200, json!({}), b"").await;
            assert_eq!(visit.await.unwrap().unwrap().status(), 200);
        } else {
            assert_eq!(visit.await.unwrap().unwrap().status(), 502);
        }
    }
}

#[tokio::test]
async fn a_telephone_may_take_its_leave() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "drains").await;
    let visits: Vec<_> = (0..3).map(|_| visit(&switchboard, "drains", get)).collect();
    let mut requests = vec![telephone.request().await];
    telephone.say(json!({"type": "drain"})).await;
    loop {
        let message = telephone.next().await;
        match message["type"].as_str().unwrap() {
            "http_request" => requests.push(message),
            "drain" => break,
            other => panic!("{other}"),
        }
    }
    // No request follows, and those that came are still answered.
    for request in &requests {
        telephone.answer(request, 200, json!({}), b"last").await;
    }
    let mut answered = 0;
    for visit in visits {
        answered += usize::from(visit.await.unwrap().unwrap().status() == 200);
    }
    assert_eq!(answered, requests.len());
    telephone.socket.close(None).await.unwrap();
}

#[tokio::test]
async fn whoever_is_sent_away_hears_why() {
    let switchboard = Switchboard::start().await;
    let (id, token) = switchboard.token().await;
    let wishes = json!({"token": token, "subdomain": "away"});
    let mut telephone = Telephone::sign_in(&switchboard, wishes.clone()).await;
    let tunnel = switchboard.tunnel("away").await["id"].as_str().unwrap().to_owned();
    assert_eq!(switchboard.client().post(&format!("/api/v1/tunnels/{tunnel}/pause"), &Value::Null).await.0, 200);
    let told = telephone.next().await;
    assert_eq!((&told["type"], &told["status"]), (&json!("update_tunnel"), &json!("paused")));
    assert_eq!(telephone.next().await["code"], "tunnel_paused");
    assert_eq!(telephone.closed().await.0, wire::close::TUNNEL_GONE);
    assert_eq!(switchboard.client().post(&format!("/api/v1/tunnels/{tunnel}/resume"), &Value::Null).await.0, 200);
    let mut telephone = Telephone::sign_in(&switchboard, wishes).await;
    assert_eq!(switchboard.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    assert_eq!(telephone.next().await["code"], "token_revoked");
    assert_eq!(telephone.closed().await.0, wire::close::TOKEN_GONE);
}

#[tokio::test]
async fn a_telephone_may_say_something_else_of_itself() {
    let switchboard = Switchboard::start().await;
    let mut telephone = Telephone::connect(&switchboard, "says").await;
    let about = json!({"name": "laptop\u{7}", "agent_version": "by hand/2", "region": "eu", "team": "blue"});
    telephone.say(json!({"type": "update_tunnel", "local_url": "http://localhost:4000", "metadata": about})).await;
    until(SOON, "what it says", async || {
        let tunnel = switchboard.tunnel("says").await;
        tunnel["local_url"] == "http://localhost:4000"
            && tunnel["region"] == "eu"
            && tunnel["metadata"]["team"] == "blue"
            && tunnel["sessions"][0]["machine"] == "laptop"
            && tunnel["sessions"][0]["agent"] == "by hand/2"
    })
    .await;
    // What is absent has not changed, and what a server decides is not for it to say.
    telephone.say(json!({"type": "update_tunnel", "local_url": "http://localhost:5000", "subdomain": "other"})).await;
    until(SOON, "the other address", async || switchboard.tunnel("says").await["local_url"] == "http://localhost:5000")
        .await;
    let tunnel = switchboard.tunnel("says").await;
    assert_eq!((&tunnel["metadata"]["team"], &tunnel["sessions"][0]["machine"]), (&json!("blue"), &json!("laptop")));
}

#[tokio::test]
async fn a_silent_telephone_is_given_up() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_HEARTBEAT", "1s")]).await;
    let mut telephone = Telephone::connect(&switchboard, "silent").await;
    let visit = visit(&switchboard, "silent", |builder| get(builder.method(Method::POST)));
    telephone.request().await;
    assert_eq!(telephone.closed().await.0, wire::close::HEARTBEAT);
    assert_eq!(visit.await.unwrap().unwrap().status(), 502);
}

#[tokio::test]
async fn a_slow_telephone_is_not() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_HEARTBEAT", "1s")]).await;
    let relay = Relay::to(switchboard.address).await;
    let (_, token) = switchboard.token().await;
    let wishes = json!({"token": token, "subdomain": "slow"});
    let mut telephone = Telephone::sign_in_at(&relay.url(), wishes).await;
    relay.throttle(Direction::Back, 2 * MIB as u64);
    relay.throttle(Direction::Forth, 2 * MIB as u64);
    // Either way it takes longer than two heartbeats.
    let body = vec![b'x'; 4 * MIB];
    let sent = body.clone();
    let visit = visit(&switchboard, "slow", |builder| builder.method(Method::POST).body(full(sent)).unwrap());
    let request = telephone.request().await;
    assert!(body_of(&request) == body);
    telephone.answer(&request, 200, json!({}), &body).await;
    assert!(whole(visit.await.unwrap().unwrap()).await == body);
}

/// Tells of each request that comes over one line.
async fn tell_requests(mut telephone: Telephone, told: mpsc::Sender<Value>) {
    loop {
        told.send(telephone.request().await).await.unwrap();
    }
}

#[tokio::test]
async fn requests_are_bounded_for_all_lines_of_a_session_together() {
    const MOST: usize = 1_000;
    rlimit::increase_nofile_limit(8 * MOST as u64).unwrap();
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let first = Telephone::sign_in(&switchboard, json!({"token": token, "subdomain": "lines"})).await;
    let join = json!({"session_id": first.created["session_id"], "resume": first.created["resume"]});
    let second = Telephone::sign_in(&switchboard, json!({"token": token, "join": join})).await;
    assert_eq!(second.created["session_id"], first.created["session_id"]);
    let (told, mut requests) = mpsc::channel(1);
    let mut lines = JoinSet::new();
    for line in [first, second] {
        lines.spawn(tell_requests(line, told.clone()));
    }
    let mut visits = JoinSet::new();
    for _ in 0..MOST {
        let visit = visit(&switchboard, "lines", get);
        visits.spawn(async move { visit.await.unwrap().unwrap().status().as_u16() });
    }
    for _ in 0..MOST {
        requests.recv().await.unwrap();
    }
    let answer = tokio::select! {
        answer = visit(&switchboard, "lines", get) => answer.unwrap().unwrap(),
        request = requests.recv() => panic!("one more than there may be: {request:?}"),
    };
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-switchboard-error"]),
        (503, &HeaderValue::from_static("overloaded"))
    );
    assert!(visits.try_join_next().is_none(), "the others are still waiting");
}
