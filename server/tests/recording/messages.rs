//! The messages of WebSockets and event streams.

use futures_util::{SinkExt, StreamExt};
use http::{Method, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::recorded::{Recorded, id};
use super::support::{Body, Origin, Switchboard, streamed};

#[tokio::test]
async fn those_of_a_websocket_are_kept_while_it_is_open() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |mut request| {
        let accept = derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let io = TokioIo::new(upgrade.await.unwrap());
            let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
            let mut socket = WebSocketStream::from_raw_socket(io, role, None).await;
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    socket.send(Message::text(format!("{text}!"))).await.unwrap();
                }
            }
        });
        let response = Response::builder().status(101).header(header::CONNECTION, "upgrade");
        let response = response.header(header::UPGRADE, "websocket").header(header::SEC_WEBSOCKET_ACCEPT, accept);
        response.body(Body::default()).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("chat", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "chat").await;
    recorded.keep(json!({"level": "bodies"})).await;
    let stream = TcpStream::connect(switchboard.address).await.unwrap();
    let url = format!("ws://chat.localhost:{}/room", switchboard.address.port());
    let (mut socket, response) = client_async(url, stream).await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), "hello!");
    let open = recorded.once(&id, |exchange| exchange["messages"].as_array().is_some_and(|all| all.len() == 2)).await;
    assert_eq!((&open["end"], &open["kind"], &open["status"]), (&json!("open"), &json!("web_socket"), &json!(101)));
    let message = |at: usize| (&open["messages"][at]["from"], &open["messages"][at]["payload"]);
    assert_eq!(message(0), (&json!("client"), &json!("hello")));
    assert_eq!(message(1), (&json!("server"), &json!("hello!")));
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    drop(socket);
    let over = recorded.exchange(&id).await;
    assert_eq!(over["end"], "complete", "{over}");
    let kinds: Vec<_> = over["messages"].as_array().unwrap().iter().map(|message| &message["kind"]).collect();
    assert_eq!(kinds, [&json!("text"), &json!("text"), &json!("close"), &json!("close")]);
}

#[tokio::test]
async fn events_are_kept_as_they_come() {
    let switchboard = Switchboard::start().await;
    let (events, body) = streamed();
    let origin = Origin::stream(body).await;
    let _telephone = switchboard.telephone("events", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "events").await;
    recorded.keep(json!({"level": "bodies"})).await;
    let visitor = switchboard.visitor("events");
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    let id = id(&response);
    let mut body = response.into_body();
    events.send(Ok(Frame::data("data: one\n\ndata: t".into()))).await.unwrap();
    body.frame().await.unwrap().unwrap();
    let open = recorded.once(&id, |exchange| exchange["messages"].as_array().is_some_and(|all| all.len() == 1)).await;
    assert_eq!((&open["end"], &open["kind"]), (&json!("open"), &json!("event_stream")));
    events.send(Ok(Frame::data("wo\n\n".into()))).await.unwrap();
    drop(events);
    while body.frame().await.is_some() {}
    let over = recorded.exchange(&id).await;
    let payloads: Vec<_> = over["messages"].as_array().unwrap().iter().map(|message| &message["payload"]).collect();
    assert_eq!(payloads, [&json!("data: one"), &json!("data: two")]);
    assert_eq!(over["end"], "complete");
}
