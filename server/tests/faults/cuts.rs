//! Connections that break at every single byte: the line's, and the local server's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use telephone::{Agent, AgentHandle, Target};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::fault::{Direction, End, Relay};
use crate::support::{Body, Client, Origin, Switchboard, full, streamed, within};
use crate::visit::{Seen, read};

const SOON: Duration = Duration::from_secs(20);
const QUESTION: &[u8] = b"a question of some length";
const ANSWER: &[u8] = b"an answer in more than one piece";

/// A local server that answers in pieces, each when the one before has arrived, and with trailers. It notes when a
/// request comes whole that is not, and how often each one comes.
struct Answering {
    origin: Origin,
    asked: AllAsked,
    misled: Arc<AtomicBool>,
}

/// One request.
struct Asked {
    times: AtomicUsize,
    /// How many pieces of the answer may be sent.
    pace: Semaphore,
}

/// All of them, by path.
type AllAsked = Arc<Mutex<HashMap<String, Arc<Asked>>>>;

fn asked(all: &AllAsked, path: &str) -> Arc<Asked> {
    let new = || Arc::new(Asked { times: AtomicUsize::new(0), pace: Semaphore::new(1) });
    all.lock().unwrap().entry(path.to_owned()).or_insert_with(new).clone()
}

impl Answering {
    async fn start() -> Self {
        let (all, misled) = (AllAsked::default(), Arc::new(AtomicBool::default()));
        let (noted_asked, noted) = (all.clone(), misled.clone());
        let origin = Origin::start(move |request| {
            let (asked, noted) = (asked(&noted_asked, request.uri().path()), noted.clone());
            async move {
                asked.times.fetch_add(1, Ordering::Relaxed);
                let wanted = if request.method() == Method::POST { QUESTION } else { b"" };
                let body = request.into_body().collect().await;
                if body.is_ok_and(|body| body.to_bytes() != wanted) {
                    noted.store(true, Ordering::Relaxed);
                }
                let (chunks, body) = streamed();
                tokio::spawn(async move {
                    let pieces = ANSWER.chunks(10).map(|piece| Frame::data(Bytes::from_static(piece)));
                    for frame in pieces.chain([Frame::trailers(trailers())]) {
                        tokio::select! {
                            permit = asked.pace.acquire() => permit.unwrap().forget(),
                            () = chunks.closed() => return,
                        }
                        // Whoever asked may be gone.
                        let _gone = chunks.send(Ok(frame)).await;
                    }
                });
                Response::builder().header(header::TRAILER, "x-end").body(body).unwrap()
            }
        })
        .await;
        Self { origin, asked: all, misled }
    }

    /// A POST with the question, or a GET without.
    async fn ask(&self, visitor: &Client, method: Method) -> Seen {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let path = format!("/{method}/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let body = if method == Method::POST { full(QUESTION) } else { Body::default() };
        let request = visitor.request(method, &path).header(header::TE, "trailers").body(body).unwrap();
        let Ok(response) = visitor.send(request).await else { return Seen::Nothing };
        let asked = asked(&self.asked, &path);
        read(response.map(|body| {
            body.map_frame(|frame| {
                asked.pace.add_permits(1);
                frame
            })
        }))
        .await
    }
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("x-end"), HeaderValue::from_static("reached"))])
}

fn whole() -> Seen {
    Seen::Whole { status: 200, body: Bytes::from_static(ANSWER), trailers: Some(trailers()) }
}

/// A tunnel whose telephone dials through a relay.
async fn dial(relay: &Relay, token: &str, subdomain: &str, origin: &Origin) -> AgentHandle {
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(relay.url(), token).target(target).subdomain(subdomain).start().unwrap();
    within(SOON, "the telephone", agent.ready()).await.unwrap();
    agent
}

