//! A switchboard behind TLS.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use http::HeaderValue;
use support::hub::Hub;
use support::local::Local;
use support::tls::{Authority, Terminator};
use support::{collect, get, pattern, text, with};
use telephone::{Agent, AgentHandle, Event, Target};
use tokio::sync::broadcast::Receiver;
use wire::head::RequestHead;

fn agent(url: &str, local: &Local, trusts: &Authority, connections: usize) -> AgentHandle {
    let target = Target::parse(&local.target()).unwrap();
    let builder = Agent::builder(url, "sbt_test").target(target).ca_file(trusts.file());
    builder.connections(connections).start().unwrap()
}

fn behind(hub: &Hub) -> &str {
    hub.url.strip_prefix("http://").unwrap()
}

/// The reason of the next failure, and how long the telephone waits now.
async fn disconnected(events: &mut Receiver<Event>) -> (String, Duration) {
    loop {
        if let Event::Disconnected { reason, retry_in, .. } = events.recv().await.unwrap() {
            return (reason, retry_in);
        }
    }
}

#[tokio::test]
async fn a_line_over_tls_carries_requests_both_ways_and_comes_back() {
    let (authority, local, mut hub) = (Authority::new("known"), Local::pages().await, Hub::start().await);
    let terminator = Terminator::start(&authority, "localhost", behind(&hub)).await;
    let agent = agent(&terminator.url(), &local, &authority, 1);
    let mut events = agent.events();
    for _ in 0..2 {
        let session = hub.accept().await;
        assert_eq!(session.init.token.expose(), "sbt_test");
        agent.ready().await.unwrap();
        let (_, answer) = session.line.open(&get("/large"), true).unwrap();
        let (head, body) = answer.await.unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(collect(body).await.unwrap().0, pattern(1024 * 1024));
        session.driver.abort();
        disconnected(&mut events).await;
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused_with_a_remedy_and_without_hammering() {
    let (authority, local, hub) = (Authority::new("known"), Local::pages().await, Hub::start().await);
    // One with another name, and one that has taken the name of the one that is trusted.
    for (stranger, cause) in [("stranger", "UnknownIssuer"), ("known", "BadSignature")] {
        let terminator = Terminator::start(&Authority::new(stranger), "localhost", behind(&hub)).await;
        let agent = agent(&terminator.url(), &local, &authority, 3);
        let reason = refused_again_and_again(&agent, &terminator).await;
        assert!(reason.contains(cause) && reason.contains("--ca-file"), "{reason}");
        assert!(reason.contains(&terminator.url()), "{reason}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_a_remedy_and_without_hammering() {
    let (authority, local, hub) = (Authority::new("known"), Local::pages().await, Hub::start().await);
    let terminator = Terminator::start(&authority, "switchboard.test", behind(&hub)).await;
    let agent = agent(&terminator.url(), &local, &authority, 3);
    let reason = refused_again_and_again(&agent, &terminator).await;
    assert!(reason.contains("switchboard.test") && reason.contains("a name that its certificate is for"), "{reason}");
}

#[tokio::test]
async fn a_server_without_tls_is_recognised() {
    let local = Local::saying(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let agent = agent(&format!("https://localhost:{}", local.port), &local, &Authority::new("known"), 1);
    let (reason, _) = disconnected(&mut agent.events()).await;
    assert!(reason.contains("does not speak TLS") && reason.contains("http://"), "{reason}");
}

#[tokio::test]
async fn a_local_server_that_prefers_http2_gets_it_and_upgrades_go_over_http1() {
    let (authority, local, mut hub) = (Authority::new("known"), Local::either().await, Hub::start().await);
    let terminator = Terminator::preferring(&["h2", "http/1.1"], &authority, "localhost", &local.target()).await;
    let target = Target::parse(&terminator.url()).unwrap();
    let agent = Agent::builder(&hub.url, "sbt_test").target(target).ca_file(authority.file()).start().unwrap();
    let session = hub.accept().await;
    agent.ready().await.unwrap();
    for _ in 0..3 {
        let (head, body) = session.line.open(&get("/echo-head?a=1"), true).unwrap().1.await.unwrap();
        assert_eq!(head.status, 200);
        assert!(text(body).await.starts_with("GET https://blog.test/echo-head?a=1\n"));
    }
    let (_, body) = session.line.open(&with(get("/trailers"), "te", "trailers"), true).unwrap().1.await.unwrap();
    assert_eq!(collect(body).await.unwrap().1["x-end"], "yes");
    assert_eq!(terminator.connections(), 1);
    let upgrade = RequestHead { upgrade: Some(HeaderValue::from_static("echo")), ..get("/upgrade") };
    let (_sending, answer) = session.line.open(&upgrade, false).unwrap();
    assert_eq!(answer.await.unwrap().0.status, 101);
    // It has said so once: what follows still goes over HTTP/2.
    let (_, body) = session.line.open(&get("/echo-head"), true).unwrap().1.await.unwrap();
    assert!(text(body).await.starts_with("GET https://"));
    assert_eq!(terminator.connections(), 2);
}

#[tokio::test]
async fn a_local_server_that_knows_only_http1_gets_that() {
    let (authority, local, mut hub) = (Authority::new("known"), Local::pages().await, Hub::start().await);
    let terminator = Terminator::preferring(&["http/1.1"], &authority, "localhost", &local.target()).await;
    let target = Target::parse(&terminator.url()).unwrap();
    let agent = Agent::builder(&hub.url, "sbt_test").target(target).ca_file(authority.file()).start().unwrap();
    let session = hub.accept().await;
    agent.ready().await.unwrap();
    let mut events = agent.events();
    for _ in 0..3 {
        let (_, body) = session.line.open(&get("/echo-head"), true).unwrap().1.await.unwrap();
        assert!(text(body).await.starts_with("GET /echo-head\n"));
        while !matches!(events.recv().await.unwrap(), Event::Request { .. }) {}
    }
    assert_eq!(terminator.connections(), 1);
}

/// Sees a telephone with several connections fail a few times, and says why it does. It dials once for each, not with
/// every connection, and there are waits between.
async fn refused_again_and_again(agent: &AgentHandle, terminator: &Terminator) -> String {
    let mut events = agent.events();
    let (mut waited, mut reasons) = (Duration::ZERO, Vec::new());
    for failures in 1..=4 {
        let (reason, retry_in) = disconnected(&mut events).await;
        assert_eq!(terminator.connections(), failures, "one dial for each failure");
        waited += retry_in;
        reasons.push(reason);
    }
    assert!(waited > Duration::ZERO);
    assert_eq!(agent.connections(), 0);
    reasons.dedup();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons.remove(0)
}
