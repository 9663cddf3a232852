//! The live WebSockets with an access token.

use std::time::Duration;

use domain::{LiveSnapshot, LiveUpdate};
use futures_util::{SinkExt, StreamExt};
use http::{Request, header};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        protocol::{WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::answer::{OPEN, call, member};
use crate::support::Switchboard;

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) fn request(switchboard: &Switchboard, path: &str, bearer: &str) -> Request<()> {
    let mut request = format!("ws://localhost:{}{path}", switchboard.address.port()).into_client_request().unwrap();
    if !bearer.is_empty() {
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {bearer}").parse().unwrap());
    }
    request
}

pub(crate) async fn open(switchboard: &Switchboard, request: Request<()>) -> Result<Socket, u16> {
    let stream = TcpStream::connect(switchboard.address).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next update, or how the server closed.
async fn next(socket: &mut Socket) -> Result<LiveUpdate, Option<CloseCode>> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap();
        match message {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

pub(crate) async fn snapshot(socket: &mut Socket) -> LiveSnapshot {
    match next(socket).await {
        Ok(LiveUpdate::Snapshot(snapshot)) => snapshot,
        other => panic!("expected a snapshot, not {other:?}"),
    }
}

/// How the server closes, whatever it says before.
pub(crate) async fn end(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        if let Err(end) = next(socket).await {
            return end;
        }
    }
}

#[tokio::test]
async fn first_everything_then_what_changed_each_second() {
    let switchboard = Switchboard::start().await;
    call(&switchboard.client(), "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await;
    let mut socket = open(&switchboard, request(&switchboard, "/ws/user", &switchboard.bearer)).await.unwrap();
    assert_eq!(snapshot(&mut socket).await.tunnels.len(), 1);
    socket.send(Message::text("whatever")).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(next(&mut socket).await, Ok(LiveUpdate::Delta(_))));
    }
    switchboard.begin_stop();
    assert_eq!(end(&mut socket).await, Some(CloseCode::Away));
}

#[tokio::test]
async fn however_much_there_is_it_comes_in_pieces() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for n in 0..150 {
        call(&client, "POST", "/api/v1/tunnels", json!({"subdomain": format!("shop-{n}")})).await;
    }
    let stream = TcpStream::connect(switchboard.address).await.unwrap();
    let pieces = WebSocketConfig::default().max_frame_size(Some(16 * 1024));
    let request = request(&switchboard, "/ws/user", &switchboard.bearer);
    let (mut socket, _) = client_async_with_config(request, stream, Some(pieces)).await.unwrap();
    let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("no message") };
    assert!(text.len() > 16 * 1024, "{}", text.len());
    let Ok(LiveUpdate::Snapshot(snapshot)) = serde_json::from_str(&text) else { panic!("no snapshot: {text}") };
    assert_eq!(snapshot.tunnels.len(), 150);
    assert!(matches!(next(&mut socket).await, Ok(LiveUpdate::Delta(_))));
}

#[tokio::test]
async fn a_tunnels_socket_ends_with_the_tunnel() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let tunnel = call(&client, "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await.json;
    let id = tunnel["id"].as_str().unwrap();
    let request = request(&switchboard, &format!("/ws/tunnels/{id}"), &switchboard.bearer);
    let mut socket = open(&switchboard, request).await.unwrap();
    assert!(snapshot(&mut socket).await.detail.is_some());
    assert_eq!(call(&client, "DELETE", &format!("/api/v1/tunnels/{id}"), Value::Null).await.status, 204);
    while !matches!(next(&mut socket).await.unwrap(), LiveUpdate::Gone) {}
    assert_eq!(next(&mut socket).await.unwrap_err(), Some(CloseCode::Normal));
}

#[tokio::test]
async fn who_may_not_look_is_told_so_before_the_upgrade() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let tunnel = call(&switchboard.client(), "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await.json;
    let path = format!("/ws/tunnels/{}", tunnel["id"].as_str().unwrap());
    let bearer = {
        member(&switchboard).await;
        let account = json!({"email": "bob@example.com", "password": "a different long one"});
        let tokens = call(&switchboard.client(), "POST", "/api/v1/auth/login", account).await.json;
        tokens["access_token"].as_str().unwrap().to_owned()
    };
    for (path, bearer, status) in [
        (path.as_str(), bearer.as_str(), 404),
        ("/ws/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00", &switchboard.bearer, 404),
        ("/ws/tunnels/nothing", &switchboard.bearer, 404),
        (&path, "", 401),
        ("/ws/user", "", 401),
        ("/ws/user", "garbage", 401),
    ] {
        let refused = open(&switchboard, request(&switchboard, path, bearer)).await;
        assert_eq!(refused.err(), Some(status), "{path} {bearer}");
    }
    let plain = call(&switchboard.client(), "GET", "/ws/user", Value::Null).await;
    assert_eq!(plain.refusal(), (426, "upgrade_required"));
    assert_eq!(plain.headers["upgrade"], "websocket");
}

#[tokio::test]
async fn a_personal_token_opens_them_until_it_is_revoked() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let make = async |scope: &str| {
        let new = json!({"name": scope, "scopes": [scope]});
        let made = call(&client, "POST", "/api/v1/me/tokens", new).await;
        assert_eq!(made.status, 201, "{made:?}");
        [&made.json["token"], &made.json["id"]].map(|text| text.as_str().unwrap().to_owned())
    };
    let ([read, id], [tunnels, _], [write, _]) = (make("read").await, make("tunnels").await, make("write").await);
    assert_eq!(open(&switchboard, request(&switchboard, "/ws/user", &tunnels)).await.err(), Some(403));
    let mut socket = open(&switchboard, request(&switchboard, "/ws/user", &read)).await.unwrap();
    let mut other = open(&switchboard, request(&switchboard, "/ws/user", &write)).await.unwrap();
    for socket in [&mut socket, &mut other] {
        snapshot(socket).await;
    }
    assert_eq!(call(&client, "DELETE", &format!("/api/v1/me/tokens/{id}"), Value::Null).await.status, 204);
    assert_eq!(end(&mut socket).await, Some(CloseCode::Policy));
    assert!(matches!(next(&mut other).await, Ok(LiveUpdate::Delta(_))), "another token's socket stays");
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_sockets() {
    let switchboard = Switchboard::start().await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(open(&switchboard, request(&switchboard, "/ws/user", &switchboard.bearer)).await.unwrap());
    }
    let refused = open(&switchboard, request(&switchboard, "/ws/user", &switchboard.bearer)).await;
    assert_eq!(refused.err(), Some(429));
}

#[tokio::test]
async fn a_large_message_ends_the_socket() {
    let switchboard = Switchboard::start().await;
    let mut socket = open(&switchboard, request(&switchboard, "/ws/user", &switchboard.bearer)).await.unwrap();
    snapshot(&mut socket).await;
    // The server may close before all of it is written.
    socket.send(Message::text("x".repeat(5_000))).await.ok();
    while next(&mut socket).await.is_ok() {}
}
