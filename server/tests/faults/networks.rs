//! A network between telephone and switchboard that stands still, and goes on again.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt;
use telephone::{Agent, AgentHandle, Event, Target};
use tokio::sync::mpsc;

use crate::endless::SOON;
use crate::support::fault::{Direction, End, Flow, Relay};
use crate::support::{Body, Origin, Switchboard, full, streamed, within};
use crate::visit::{Seen, get, post, read, visit};

pub const HEARTBEAT: Duration = Duration::from_secs(1);

pub async fn switchboard() -> Switchboard {
    Switchboard::start_with(&[("SWITCHBOARD_HEARTBEAT", "1s")]).await
}

/// A telephone whose line runs through the relay.
pub async fn telephone(switchboard: &Switchboard, relay: &Relay, origin: &Origin) -> AgentHandle {
    let (_, token) = switchboard.token().await;
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(relay.url(), token).target(target).subdomain("line").connections(1).start().unwrap();
    within(SOON, "the telephone", agent.ready()).await.unwrap();
    agent
}

/// A local server whose answer is what the test sends.
pub async fn told() -> (Origin, mpsc::Sender<std::io::Result<Frame<Bytes>>>) {
    let (chunks, body) = streamed();
    let body = std::sync::Mutex::new(Some(body));
    let origin = Origin::start(move |_| {
        let body = body.lock().unwrap().take().unwrap_or_else(|| full("another"));
        async { Response::new(body) }
    })
    .await;
    (origin, chunks)
}

pub fn piece(text: &'static str) -> std::io::Result<Frame<Bytes>> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[tokio::test]
async fn a_short_standstill_loses_nothing() {
    let switchboard = switchboard().await;
    let (origin, chunks) = told().await;
    let relay = Relay::to(switchboard.address).await;
    let telephone = telephone(&switchboard, &relay, &origin).await;
    let mut events = telephone.events();
    let visitor = switchboard.visitor("line");
    chunks.send(piece("before ")).await.unwrap();
    let response = visitor.send(get(&visitor, "/")).await.unwrap();

    relay.stall();
    chunks.send(piece("during ")).await.unwrap();
    let waiting = tokio::spawn({
        let visitor = visitor.clone();
        async move { visit(&visitor, post(&visitor, "/", full("a question"))).await }
    });
    // Half of what it takes to be given up.
    tokio::time::sleep(HEARTBEAT).await;
    relay.heal();
    chunks.send(piece("after")).await.unwrap();
    drop(chunks);
    let whole =
        |body: &'static str| Seen::Whole { status: 200, body: Bytes::from_static(body.as_bytes()), trailers: None };
    assert_eq!(within(SOON, "the end of the response", read(response)).await, whole("before during after"));
    assert_eq!(within(SOON, "an answer", waiting).await.unwrap(), whole("another"));
    let lost = std::iter::from_fn(|| events.try_recv().ok()).find(|event| matches!(event, Event::Disconnected { .. }));
    assert!(lost.is_none(), "{lost:?}");
    assert_eq!(relay.accepted(), 1);
}

#[tokio::test]
async fn a_line_that_is_closed_in_one_direction_is_a_line_that_has_ended() {
    for direction in [Direction::Forth, Direction::Back] {
        let switchboard = switchboard().await;
        let (origin, chunks) = told().await;
        let relay = Relay::to(switchboard.address).await;
        let telephone = telephone(&switchboard, &relay, &origin).await;
        let mut events = telephone.events();
        let visitor = switchboard.visitor("line");
        chunks.send(piece("begun")).await.unwrap();
        let begun = visitor.send(get(&visitor, "/")).await.unwrap();
        relay.flow(direction, Flow::Closed);
        let seen = within(SOON, "the end of the request in flight", read(begun)).await;
        assert_eq!(seen, Seen::Truncated { status: 200, body: Bytes::from_static(b"begun") }, "{direction:?}");
        within(SOON, "the telephone notices", async {
            while !matches!(events.recv().await.unwrap(), Event::Disconnected { .. }) {}
        })
        .await;
        relay.heal();
        let seen = within(SOON, "an answer", visit(&visitor, get(&visitor, "/"))).await;
        assert_eq!(seen.status(), Some(200), "{direction:?}");
    }
}

#[tokio::test]
async fn a_slow_and_narrow_line_carries_everything_both_ways() {
    const SIZE: usize = 300_000;
    let switchboard = switchboard().await;
    let origin =
        Origin::start(async |request| Response::new(Body::new(request.into_body().map_err(std::io::Error::other))))
            .await;
    let relay = Relay::to(switchboard.address).await;
    for direction in [Direction::Forth, Direction::Back] {
        relay.delay(direction, Duration::from_millis(40));
        relay.throttle(direction, 1_000_000);
    }
    let _telephone = telephone(&switchboard, &relay, &origin).await;
    let visitor = switchboard.visitor("line");
    let body: BytesMut = (0..SIZE).map(|n| (n % 251) as u8).collect();
    let body = body.freeze();
    let seen = within(SOON, "the echo", visit(&visitor, post(&visitor, "/", full(body.clone())))).await;
    assert_eq!(seen, Seen::Whole { status: 200, body, trailers: None });
    assert_eq!(relay.accepted(), 1);
}

#[tokio::test]
async fn a_line_that_breaks_is_dialled_again_at_once() {
    let switchboard = switchboard().await;
    let origin = Origin::mirror().await;
    let relay = Relay::to(switchboard.address).await;
    let _telephone = telephone(&switchboard, &relay, &origin).await;
    let visitor = switchboard.visitor("line");
    for end in [End::Reset, End::Close] {
        relay.end_all(end);
        let seen = within(SOON, "an answer", visit(&visitor, get(&visitor, "/"))).await;
        assert_eq!(seen.status(), Some(200), "{end:?}");
    }
}
