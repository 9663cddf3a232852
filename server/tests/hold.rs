//! Requests that wait for a telephone, and requests that are sent again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::fault::{End, Relay};
use support::{Origin, Switchboard, figure, full, text, until};
use telephone::line::{self, Line, Side};
use telephone::{Agent, AgentHandle, Target};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

const LIMIT: Duration = Duration::from_secs(20);

/// A telephone that breaks off without a word, once the server has noticed.
async fn broken_off(switchboard: &Switchboard, token: &str, origin: &Origin) {
    drop(switchboard.telephone_with(token, "held", origin).await);
    until(LIMIT, "offline", async || switchboard.tunnel("held").await["status"] == "offline").await;
}

async fn stats(switchboard: &Switchboard) -> Value {
    let id = switchboard.tunnel("held").await["id"].as_str().unwrap().to_owned();
    switchboard.client().get(&format!("/api/v1/tunnels/{id}/stats")).await.1
}

fn visit(switchboard: &Switchboard) -> tokio::task::JoinHandle<(u16, String)> {
    let visitor = switchboard.visitor("held");
    tokio::spawn(async move { visitor.text("/").await })
}

#[tokio::test]
async fn who_waits_is_seen_to_wait() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    broken_off(&switchboard, &token, &origin).await;
    let waiting = [visit(&switchboard), visit(&switchboard)];
    until(LIMIT, "held", async || figure(switchboard.metrics, "switchboard_requests_held").await == 2.0).await;
    let seen = stats(&switchboard).await;
    assert_eq!(seen["held"], 2, "{seen}");
    let _telephone = switchboard.telephone_with(&token, "held", &origin).await;
    for visit in waiting {
        assert_eq!(visit.await.unwrap().0, 200);
    }
    assert_eq!(stats(&switchboard).await["held"], 0);
    assert_eq!(figure(switchboard.metrics, "switchboard_requests_held").await, 0.0);
    assert_eq!(figure(switchboard.metrics, "switchboard_requests_held_total").await, 2.0);
}

