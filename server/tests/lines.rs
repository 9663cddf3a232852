//! Telephones with several sockets, and sockets that come back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use support::fault::{Direction, End, Flow, Relay};
use support::{Body, Client, Origin, Programs, Switchboard, streamed, until, within};
use telephone::{Agent, AgentHandle, Target};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const SOON: Duration = Duration::from_secs(20);

/// A telephone with three lines, once all are open.
async fn three_lines(url: &str, token: &str, origin: &Origin) -> AgentHandle {
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(url, token).target(target).subdomain("lines").connections(3).start().unwrap();
    all_open(&agent).await;
    agent
}

async fn all_open(agent: &AgentHandle) {
    let mut events = agent.events();
    while agent.connections() < 3 {
        events.recv().await.unwrap();
    }
}

/// The one session of the tunnel, once it has so many lines there too.
async fn session(switchboard: &Switchboard, lines: u64) -> Value {
    loop {
        let sessions = switchboard.tunnel("lines").await["sessions"].as_array().unwrap().clone();
        assert!(sessions.len() <= 1, "{sessions:?}");
        if let [session] = sessions.as_slice()
            && session["lines"] == lines
        {
            return session.clone();
        }
        tokio::task::yield_now().await;
    }
}

/// Opens a line by hand: the socket, and the server's answer to `init`.
async fn dial(switchboard: &Switchboard, token: &str, wish: &Value) -> (Socket, Value) {
    let (mut socket, answer) = begin(switchboard, token, wish).await;
    if answer["type"] == "tunnel_created" {
        ready(&mut socket).await;
    }
    (socket, answer)
}

/// The same without the last word.
async fn begin(switchboard: &Switchboard, token: &str, wish: &Value) -> (Socket, Value) {
    begin_at(switchboard.address, token, wish).await
}

async fn begin_at(address: SocketAddr, token: &str, wish: &Value) -> (Socket, Value) {
    let url = format!("ws://{address}/tunnel");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(receive(&mut socket).await["type"], "auth_challenge");
    let mut init = json!({"type": "init", "version": "2", "token": token, "local_url": "http://localhost:1", "subdomain": "lines"});
    init.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
    socket.send(Message::text(init.to_string())).await.unwrap();
    let answer = receive(&mut socket).await;
    (socket, answer)
}

