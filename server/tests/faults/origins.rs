//! Local servers whose responses break at every single byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, header};
use http_body::Frame;
use telephone::{Agent, AgentHandle, Target};

use crate::support::fault::{Direction, End, Relay};
use crate::support::{Body, Client, Origin, Switchboard, full, streamed, within};
use crate::visit::{Seen, get, post, visit};

const SOON: Duration = Duration::from_secs(10);
const ANSWER: &[u8] = b"an answer that is to arrive as a whole or not at all";

/// A local server that says how long its answer is to `/length`, and sends it in chunks to anything else. It counts the
/// requests that may not be repeated.
async fn answering() -> (Origin, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let origin = Origin::start(move |request| {
        if request.method() == Method::POST {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        async move {
            if request.uri().path() == "/length" {
                return Response::new(full(ANSWER));
            }
            let (chunks, body) = streamed();
            tokio::spawn(async move {
                for piece in ANSWER.chunks(20) {
                    // Whoever asked may be gone.
                    let _gone = chunks.send(Ok(Frame::data(Bytes::from_static(piece)))).await;
                }
            });
            Response::builder().header(header::CONTENT_TYPE, "text/plain").body(body).unwrap()
        }
    })
    .await;
    (origin, asked)
}

fn is_whole(seen: &Seen) -> bool {
    matches!(seen, Seen::Whole { status: 200, body, .. } if body == ANSWER)
}

/// A telephone whose local server is behind the relay.
async fn telephone(switchboard: &Switchboard, subdomain: &str, relay: &Relay) -> AgentHandle {
    let (_, token) = switchboard.token().await;
    let target = Target::parse(&relay.address.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), token).target(target).subdomain(subdomain).start().unwrap();
    within(SOON, "the telephone", agent.ready()).await.unwrap();
    agent
}

/// How many bytes a response has on its way from the local server.
async fn size(visitor: &Client, path: &str, relay: &Relay) -> u64 {
    let before = relay.passed(Direction::Back);
    assert!(is_whole(&visit(visitor, get(visitor, path)).await));
    relay.passed(Direction::Back) - before
}

#[tokio::test]
async fn a_response_cut_at_any_byte_never_ends_cleanly() {
    let switchboard = Switchboard::start().await;
    let (origin, asked) = answering().await;
    let relay = Relay::to(origin.address).await;
    let _telephone = telephone(&switchboard, "cut", &relay).await;
    let visitor = switchboard.visitor("cut");
    let mut posts = 0;
    for path in ["/length", "/chunks"] {
        let size = size(&visitor, path, &relay).await;
        let (mut refused, mut truncated) = (0, 0);
        for (bytes, end) in (0..size).flat_map(|bytes| [(bytes, End::Close), (bytes, End::Reset)]) {
            relay.cut_after(Direction::Back, bytes, end);
            let repeatable = bytes % 2 == 0;
            posts += usize::from(!repeatable);
            let request = if repeatable { get(&visitor, path) } else { post(&visitor, path, Body::default()) };
            match within(SOON, "the end of a request", visit(&visitor, request)).await {
                Seen::Whole { status: 502, .. } => refused += 1,
                Seen::Truncated { status: 200, body } if ANSWER.starts_with(&body) => truncated += 1,
                // The connection was kept from before, and ended before there was a response: a fresh one was tried.
                seen if repeatable && is_whole(&seen) => {}
                seen => panic!("{path} cut after {bytes} of {size} bytes with {end:?}: {seen:?}"),
            }
            assert!(is_whole(&visit(&visitor, get(&visitor, path)).await), "{path} after a cut after {bytes} bytes");
        }
        assert!(refused > 0 && truncated > 0, "{path}: {refused} times 502, {truncated} truncated");
    }
    // Nothing was asked twice that may change something: a each POST came once.
    let asked = asked.load(Ordering::Relaxed);
    assert_eq!(asked, posts, "POST requests at the local server");
    assert_eq!(switchboard.tunnel("cut").await["sessions"].as_array().unwrap().len(), 1);
}
