//! Recorded requests sent again: as they were, changed, to somebody else, several times; and to nobody else's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use support::{Body, Client, Origin, Switchboard, full, until, whole};

const SOON: Duration = Duration::from_secs(20);
const ALL: &[(&str, &str)] = &[("SWITCHBOARD_CAPTURE_LEVEL", "bodies")];

/// What a visitor sends; the id under which it is recorded.
async fn visit(visitor: &Client, method: Method, path: &str, fields: &[(&str, &str)], body: &str) -> String {
    let mut request = visitor.request(method, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let body = if body.is_empty() { Body::default() } else { full(body.to_owned()) };
    let response = visitor.send(request.body(body).unwrap()).await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    whole(response).await;
    id
}

/// Asks for a replay as soon as the exchange is recorded.
async fn replay(switchboard: &Switchboard, of: &str, id: &str, wish: Value) -> (u16, Value) {
    let path = format!("/api/v1/{of}/requests/{id}/replay");
    let mut last = (0, Value::Null);
    until(SOON, "the exchange is recorded", async || {
        last = switchboard.client().post(&path, &wish).await;
        last.1["error"]["message"] != "there is no such exchange"
    })
    .await;
    last
}

/// A local server, and all that it was sent.
struct Seen {
    origin: Origin,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    async fn start() -> Self {
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = requests.clone();
        let origin = Origin::start(move |request| {
            let seen = seen.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let fields = parts.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
                let fields: String = fields.collect();
                let body = String::from_utf8_lossy(&body);
                seen.lock().unwrap().push(format!("{} {}\n{fields}\n{body}", parts.method, parts.uri));
                Response::new(full("seen"))
            }
        });
        Self { origin: origin.await, requests }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    fn take_one(&self) -> String {
        let mut all = self.take();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

async fn tunnel_of(switchboard: &Switchboard, subdomain: &str) -> String {
    format!("tunnels/{}", switchboard.tunnel(subdomain).await["id"].as_str().unwrap())
}

/// The bodies of what was recorded.
async fn body(switchboard: &Switchboard, of: &str, id: &Value, whose: &str) -> String {
    let path = format!("/api/v1/{of}/requests/{}/body/{whose}", id.as_str().unwrap());
    let (status, text) = switchboard.client().text(&path).await;
    assert_eq!(status, 200, "{text}");
    text
}

fn refused((status, answer): &(u16, Value)) -> (u16, &str) {
    (*status, answer["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn as_it_was() {
    let switchboard = Switchboard::start_with(ALL).await;
    let local = Seen::start().await;
    let _telephone = switchboard.telephone("shop", &local.origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    let fields = [("x-one", "1"), ("x-one", "2"), ("authorization", "Bearer secret"), ("content-type", "text/plain")];
    let id = visit(&switchboard.visitor("shop"), Method::PUT, "/a%20b?c=d", &fields, "the body").await;

    let (status, done) = replay(&switchboard, &tunnel, &id, json!({})).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!((&done["replay_of"], &done["left_out"]), (&json!(id), &json!(["authorization"])));
    let [one] = &done["exchanges"].as_array().unwrap()[..] else { panic!("{done}") };
    assert_eq!((&one["status"], &one["exchange"]["replay_of"]), (&json!(200), &json!(id)));
    assert_eq!((&one["exchange"]["method"], &one["exchange"]["path"]), (&json!("PUT"), &json!("/a%20b?c=d")));

    let [first, again] = &local.take()[..] else { panic!("not asked twice") };
    // What the local server was sent is the same but for the id and what was masked.
    let same = |text: &str| -> Vec<String> {
        let other = |line: &&str| !line.starts_with("x-request-id") && !line.starts_with("authorization");
        let mut lines: Vec<_> = text.lines().filter(other).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(same(first), same(again));
    assert!(again.ends_with("the body"), "{again}");
    assert_eq!(body(&switchboard, &tunnel, &one["id"], "request").await, "the body");
    let (_, original) = switchboard.client().get(&format!("/api/v1/{tunnel}/requests/{id}")).await;
    assert_eq!(original["replays"], json!([one["id"]]));
}

#[tokio::test]
async fn changed_and_several_times() {
    let switchboard = Switchboard::start_with(ALL).await;
    let local = Seen::start().await;
    let _telephone = switchboard.telephone("shop", &local.origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    let fields = [("authorization", "Bearer secret"), ("content-encoding", "x-odd"), ("x-gone", "1")];
    let id = visit(&switchboard.visitor("shop"), Method::POST, "/old", &fields, "old").await;
    assert!(local.take_one().contains("x-odd"));

    let wish = json!({
        "method": "PATCH",
        "path": "/new?x=%5B",
        "set_headers": {"Authorization": "Bearer other", "X-Gone": null},
        "body": {"base64": "bmV3IQ=="},
        "times": 3,
    });
    let (status, done) = replay(&switchboard, &tunnel, &id, wish).await;
    assert_eq!((status, &done["left_out"]), (200, &json!([])), "{done}");
    assert_eq!(done["exchanges"].as_array().unwrap().len(), 3);
    let sent = local.take();
    assert_eq!(sent.len(), 3);
    for text in sent {
        assert!(text.starts_with("PATCH /new?x=%5B\n") && text.ends_with("new!"), "{text}");
        assert!(text.contains("authorization: Bearer other") && text.contains("content-length: 4"), "{text}");
        assert!(!text.contains("x-gone") && !text.contains("x-odd"), "{text}");
    }
    // All fields in place of those that were there.
    let wish = json!({"headers": [{"name": "X-Only", "value": "1"}], "body": {"text": "ä"}});
    assert_eq!(replay(&switchboard, &tunnel, &id, wish).await.0, 200);
    let text = local.take_one();
    assert!(text.contains("x-only: 1") && text.contains("content-length: 2") && !text.contains("x-gone"), "{text}");

    for (wish, field) in [
        (json!({"times": 0}), "times"),
        (json!({"times": 21}), "times"),
        (json!({"method": "A B"}), "method"),
        (json!({"method": "TRACE"}), "method"),
        (json!({"path": "new"}), "path"),
        (json!({"path": "/a b"}), "path"),
        (json!({"path": "/?a=[masked]"}), "path"),
        (json!({"set_headers": {"a b": "c"}}), "headers"),
        (json!({"set_headers": {"a": "b\r\nc: d"}}), "headers"),
        (json!({"set_headers": {"host": "a/b"}}), "headers"),
        (json!({"set_headers": {"a": "b".repeat(20_000)}}), "headers"),
        (json!({"body": {"base64": "?"}}), "body"),
    ] {
        let (status, answer) = replay(&switchboard, &tunnel, &id, wish.clone()).await;
        assert_eq!((status, &answer["error"]["field"]), (422, &json!(field)), "{wish}: {answer}");
    }
    let (status, _) = replay(&switchboard, &tunnel, &id, json!({"to": {"address": "127.0.0.1"}})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn to_another_tunnel_under_its_own_host() {
    let switchboard = Switchboard::start_with(ALL).await;
    let (local, other) = tokio::join!(Seen::start(), Seen::start());
    let _telephone = switchboard.telephone("shop", &local.origin).await;
    let _other = switchboard.telephone("other", &other.origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    let target = switchboard.tunnel("other").await["id"].clone();
    let id = visit(&switchboard.visitor("shop"), Method::GET, "/x", &[], "").await;
    let (status, done) = replay(&switchboard, &tunnel, &id, json!({"to": {"tunnel": target}})).await;
    assert_eq!(status, 200, "{done}");
    let one = &done["exchanges"][0];
    assert_eq!((&one["exchange"]["tunnel"], &one["exchange"]["replay_of"]), (&target, &json!(id)));
    let text = other.take_one();
    assert!(text.contains("\nhost: other.localhost:") && text.contains("x-forwarded-host: other.localhost"), "{text}");
    assert_eq!(text.matches("\nhost: ").count(), 1, "{text}");
    assert_eq!(local.take().len(), 1);
    // Both are found beside either, so that they can be compared.
    let there = tunnel_of(&switchboard, "other").await;
    for of in [&tunnel, &there] {
        let path = |id: &str| format!("/api/v1/{of}/requests/{id}");
        let (status, original) = switchboard.client().get(&path(&id)).await;
        assert_eq!((status, &original["replays"]), (200, &json!([one["id"]])), "{original}");
        assert_eq!(switchboard.client().get(&path(one["id"].as_str().unwrap())).await.0, 200);
    }
    let unrelated = visit(&switchboard.visitor("other"), Method::GET, "/y", &[], "").await;
    assert_eq!(replay(&switchboard, &there, &unrelated, json!({})).await.0, 200);
    assert_eq!(switchboard.client().get(&format!("/api/v1/{tunnel}/requests/{unrelated}")).await.0, 404);
}

#[tokio::test]
async fn to_another_tag_or_backend_through_the_same_rule() {
    let switchboard = Switchboard::start_with(ALL).await;
    let named = |name: &'static str| Origin::start(move |_| async move { Response::new(full(name)) });
    let (blue, green) = tokio::join!(named("blue"), named("green"));
    let make = async |what: &str, fields: Value| {
        let (status, made) = switchboard.client().post(&format!("/api/v1/{what}"), &fields).await;
        assert_eq!(status, 201, "{made}");
        made
    };
    make("services", json!({"name": "shop", "health_check": {"enabled": false}})).await;
    for (tag, origin) in [("blue", &blue), ("green", &green)] {
        let address = format!("http://{}", origin.address);
        make("backends", json!({"service": "shop", "id": tag, "address": address, "tags": [tag]})).await;
    }
    let domain = json!({"domain": "shop.example.com", "service": "shop", "enabled_backends_tag": "blue"});
    let domain = make("domains", domain).await;
    let visitor = Client::new(switchboard.address, "shop.example.com");
    until(SOON, "the domain is served", async || visitor.text("/").await == (200, "blue".to_owned())).await;
    let id = visit(&visitor, Method::GET, "/cart", &[], "").await;
    let (_, list) = switchboard.client().get("/api/v1/backends").await;
    let backends = list["items"].as_array().unwrap();
    let green_id = backends.iter().find(|backend| backend["id"] == "green").unwrap()["key"].clone();
    for of in ["domains/shop.example.com".to_owned(), format!("domains/{}", domain["id"].as_str().unwrap())] {
        for (to, answer) in
            [(Value::Null, "blue"), (json!({"tag": "green"}), "green"), (json!({"backend": green_id}), "green")]
        {
            let (status, done) = replay(&switchboard, &of, &id, json!({"to": to})).await;
            assert_eq!(status, 200, "{done}");
            let one = &done["exchanges"][0];
            assert_eq!(body(&switchboard, &of, &one["id"], "response").await, answer, "{to}");
        }
    }
    for to in [json!({"tag": "red"}), json!({"backend": id}), json!({"tunnel": id})] {
        let answer = replay(&switchboard, "domains/shop.example.com", &id, json!({"to": to})).await;
        assert_eq!(refused(&answer), (404, "not_found"), "{to}: {}", answer.1);
    }
    // Visitors are still where they were.
    assert_eq!(visitor.text("/").await, (200, "blue".to_owned()));
}

#[tokio::test]
async fn nobody_elses() {
    let settings = [ALL[0], ("SWITCHBOARD_SIGNUP", "open")];
    let switchboard = Switchboard::start_with(&settings).await;
    let local = Seen::start().await;
    let _telephone = switchboard.telephone("shop", &local.origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    let theirs = switchboard.tunnel("shop").await["id"].clone();
    let id = visit(&switchboard.visitor("shop"), Method::GET, "/", &[], "").await;
    assert_eq!(replay(&switchboard, &tunnel, &id, json!({})).await.0, 200);

    let account = json!({"email": "bob@example.com", "password": Switchboard::PASSWORD});
    let (status, made) = switchboard.client().post("/api/v1/auth/register", &account).await;
    assert_eq!(status, 201, "{made}");
    let (_, tokens) = switchboard.client().post("/api/v1/auth/login", &account).await;
    let bob = switchboard.client().bearer(tokens["access_token"].as_str().unwrap());
    let (_, token) = bob.post("/api/v1/tokens", &json!({"name": "bob"})).await;
    let token = token["token"].as_str().unwrap().to_owned();
    let _bobs = switchboard.telephone_with(&token, "bobs", &local.origin).await;
    let (_, list) = bob.get("/api/v1/tunnels").await;
    let bobs = list["items"][0]["id"].as_str().unwrap().to_owned();
    let bobs_id = visit(&switchboard.visitor("bobs"), Method::GET, "/", &[], "").await;
    let of_bob = async |wish: Value| {
        let mut last = (0, Value::Null);
        until(SOON, "it is recorded", async || {
            last = bob.post(&format!("/api/v1/tunnels/{bobs}/requests/{bobs_id}/replay"), &wish).await;
            last.1["error"]["message"] != "there is no such exchange"
        })
        .await;
        last
    };
    assert_eq!(of_bob(json!({})).await.0, 200);
    let host = |host: &str| json!({"set_headers": {"Host": host}});
    for wish in [
        json!({"to": {"tunnel": theirs}}),
        host("shop.localhost"),
        host("localhost"),
        host("127.0.0.1"),
        host("nothing.example.com"),
    ] {
        let answer = of_bob(wish.clone()).await;
        assert_eq!(refused(&answer), (404, "not_found"), "{wish}: {}", answer.1);
    }
    // Neither is an exchange of somebody else's.
    for path in
        [format!("/api/v1/{tunnel}/requests/{id}/replay"), format!("/api/v1/tunnels/{bobs}/requests/{id}/replay")]
    {
        assert_eq!(refused(&bob.post(&path, &json!({})).await), (404, "not_found"));
    }
    // An administrator's replay of bob's goes to bob's only, too.
    let of = format!("tunnels/{bobs}");
    assert_eq!(replay(&switchboard, &of, &bobs_id, json!({})).await.0, 200);
    let answer = replay(&switchboard, &of, &bobs_id, json!({"to": {"tunnel": theirs}})).await;
    assert_eq!(refused(&answer), (404, "not_found"));
}

#[tokio::test]
async fn what_is_not_at_hand_is_said() {
    let switchboard = Switchboard::start_with(&[]).await;
    let local = Seen::start().await;
    let _telephone = switchboard.telephone("shop", &local.origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    let visitor = switchboard.visitor("shop");
    let capture = async |settings: Value| {
        let path = format!("/api/v1/{tunnel}/capture");
        let request = switchboard.client().request(Method::PUT, &path).header(header::CONTENT_TYPE, "application/json");
        let request = request.body(full(settings.to_string())).unwrap();
        assert_eq!(switchboard.client().send(request).await.unwrap().status(), StatusCode::OK);
    };
    // As usual nothing but what a list shows is kept.
    let id = visit(&visitor, Method::POST, "/", &[("x-a", "b")], "hello").await;
    let answer = replay(&switchboard, &tunnel, &id, json!({})).await;
    assert_eq!(refused(&answer), (409, "head_not_kept"), "{}", answer.1);
    let answer = replay(&switchboard, &tunnel, &id, json!({"headers": []})).await;
    assert_eq!(refused(&answer), (409, "body_not_whole"), "{}", answer.1);
    let (status, done) = replay(&switchboard, &tunnel, &id, json!({"headers": [], "body": {"text": "hi"}})).await;
    assert_eq!(status, 200, "{done}");
    // A replay is recorded with all that it takes to compare it.
    assert_eq!(body(&switchboard, &tunnel, &done["exchanges"][0]["id"], "request").await, "hi");

    capture(json!({"level": "bodies", "body_limit": 1024, "redact": {"query": ["key"]}})).await;
    let id = visit(&visitor, Method::POST, "/?key=1", &[], &"x".repeat(2000)).await;
    let answer = replay(&switchboard, &tunnel, &id, json!({})).await;
    assert_eq!(refused(&answer), (409, "body_not_whole"));
    assert!(answer.1["error"]["message"].as_str().unwrap().contains("1024 of its 2000 bytes"), "{}", answer.1);
    let answer = replay(&switchboard, &tunnel, &id, json!({"body": {"text": ""}})).await;
    assert_eq!(refused(&answer), (409, "path_masked"));
    let (status, _) = replay(&switchboard, &tunnel, &id, json!({"body": {"text": ""}, "path": "/?key=2"})).await;
    assert_eq!(status, 200);

    capture(json!({"level": "off"})).await;
    let (status, done) = replay(&switchboard, &tunnel, &id, json!({"body": {"text": "on"}, "path": "/"})).await;
    assert_eq!(status, 200);
    assert_eq!(body(&switchboard, &tunnel, &done["exchanges"][0]["id"], "request").await, "on");
}

#[tokio::test]
async fn a_switch_of_protocols_is_not_sent_again() {
    let switchboard = Switchboard::start_with(ALL).await;
    let origin = Origin::start(async |request| {
        tokio::spawn(hyper::upgrade::on(request));
        let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        let switching = switching.header(header::CONNECTION, "Upgrade").header(header::UPGRADE, "websocket");
        switching.body(Body::default()).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    let visitor = switchboard.visitor("shop");
    let request = visitor.request(Method::GET, "/").header(header::CONNECTION, "Upgrade");
    let request = request.header(header::UPGRADE, "websocket").body(Body::default()).unwrap();
    let response = visitor.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    drop(response);
    let answer = replay(&switchboard, &tunnel, &id, json!({})).await;
    assert_eq!(refused(&answer), (409, "not_replayable"), "{}", answer.1);
}

#[tokio::test]
async fn an_event_stream_is_broken_off_in_the_end() {
    let switchboard = Switchboard::start_with(ALL).await;
    let (pieces, stream) = support::streamed();
    let first = std::sync::Mutex::new(Some(stream));
    let (kept, second) = support::streamed();
    let second = std::sync::Mutex::new(Some(second));
    let origin = Origin::start(move |_| {
        let body = first.lock().unwrap().take().or_else(|| second.lock().unwrap().take()).unwrap();
        async { Response::builder().header(header::CONTENT_TYPE, "text/event-stream").body(body).unwrap() }
    })
    .await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let tunnel = tunnel_of(&switchboard, "shop").await;
    drop(pieces);
    let id = visit(&switchboard.visitor("shop"), Method::GET, "/", &[], "").await;
    let (status, done) = replay(&switchboard, &tunnel, &id, json!({})).await;
    assert_eq!(status, 200, "{done}");
    let one = &done["exchanges"][0];
    assert_eq!((&one["status"], &one["exchange"]["end"]), (&json!(200), &json!("client_left")), "{done}");
    drop(kept);
}