async fn ready(socket: &mut Socket) {
    socket.send(Message::text(r#"{"type":"ready"}"#)).await.unwrap();
}

async fn receive(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn join(created: &Value) -> Value {
    json!({"join": {"session_id": created["session_id"], "resume": created["resume"]}})
}

#[tokio::test]
async fn a_telephone_with_several_lines_is_one_session() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    let agent = three_lines(&switchboard.url(), &token, &origin).await;
    session(&switchboard, 3).await;
    let visitor = switchboard.visitor("lines");
    for _ in 0..20 {
        assert_eq!(visitor.text("/").await.0, 200);
    }
    agent.shutdown().await;
    while !switchboard.tunnel("lines").await["sessions"].as_array().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // It took its leave: nobody waits for it.
    assert_eq!(visitor.text("/").await.0, 503);
}

#[tokio::test]
async fn a_telephone_may_say_something_else_of_itself_on_any_line() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let (_first, created) = dial(&switchboard, &token, &json!({})).await;
    let (mut second, _) = dial(&switchboard, &token, &join(&created)).await;
    let said = json!({"type": "update_tunnel", "local_url": "http://localhost:4000", "metadata": {"name": "laptop"}});
    second.send(Message::text(said.to_string())).await.unwrap();
    loop {
        let tunnel = switchboard.tunnel("lines").await;
        if tunnel["local_url"] == "http://localhost:4000" && tunnel["sessions"][0]["machine"] == "laptop" {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// The one tunnel.
async fn tunnel(client: &Client) -> Value {
    let (status, list) = client.get("/api/v1/tunnels").await;
    assert_eq!(status, 200, "{list}");
    list["items"][0].clone()
}

async fn say(socket: &mut Socket, mut said: Value) {
    said["type"] = json!("update_tunnel");
    socket.send(Message::text(said.to_string())).await.unwrap();
}

/// The same, until it is stored.
async fn tell(client: &Client, socket: &mut Socket, said: Value) {
    say(socket, said.clone()).await;
    until(SOON, "it is stored", async || {
        let tunnel = tunnel(client).await;
        said.as_object().unwrap().iter().all(|(key, value)| match value {
            Value::Object(about) => about.iter().all(|(name, text)| tunnel[key][name] == *text),
            _ => tunnel[key] == *value,
        })
    })
    .await;
}

#[tokio::test]
async fn what_a_telephone_has_said_is_not_said_again_by_its_next_word() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let client = switchboard.client();
    let (mut one, _) = dial(&switchboard, &token, &json!({})).await;
    let (mut other, _) = dial(&switchboard, &token, &json!({})).await;
    tell(&client, &mut one, json!({"local_url": "http://localhost:4000", "metadata": {"team": "blue"}})).await;
    tell(&client, &mut other, json!({"local_url": "http://localhost:5000", "metadata": {"team": "green"}})).await;
    tell(&client, &mut one, json!({"metadata": {"desk": "7"}})).await;
    assert_eq!(tunnel(&client).await["local_url"], "http://localhost:5000");
    tell(&client, &mut one, json!({"local_url": "http://localhost:6000"})).await;
    assert_eq!(tunnel(&client).await["metadata"], json!({"team": "green", "desk": "7"}));
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_tried_again() {
    // The session is not to hear meanwhile that the tunnel is gone.
    let mut programs = Programs::start_with(&[("SWITCHBOARD_UPDATE_INTERVAL", "1h")]).await;
    let (_, token) = programs.token().await;
    let (mut socket, _) = begin_at(programs.address, &token, &json!({})).await;
    ready(&mut socket).await;
    let file = programs.data().join("switchboard.db");
    let database = Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
    database.execute_unprepared("UPDATE tunnels SET deleted_at = created_at").await.unwrap();
    say(&mut socket, json!({"local_url": "http://localhost:4000"})).await;
    programs.switchboard.line_with("what a telephone says of itself is not stored").await;
    database.execute_unprepared("UPDATE tunnels SET deleted_at = NULL").await.unwrap();
    tell(&programs.client(), &mut socket, json!({"metadata": {"team": "blue"}})).await;
    assert_eq!(tunnel(&programs.client()).await["local_url"], "http://localhost:1");
}

#[tokio::test]
async fn a_lost_line_costs_only_what_was_on_it() {
    let switchboard = Switchboard::start().await;
    let (begin, mut begun) = mpsc::channel(200);
    let origin = Origin::start(move |_| {
        let (chunks, body) = streamed();
        begin.try_send(chunks).unwrap();
        async { Response::new(body) }
    })
    .await;
    let relay = Relay::to(switchboard.address).await;
    let (_, token) = switchboard.token().await;
    let agent = three_lines(&relay.url(), &token, &origin).await;
    let id = session(&switchboard, 3).await["id"].clone();

    let visitor = Arc::new(switchboard.visitor("lines"));
    let mut visits = tokio::task::JoinSet::new();
    let mut chunks = Vec::new();
    for _ in 0..120 {
        let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
        let response = visitor.send(request);
        let (response, chunk) = tokio::join!(response, begun.recv());
        chunks.push(chunk.unwrap());
        visits.spawn(async move { response.unwrap().into_body().collect().await.is_ok() });
    }
    let mut events = agent.events();
    relay.cut_after(Direction::Forth, 0, End::Reset);
    let _others = relay.strand(Flow::Pass);
    relay.stall();
    chunks[0].send(Ok(Frame::data("its line is lost".into()))).await.unwrap();
    while !matches!(events.recv().await.unwrap(), telephone::Event::Disconnected { .. }) {}
    // Nobody answers where it is dialled anew: the others serve.
    for _ in 0..20 {
        assert_eq!(once(&visitor, &mut begun).await, 200);
    }
    assert_eq!(agent.connections(), 2);
    relay.heal();
    all_open(&agent).await;
    assert_eq!(session(&switchboard, 3).await["id"], id, "the session is the same as before");
    for chunks in chunks {
        // Those on the lost line have no reader any more.
        let _lost = chunks.send(Ok(Frame::data("whole".into()))).await;
    }
    let mut whole = 0;
    while let Some(visit) = visits.join_next().await {
        whole += u32::from(visit.unwrap());
    }
    assert!((1..120).contains(&whole), "{whole} of 120 were not cut");

    assert_eq!(once(&visitor, &mut begun).await, 200);
}

type Chunks = mpsc::Sender<std::io::Result<Frame<Bytes>>>;

/// Asks for something that the local server begins with what comes through `begun`, and ends it there.
async fn once(visitor: &Client, begun: &mut mpsc::Receiver<Chunks>) -> u16 {
    let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
    let asked = async { tokio::join!(visitor.send(request), async { drop(begun.recv().await) }).0 };
    within(SOON, "an answer", asked).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn lines_come_and_go_with_the_work_and_no_request_is_lost() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), &token).target(target).subdomain("lines");
    let agent = agent.connections_within(1..=2).own_threads(true).quiet(Duration::from_secs(1)).start().unwrap();
    agent.ready().await.unwrap();
    session(&switchboard, 1).await;
    let many = crowd(&switchboard);
    let id = session(&switchboard, 2).await["id"].clone();
    many.end().await;
    assert_eq!(session(&switchboard, 1).await["id"], id, "the telephone has not taken leave");
    let many = crowd(&switchboard);
    session(&switchboard, 2).await;
    many.end().await;
    agent.shutdown().await;
}

/// Visitors who ask again and again.
struct Crowd {
    stop: CancellationToken,
    visits: JoinSet<()>,
}

fn crowd(switchboard: &Switchboard) -> Crowd {
    let (stop, mut visits) = (CancellationToken::new(), JoinSet::new());
    for _ in 0..96 {
        let (visitor, stop) = (switchboard.visitor("lines"), stop.clone());
        visits.spawn(async move {
            while !stop.is_cancelled() {
                assert_eq!(visitor.text("/").await.0, 200);
            }
        });
    }
    Crowd { stop, visits }
}

impl Crowd {
    async fn end(self) {
        self.stop.cancel();
        self.visits.join_all().await;
    }
}

#[tokio::test]
async fn the_session_ends_with_its_last_line() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let (first, created) = dial(&switchboard, &token, &json!({})).await;
    session(&switchboard, 1).await;
    let (second, joined) = dial(&switchboard, &token, &join(&created)).await;
    assert_eq!((&joined["session_id"], &joined["public_url"]), (&created["session_id"], &created["public_url"]));
    session(&switchboard, 2).await;
    drop(first);
    session(&switchboard, 1).await;
    drop(second);
    while !switchboard.tunnel("lines").await["sessions"].as_array().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let (_, refused) = dial(&switchboard, &token, &join(&created)).await;
    assert_eq!(refused["code"], "session_gone");
}

#[tokio::test]
async fn only_the_same_telephone_joins() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let (_, other_token) = switchboard.token().await;
    let (_socket, created) = dial(&switchboard, &token, &json!({})).await;
    session(&switchboard, 1).await;
    let id = &created["session_id"];
    for (token, wish) in [
        (&token, json!({"join": {"session_id": id, "resume": "0".repeat(32)}})),
        (&token, json!({"join": {"session_id": "no id", "resume": created["resume"]}})),
        (&token, json!({"join": {"session_id": uuid::Uuid::now_v7(), "resume": created["resume"]}})),
        (&other_token, join(&created)),
    ] {
        let (_, refused) = dial(&switchboard, token, &wish).await;
        assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("session_gone")), "{wish}");
    }
    let stranger = format!("sbt_{}", "A".repeat(43));
    assert_eq!(dial(&switchboard, &stranger, &join(&created)).await.1["code"], "token_invalid");
    session(&switchboard, 1).await;
}

