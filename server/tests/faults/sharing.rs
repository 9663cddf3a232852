//! Several sessions of one tunnel: telephones that share it, and one that comes back in its own place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::Response;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::endless::SOON;
use crate::support::{Client, Origin, Programs, Switchboard, full, until, within};
use crate::visit::{get, post, visit};

/// A local server that counts.
async fn counting() -> (Origin, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let origin = Origin::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Response::new(full("counted")) }
    })
    .await;
    (origin, count)
}

/// Sends requests, one after the other, until told to stop; how many there were. Each has to succeed.
async fn load(visitor: Client, stop: Arc<AtomicBool>) -> usize {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let request = if sent % 2 == 0 { get(&visitor, "/") } else { post(&visitor, "/", full("a question")) };
        let seen = within(SOON, "an answer", visit(&visitor, request)).await;
        assert_eq!(seen.status(), Some(200), "request {sent}: {seen:?}");
        sent += 1;
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn telephones_come_and_leave_under_load_without_a_failed_request() {
    let programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let ((one, ones), (other, others)) = (counting().await, counting().await);
    let _stays = programs.telephone_with(&token, "shared", one.address, &[]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut visitors = JoinSet::new();
    for _ in 0..16 {
        visitors.spawn(load(programs.visitor("shared"), stop.clone()));
    }
    for _ in 0..5 {
        let mut leaves = programs.telephone_with(&token, "shared", other.address, &[]).await;
        let before = (ones.load(Ordering::Relaxed), others.load(Ordering::Relaxed));
        until(SOON, "requests at both", async || {
            ones.load(Ordering::Relaxed) > before.0 + 20 && others.load(Ordering::Relaxed) > before.1 + 20
        })
        .await;
        leaves.terminate();
        assert_eq!(within(SOON, "the telephone's end", leaves.ended()).await.code(), Some(0));
    }
    stop.store(true, Ordering::Relaxed);
    let mut sent = 0;
    while let Some(visitor) = visitors.join_next().await {
        sent += visitor.unwrap();
    }
    // Nothing was delivered twice either.
    assert_eq!(ones.load(Ordering::Relaxed) + others.load(Ordering::Relaxed), sent);
}

/// A telephone by hand: what is after `tunnel_created`.
struct Hand {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    resume: String,
}

impl Hand {
    async fn dial(switchboard: &Switchboard, token: &str, resume: Option<&str>) -> Self {
        let url = format!("ws://{}/tunnel", switchboard.address);
        let (socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let mut hand = Self { socket, session: String::new(), resume: String::new() };
        assert_eq!(hand.control().await["type"], "auth_challenge");
        let mut init = json!({
            "type": "init", "version": wire::VERSION, "token": token, "local_url": "x", "subdomain": "fenced",
            "metadata": {},
        });
        if let Some(resume) = resume {
            init["resume"] = resume.into();
        }
        hand.say(&init).await;
        let created = hand.control().await;
        assert_eq!(created["type"], "tunnel_created", "{created}");
        let text = |key: &str| created[key].as_str().unwrap().to_owned();
        (hand.session, hand.resume) = (text("session_id"), text("resume"));
        hand.say(&json!({"type": "ready"})).await;
        hand
    }

    async fn say(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn control(&mut self) -> Value {
        loop {
            if let Message::Text(text) = within(SOON, "a message", self.socket.next()).await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Waits until the switchboard has ended the connection; with which close code.
    async fn end(mut self) -> Option<u16> {
        let mut code = None;
        while let Some(Ok(message)) = within(SOON, "the end", self.socket.next()).await {
            if let Message::Close(Some(frame)) = message {
                code = Some(frame.code.into());
            }
        }
        code
    }

    /// Waits for frames of a request.
    async fn is_asked(&mut self) {
        while !matches!(within(SOON, "a request", self.socket.next()).await.unwrap().unwrap(), Message::Binary(_)) {}
    }
}

#[tokio::test]
async fn a_stale_session_never_takes_the_place_of_the_new_one() {
    let switchboard = Switchboard::start().await;
    let (_, token) = switchboard.token().await;
    let mut now = Hand::dial(&switchboard, &token, None).await;
    for round in 0..1_000 {
        let mut stale = now;
        let resume = stale.resume.clone();
        match round % 4 {
            // It is told that it was replaced.
            0 => {
                now = Hand::dial(&switchboard, &token, Some(&resume)).await;
                assert_eq!(stale.end().await, Some(wire::close::REPLACED));
            }
            // It takes its leave when it has been replaced.
            1 => {
                now = Hand::dial(&switchboard, &token, Some(&resume)).await;
                // It may have been closed already.
                let _said = stale.socket.send(Message::text(json!({"type": "drain"}).to_string())).await;
                let _close = stale.socket.close(None).await;
                stale.end().await;
            }
            // It is gone when it has been replaced, without a word or with the last one.
            2 => {
                now = Hand::dial(&switchboard, &token, Some(&resume)).await;
                let _close = stale.socket.close(None).await;
            }
            // Its end and its return come at the same time.
            _ => {
                drop(stale.socket);
                now = Hand::dial(&switchboard, &token, Some(&resume)).await;
            }
        }
        let id = now.session.clone();
        until(SOON, "the new session is there, alone", async || {
            let tunnel = switchboard.tunnel("fenced").await;
            let sessions = tunnel["sessions"].as_array().unwrap();
            sessions.len() == 1 && sessions[0]["id"] == id.as_str()
        })
        .await;
    }
    // Requests go to it.
    let visitor = switchboard.visitor("fenced");
    let asked = tokio::spawn(async move { visit(&visitor, get(&visitor, "/")).await });
    now.is_asked().await;
    drop(now);
    // It had the request and is gone: nobody comes in its place, and whoever asked is told.
    assert_eq!(within(Duration::from_secs(30), "an answer", asked).await.unwrap().status(), Some(502));
}
