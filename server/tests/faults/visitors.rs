//! Visitors whose connections break at every single byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderValue, Method, Request, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::endless::SOON;
use crate::support::fault::{Direction, End, Relay};
use crate::support::{Body, Client, Origin, Switchboard, full, streamed, until, within};
use crate::visit::{Seen, get, post, visit};

const QUESTION: &str = "a question of some length";

/// A local server that repeats what it was told, and counts the requests that came whole without being so.
async fn repeating() -> (Origin, Arc<AtomicUsize>) {
    let misled = Arc::new(AtomicUsize::new(0));
    let noted = misled.clone();
    let origin = Origin::start(move |request: Request<Incoming>| {
        let noted = noted.clone();
        async move {
            let whole = if request.method() == Method::POST { QUESTION } else { "" };
            match request.into_body().collect().await.map(|body| body.to_bytes()) {
                Ok(body) if body == whole => Response::new(full(body)),
                Ok(_) => {
                    noted.fetch_add(1, Ordering::Relaxed);
                    Response::new(full("misled"))
                }
                Err(_) => Response::new(full("broken off")),
            }
        }
    })
    .await;
    (origin, misled)
}

/// The question with its length, or in chunks.
fn request(visitor: &Client, chunked: bool) -> Request<Body> {
    if !chunked {
        return post(visitor, "/", full(QUESTION));
    }
    let (chunks, body) = streamed();
    tokio::spawn(async move {
        for piece in QUESTION.as_bytes().chunks(10) {
            // The connection may have been cut.
            let _gone = chunks.send(Ok(Frame::data(piece.into()))).await;
        }
    });
    let mut request = post(visitor, "/", body);
    request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    request
}

#[tokio::test]
async fn a_request_cut_at_any_byte_is_never_taken_for_a_whole_one() {
    let switchboard = Switchboard::start().await;
    let (origin, misled) = repeating().await;
    let _telephone = switchboard.telephone("visited", &origin).await;
    let relay = Relay::to(switchboard.address).await;
    let visitor = Client::new(relay.address, &format!("visited.localhost:{}", switchboard.address.port()));
    let is_whole = |seen: &Seen| matches!(seen, Seen::Whole { status: 200, body, .. } if body == QUESTION);
    for (chunked, direction) in [(false, Direction::Forth), (true, Direction::Forth), (false, Direction::Back)] {
        let before = relay.passed(direction);
        assert!(is_whole(&visit(&visitor, request(&visitor, chunked)).await));
        let size = relay.passed(direction) - before;
        for (bytes, end) in (0..size).flat_map(|bytes| [(bytes, End::Close), (bytes, End::Reset)]) {
            relay.cut_after(direction, bytes, end);
            let seen = within(SOON, "the end of a request", visit(&visitor, request(&visitor, chunked))).await;
            let cut = matches!(&seen, Seen::Nothing | Seen::Truncated { status: 200, .. });
            assert!(cut, "{direction:?} cut after {bytes} of {size} bytes with {end:?}, chunked {chunked}: {seen:?}");
        }
        assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(200));
    }
    assert_eq!(misled.load(Ordering::Relaxed), 0, "a part of a request was taken for the whole");
    until(SOON, "no stream is left", async || switchboard.figure("switchboard_streams").await == 0.0).await;
    assert_eq!(switchboard.tunnel("visited").await["sessions"].as_array().unwrap().len(), 1);
}
