//! More than there may be: whoever is one too many is told so at once, and what to do.

use std::net::SocketAddr;

use telephone::{Agent, Event, Target};

use crate::raw::Connection;
use crate::support::{Origin, Switchboard, until, within};
use crate::{SOON, telephone};

/// Telephones that sign in at once.
const OPENINGS: usize = 512;
/// Telephones of one tunnel.
const SESSIONS: usize = 64;

/// Begins to sign in as a telephone would, and gives the head of the answer.
async fn sign_in(address: SocketAddr) -> (Connection, String) {
    let mut connection = Connection::to(address).await;
    let head = format!(
        "GET /tunnel HTTP/1.1\r\nHost: localhost:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        address.port()
    );
    connection.write(head.as_bytes()).await;
    let answer = connection.head().await.unwrap();
    (connection, answer)
}

#[tokio::test]
async fn no_more_telephones_sign_in_at_once_than_may() {
    let switchboard = Switchboard::start().await;
    let mut silent = Vec::new();
    for _ in 0..OPENINGS {
        let (connection, answer) = sign_in(switchboard.address).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        silent.push(connection);
    }
    let (_, answer) = sign_in(switchboard.address).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains("\r\nretry-after: ") && answer.contains("\r\nx-switchboard-error: overloaded\r\n"),
        "{answer}"
    );
    // Visitors do not notice, and a telephone comes in as soon as there is room.
    assert_eq!(switchboard.client().text("/healthz").await.0, 200);
    drop(silent);
    let origin = Origin::mirror().await;
    let _telephone = within(SOON, "a telephone", telephone(&switchboard, "later", origin.address)).await;
    assert_eq!(switchboard.visitor("later").text("/").await.0, 200);
}

#[tokio::test]
async fn no_more_telephones_share_a_tunnel_than_may() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    let mut telephones = Vec::new();
    for _ in 0..SESSIONS {
        telephones.push(switchboard.telephone_with(&token, "shared", &origin).await);
    }
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), &token).target(target).subdomain("shared").start().unwrap();
    let mut events = agent.events();
    let reason = within(SOON, "a refusal", async {
        loop {
            match events.recv().await.unwrap() {
                Event::Refused { message, .. } => break message,
                Event::Disconnected { reason, .. } => break reason,
                _ => {}
            }
        }
    })
    .await;
    assert!(reason.contains("64 telephones serve this tunnel already"), "{reason}");
    assert_eq!(switchboard.visitor("shared").text("/").await.0, 200);
    // It goes on trying, and gets the place of one that leaves.
    telephones.pop().unwrap().shutdown().await;
    until(SOON * 3, "the last telephone's place", async || agent.connections() > 0).await;
    assert_eq!(switchboard.visitor("shared").text("/").await.0, 200);
}