#[tokio::test]
async fn a_session_has_a_limit_of_lines() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let (socket, created) = dial(&switchboard, &token, &json!({})).await;
    session(&switchboard, 1).await;
    let mut sockets = vec![socket];
    for lines in 2..=16 {
        sockets.push(dial(&switchboard, &token, &join(&created)).await.0);
        session(&switchboard, lines).await;
    }
    let (mut one_more, _) = dial(&switchboard, &token, &join(&created)).await;
    let refused = loop {
        let message = receive(&mut one_more).await;
        if message["type"] == "error" {
            break message;
        }
    };
    assert_eq!(refused["code"], "limit_exceeded");
    session(&switchboard, 16).await;
}

#[tokio::test]
async fn every_line_knows_the_address_that_the_tunnel_has_now() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let (mut first, created) = dial(&switchboard, &token, &json!({})).await;
    session(&switchboard, 1).await;
    let (mut second, _) = dial(&switchboard, &token, &join(&created)).await;
    session(&switchboard, 2).await;
    let path = format!("/api/v1/tunnels/{}", created["tunnel_id"].as_str().unwrap());
    assert_eq!(switchboard.client().patch(&path, &json!({"name": "no address"})).await.0, 200);
    let (status, renamed) = switchboard.client().patch(&path, &json!({"subdomain": "renamed"})).await;
    assert_eq!((status, &renamed["subdomain"]), (200, &json!("renamed")));
    assert_ne!(renamed["public_url"], created["public_url"]);
    for socket in [&mut first, &mut second] {
        let update = loop {
            let message = receive(socket).await;
            if message["type"] == "update_tunnel" {
                break message;
            }
        };
        let expected = json!({"type": "update_tunnel", "subdomain": "renamed", "public_url": renamed["public_url"]});
        assert_eq!(update, expected);
    }
    let (_third, joined) = dial(&switchboard, &token, &join(&created)).await;
    assert_eq!(joined["session_id"], created["session_id"]);
    assert_eq!((&joined["subdomain"], &joined["public_url"]), (&renamed["subdomain"], &renamed["public_url"]));
    // And so does one that was opening while the tunnel was renamed.
    let (mut late, old) = begin(&switchboard, &token, &join(&created)).await;
    assert_eq!(old["subdomain"], "renamed");
    assert_eq!(switchboard.client().patch(&path, &json!({"subdomain": "again"})).await.0, 200);
    while receive(&mut first).await["subdomain"] != "again" {}
    ready(&mut late).await;
    while receive(&mut late).await["subdomain"] != "again" {}
}

