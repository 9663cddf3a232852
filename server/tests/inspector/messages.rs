//! What goes over WebSockets and event streams.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::setup::{RECORDED, Setup};
use crate::support::until;

/// From whom, what kind and what of each message.
fn messages(exchange: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let messages = exchange["messages"].as_array().unwrap().iter();
    messages.map(|message| (text(&message["from"]), text(&message["kind"]), text(&message["payload"]))).collect()
}

#[tokio::test]
async fn a_websocket_is_seen_while_it_is_open_and_when_it_is_closed() {
    let setup = Setup::start().await;
    setup.capture(json!({"level": "bodies", "redact": {"json_paths": ["pin"]}})).await;
    let stream = TcpStream::connect(setup.switchboard.address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://shop.localhost/socket", stream).await.unwrap();
    for text in [r#"{"pin":"SECRET"}"#, "plain"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    let mut id = String::new();
    until(RECORDED, "it is seen", async || {
        id = setup.found("kind=web_socket").await.pop().unwrap_or_default();
        !id.is_empty() && messages(&setup.recorded(&id, "it").await).len() == 4
    })
    .await;
    let open = setup.recorded(&id, "it").await;
    assert_eq!((&open["end"], &open["status"]), (&json!("open"), &json!(101)));
    let expected = [
        ("client", "text", r#"{"pin":"[masked]"}"#),
        ("server", "text", r#"{"pin":"[masked]"}"#),
        ("client", "text", "plain"),
        ("server", "text", "plain"),
    ];
    assert_eq!(messages(&open), expected.map(|(from, kind, text)| (from.into(), kind.into(), text.into())));
    assert_eq!(setup.found("body=plain").await, [&*id]);

    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    // Until then it could still say something.
    drop(socket);
    until(RECORDED, "it is over", async || setup.recorded(&id, "it").await["end"] != "open").await;
    let closed = setup.recorded(&id, "it").await;
    assert!(closed["bytes_in"].as_u64() > Some(0) && closed["bytes_out"].as_u64() > Some(0), "{closed}");
    assert!(messages(&closed).iter().any(|(_, kind, _)| kind == "close"), "{closed}");
    assert_eq!(setup.found("").await, [&*id]);
}

#[tokio::test]
async fn events_are_masked_one_by_one() {
    let setup = Setup::start().await;
    setup.capture(json!({"level": "bodies", "redact": {"json_paths": ["pin"]}})).await;
    let exchange = setup.send(setup.get("/events")).await;
    let id = exchange["id"].as_str().unwrap();
    until(RECORDED, "it is over", async || setup.recorded(id, "it").await["end"] == "complete").await;
    let exchange = setup.recorded(id, "it").await;
    assert_eq!(exchange["kind"], "event_stream");
    let texts: Vec<_> = messages(&exchange).into_iter().map(|(from, kind, text)| (from + " " + &kind, text)).collect();
    assert_eq!(texts.len(), 2, "{exchange}");
    assert_eq!(texts[0], ("server event".to_owned(), "event: one\ndata: {\"pin\":\"[masked]\"}".to_owned()));
    assert_eq!(texts[1].1, "data: two");
}