#[tokio::test]
async fn no_more_wait_than_may() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_HOLD_LIMIT", "2")]).await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    broken_off(&switchboard, &token, &origin).await;
    let waiting = [visit(&switchboard), visit(&switchboard)];
    until(LIMIT, "held", async || figure(switchboard.metrics, "switchboard_requests_held").await == 2.0).await;
    let visitor = switchboard.visitor("held");
    let refused = visitor.send(visitor.request(Method::GET, "/").body(full("")).unwrap()).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(figure(switchboard.metrics, "switchboard_requests_hold_refused_total").await, 1.0);
    let _telephone = switchboard.telephone_with(&token, "held", &origin).await;
    for visit in waiting {
        assert_eq!(visit.await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_setting_says() {
    for (setting, timeouts) in [("300ms", 1.0), ("0s", 0.0)] {
        let switchboard = Switchboard::start_with(&[("SWITCHBOARD_HOLD_TIMEOUT", setting)]).await;
        let origin = Origin::mirror().await;
        let (_, token) = switchboard.token().await;
        let telephone = switchboard.telephone_with(&token, "held", &origin).await;
        drop(telephone);
        // Until the server has noticed, and then for as long as the setting says.
        let visitor = switchboard.visitor("held");
        let answer = loop {
            let answer = visitor.send(visitor.request(Method::POST, "/").body(full("")).unwrap()).await.unwrap();
            if ![200, 502].contains(&answer.status().as_u16()) {
                break answer;
            }
        };
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["x-switchboard-error"], "tunnel_offline");
        assert!(answer.headers().contains_key("retry-after"));
        let counted = figure(switchboard.metrics, "switchboard_requests_hold_timeouts_total").await;
        assert!(counted >= timeouts && (timeouts > 0.0 || counted == 0.0), "{setting}: {counted}");
    }
}

/// A telephone behind a relay, and a local server that answers a request the second time it sees it.
struct Second {
    switchboard: Switchboard,
    relay: Relay,
    _agent: AgentHandle,
    /// The bodies it was sent.
    delivered: mpsc::Receiver<Bytes>,
}

impl Second {
    async fn start() -> Self {
        let switchboard = Switchboard::start().await;
        let (deliver, delivered) = mpsc::channel(10);
        let count = Arc::new(AtomicUsize::new(0));
        let origin = Origin::start(move |request| {
            let (deliver, count) = (deliver.clone(), count.clone());
            async move {
                let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let first = count.fetch_add(1, Ordering::Relaxed) == 0;
                deliver.send(body).await.unwrap();
                if first {
                    std::future::pending::<()>().await;
                }
                Response::new(full("the second time"))
            }
        })
        .await;
        let relay = Relay::to(switchboard.address).await;
        let (_, token) = switchboard.token().await;
        let target = Target::parse(&origin.address.to_string()).unwrap();
        let agent = Agent::builder(relay.url(), token).target(target).subdomain("held").start().unwrap();
        agent.ready().await.unwrap();
        // The origin lives as long as its tasks do, which is as long as the test.
        std::mem::forget(origin);
        Self { switchboard, relay, _agent: agent, delivered }
    }

    /// What becomes of a request whose line breaks once the local server has it.
    async fn visit(&mut self, method: Method, body: Bytes) -> (u16, String) {
        let visitor = self.switchboard.visitor("held");
        let request = visitor.request(method, "/").body(full(body)).unwrap();
        let visit = tokio::spawn(async move { visitor.send(request).await.unwrap() });
        self.delivered.recv().await.unwrap();
        self.relay.end_all(End::Reset);
        let response = visit.await.unwrap();
        (response.status().as_u16(), text(response).await)
    }

    async fn retries(&self) -> f64 {
        figure(self.switchboard.metrics, "switchboard_requests_retries_total").await
    }
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again_when_its_line_breaks() {
    for (method, body) in
        [(Method::GET, Bytes::new()), (Method::DELETE, Bytes::new()), (Method::PUT, Bytes::from(vec![b'x'; 60_000]))]
    {
        let mut second = Second::start().await;
        assert_eq!(second.visit(method, body.clone()).await, (200, "the second time".to_owned()));
        assert_eq!(second.delivered.recv().await.unwrap(), body, "all of the body, once more");
        assert!(second.delivered.try_recv().is_err(), "delivered twice, not more often");
        assert_eq!(second.retries().await, 1.0);
        assert_eq!(stats(&second.switchboard).await["retried"], 1);
    }
}

#[tokio::test]
async fn what_may_not_be_repeated_is_delivered_once() {
    for (method, size) in [(Method::POST, 0), (Method::POST, 100), (Method::PATCH, 0), (Method::PUT, 200_000)] {
        let mut second = Second::start().await;
        let (status, _) = second.visit(method.clone(), Bytes::from(vec![b'x'; size])).await;
        assert_eq!(status, 502, "{method} with {size} bytes");
        assert!(second.delivered.try_recv().is_err(), "{method} with {size} bytes was repeated");
        assert_eq!(second.retries().await, 0.0);
    }
}

/// A telephone that turns every request away.
async fn refusing(switchboard: &Switchboard, token: &str) -> Line {
    let url = format!("ws://{}/tunnel", switchboard.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let init =
        json!({"type": "init", "version": "2", "token": token, "local_url": "http://localhost:1", "subdomain": "held"});
    socket.send(Message::text(init.to_string())).await.unwrap();
    for _ in ["auth_challenge", "tunnel_created"] {
        socket.next().await.unwrap().unwrap();
    }
    socket.send(Message::text(r#"{"type":"ready"}"#)).await.unwrap();
    let socket =
        line::Socket::new(socket.into_inner(), wire::websocket::Role::Client, wire::websocket::Limits::default(), &[]);
    let settings = line::Settings { mux: wire::mux::Settings::default(), heartbeat: Duration::from_secs(2) };
    let (line, driver, incoming, _control) = line::new(socket, Side::Telephone, settings);
    drop(incoming);
    tokio::spawn(driver.run());
    line
}

#[tokio::test]
async fn what_a_telephone_turns_away_goes_to_another_whatever_it_is() {
    let switchboard = Switchboard::start().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let origin = Origin::start(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::new(full(body))
        }
    })
    .await;
    let (_, token) = switchboard.token().await;
    let _serves = switchboard.telephone_with(&token, "held", &origin).await;
    let _refuses = refusing(&switchboard, &token).await;
    until(LIMIT, "two", async || switchboard.tunnel("held").await["sessions"].as_array().unwrap().len() == 2).await;
    let visitor = switchboard.visitor("held");
    for _ in 0..20 {
        let request = visitor.request(Method::POST, "/").body(full("once")).unwrap();
        let response = visitor.send(request).await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (200, "once".to_owned()));
    }
    assert_eq!(count.load(Ordering::Relaxed), 20);
    assert!(figure(switchboard.metrics, "switchboard_requests_retries_total").await > 0.0);
}