/// Each session has an id of its own (its epoch): the end of a stale one removes only itself.
#[tokio::test]
async fn a_stale_session_cannot_remove_the_one_that_came_in_its_place() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    for _ in 0..20 {
        let (mut stale, old) = dial(&switchboard, &token, &json!({})).await;
        session(&switchboard, 1).await;
        let (mut further, _) = dial(&switchboard, &token, &join(&old)).await;
        session(&switchboard, 2).await;
        let (new, created) = dial(&switchboard, &token, &json!({"resume": old["resume"]})).await;
        // All of its sockets are told, and whatever they still say or do concerns the new one no more.
        for socket in [&mut stale, &mut further] {
            assert_eq!(closed(socket).await, wire::close::REPLACED);
        }
        assert_eq!(dial(&switchboard, &token, &join(&old)).await.1["code"], "session_gone");
        drop((stale, further));
        let now = session(&switchboard, 1).await;
        assert_eq!(now["id"], created["session_id"]);
        assert_eq!(switchboard.tunnel("lines").await["status"], "online");
        drop(new);
        while !switchboard.tunnel("lines").await["sessions"].as_array().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_telephone_leaves_with_all_its_lines() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let (mut first, created) = dial(&switchboard, &token, &json!({})).await;
    session(&switchboard, 1).await;
    let (_second, _) = dial(&switchboard, &token, &join(&created)).await;
    session(&switchboard, 2).await;
    first.send(Message::text(r#"{"type":"drain"}"#)).await.unwrap();
    while receive(&mut first).await["type"] != "drain" {}
    // Nobody is asked any more, and nobody waited for.
    let visitor = switchboard.visitor("lines");
    let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
    let response = visitor.send(request).await.unwrap();
    assert_eq!(response.headers()["x-switchboard-error"], "tunnel_offline");
    assert_eq!(dial(&switchboard, &token, &join(&created)).await.1["code"], "session_gone");
}

/// Reads to the close frame and gives its code.
async fn closed(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(close) = socket.next().await.unwrap().unwrap() {
            return close.unwrap().code.into();
        }
    }
}

#[tokio::test]
async fn what_breaks_the_rules_costs_the_line_it_came_on_and_nobody_else() {
    let switchboard = Switchboard::start().await;
    let (chunks, body) = streamed();
    let body = std::sync::Mutex::new(Some(body));
    let origin = Origin::start(move |_| {
        let body = body.lock().unwrap().take();
        async move { Response::new(body.unwrap_or_default()) }
    })
    .await;
    let (_, token) = switchboard.token().await;
    let _well = switchboard.telephone_with(&token, "well", &origin).await;
    let visitor = switchboard.visitor("well");
    let lasting = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    for (garbage, code) in [
        (Message::binary(vec![0xff; 20]), wire::close::PROTOCOL),
        (Message::binary(vec![3, 0, 0, 1, 0, 0, 0, 9, 1]), wire::close::PROTOCOL),
        (Message::binary(vec![7, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]), wire::close::PROTOCOL),
        (Message::text("garbage"), wire::close::PROTOCOL),
        (Message::text(r#"{"type":"http_request"}"#), wire::close::PROTOCOL),
        (Message::binary(vec![0; 1536 * 1024]), wire::close::TOO_BIG),
    ] {
        let (mut first, created) = dial(&switchboard, &token, &json!({})).await;
        let (mut second, _) = dial(&switchboard, &token, &join(&created)).await;
        session(&switchboard, 2).await;
        // The peer may not want to read all of what is too long.
        let _sent = second.send(garbage.clone()).await;
        assert_eq!(closed(&mut second).await, code, "{garbage:.50}");
        session(&switchboard, 1).await;
        assert_eq!(visitor.text("/").await.0, 200);
        first.send(garbage).await.ok();
        assert_eq!(closed(&mut first).await, code);
        until(SOON, "the session is over", async || switchboard.tunnel("lines").await["sessions"] == json!([])).await;
    }
    chunks.send(Ok(Frame::data("all of it".into()))).await.unwrap();
    drop(chunks);
    assert_eq!(lasting.into_body().collect().await.unwrap().to_bytes(), "all of it");
}