/// How many bytes one exchange takes on the line, forth and back.
async fn size_of_an_exchange(switchboard: &Switchboard, token: &str, answering: &Answering) -> [u64; 2] {
    let relay = Relay::to(switchboard.address).await;
    let telephone = dial(&relay, token, "whole", &answering.origin).await;
    let visitor = switchboard.visitor("whole");
    let passed = || [Direction::Forth, Direction::Back].map(|direction| relay.passed(direction));
    assert_eq!(answering.ask(&visitor, Method::POST).await, whole());
    let before = passed();
    assert_eq!(answering.ask(&visitor, Method::POST).await, whole());
    let after = passed();
    telephone.shutdown().await;
    [after[0] - before[0], after[1] - before[1]]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_cut_at_every_byte_of_an_exchange_misleads_nobody() {
    let switchboard = Arc::new(Switchboard::start().await);
    let answering = Arc::new(Answering::start().await);
    let (_, token) = switchboard.token().await;
    let [forth, back] = size_of_an_exchange(&switchboard, &token, &answering).await;
    let mut cuts = Vec::new();
    for end in [End::Reset, End::Close] {
        cuts.extend((0..=forth).map(|bytes| (Direction::Forth, bytes, end)));
        cuts.extend((0..=back).map(|bytes| (Direction::Back, bytes, end)));
    }
    let cuts = Arc::new(cuts);
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for lane in 0..16 {
        let (switchboard, answering, token) = (switchboard.clone(), answering.clone(), token.clone());
        let (cuts, next) = (cuts.clone(), next.clone());
        lanes.spawn(async move {
            let subdomain = format!("lane-{lane}");
            let mut outcomes = [0; 3];
            while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                outcomes[cut_once(&switchboard, &answering, &token, &subdomain, *cut).await] += 1;
            }
            outcomes
        });
    }
    let mut outcomes = [0; 3];
    while let Some(lane) = lanes.join_next().await {
        let lane = lane.unwrap();
        outcomes = std::array::from_fn(|index| outcomes[index] + lane[index]);
    }
    assert!(!answering.misled.load(Ordering::Relaxed), "the local server took a part of a request for the whole");
    for (path, asked) in answering.asked.lock().unwrap().iter() {
        // Only what is safe to repeat came a second time.
        let most = if path.starts_with("/GET/") { 2 } else { 1 };
        assert!(asked.times.load(Ordering::Relaxed) <= most, "{path} came more than {most} times");
    }
    let [whole, refused, truncated] = outcomes;
    println!("{} cuts: {whole} whole answers, {refused} times 502, {truncated} truncated", cuts.len());
    assert!(refused > 0 && truncated > 0, "{outcomes:?}");
}

/// One exchange on a line that is cut, and one after it. How the first one ended: 0 for whole, 1 for a 502, 2 for a
/// truncation.
async fn cut_once(
    switchboard: &Switchboard,
    answering: &Answering,
    token: &str,
    subdomain: &str,
    (direction, bytes, end): (Direction, u64, End),
) -> usize {
    let relay = Relay::to(switchboard.address).await;
    let telephone = dial(&relay, token, subdomain, &answering.origin).await;
    let visitor = switchboard.visitor(subdomain);
    relay.cut_after(direction, bytes, end);
    let outcome = match within(SOON, "the end of a request", answering.ask(&visitor, Method::POST)).await {
        seen if seen == whole() => 0,
        Seen::Whole { status: 502, body, .. } if body == "Bad Gateway" => 1,
        Seen::Truncated { status: 200, body } if ANSWER.starts_with(&body) => 2,
        seen => panic!("{direction:?} cut after {bytes} bytes with {end:?}: {seen:?}"),
    };
    relay.cut_nothing(direction);
    let after = within(SOON, "the end of the next request", answering.ask(&visitor, Method::GET)).await;
    assert_eq!(after, whole(), "after {direction:?} was cut after {bytes} bytes with {end:?}");
    telephone.shutdown().await;
    outcome
}
