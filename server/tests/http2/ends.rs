//! How connections end: when the server stops, and when the network breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Response};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, mpsc};

use crate::SOON;
use crate::client::{Http2, read};
use crate::raw::{End, NO_ERROR, Raw};
use crate::support::fault::{Direction, End as Cut, Relay};
use crate::support::{Origin, Switchboard, full, until, within};

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let switchboard = Switchboard::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let (arrived_at, mut arrived) = mpsc::channel(10);
    let opened = gate.clone();
    let origin = Origin::start(move |_| {
        let (gate, arrived_at) = (gate.clone(), arrived_at.clone());
        async move {
            arrived_at.send(()).await.unwrap();
            gate.acquire().await.unwrap().forget();
            Response::new(full("finished"))
        }
    })
    .await;
    let _telephone = switchboard.telephone("stopped", &origin).await;
    let busy = Http2::visitor(&switchboard, "stopped").await;
    let idle = Http2::dashboard(&switchboard).await;
    assert_eq!(idle.ask(idle.get("/healthz"), "").await.unwrap().status, 200);
    let mut silent = Raw::to(switchboard.address).await;
    assert!(silent.next().await.is_some());
    let (response, _) = busy.open(busy.get("/"), true).await;
    within(SOON, "the request", arrived.recv()).await.unwrap();

    switchboard.begin_stop();
    within(SOON, "the end of the idle connection", idle.connection).await.unwrap().unwrap();
    assert_eq!(within(SOON, "the end of the silent connection", silent.end()).await, End::Told(NO_ERROR));
    opened.add_permits(1);
    let response = within(SOON, "the response", response).await.unwrap();
    assert_eq!(within(SOON, "its body", read(response)).await.unwrap().text(), "finished");
    within(SOON, "the end of the connection", busy.connection).await.unwrap().unwrap();
    within(SOON, "the end of the server", switchboard.stop()).await;
}

const QUESTION: &str = "a question of some length";

#[tokio::test]
async fn a_connection_cut_at_any_byte_leaves_nothing_that_looks_whole() {
    let switchboard = Switchboard::start().await;
    let misled = Arc::new(AtomicUsize::new(0));
    let noted = misled.clone();
    let origin = Origin::start(move |request| {
        let noted = noted.clone();
        async move {
            let whole = request.into_body().collect().await.map(|body| body.to_bytes());
            if whole.as_ref().is_ok_and(|body| body != QUESTION) {
                noted.fetch_add(1, Ordering::Relaxed);
            }
            Response::new(full(whole.unwrap_or_default()))
        }
    })
    .await;
    let _telephone = switchboard.telephone("cut", &origin).await;
    let relay = Relay::to(switchboard.address).await;
    let authority = format!("cut.localhost:{}", switchboard.address.port());
    let ask = async || {
        let answer = async {
            let visitor = Http2::try_connect(relay.address, &authority).await?;
            let request = visitor.request(Method::POST, "/").body(()).unwrap();
            visitor.ask(request, QUESTION).await
        };
        let answer = within(SOON, "the end of a request", answer).await;
        // What follows the answer, such as acknowledgements, is not to be taken for a part of the next request.
        until(SOON, "the end of the connection", async || relay.connections() == 0).await;
        answer.ok()
    };
    for direction in [Direction::Forth, Direction::Back] {
        let before = relay.passed(direction);
        assert_eq!(ask().await.unwrap().body, QUESTION);
        let size = relay.passed(direction) - before;
        for (bytes, end) in (0..size).flat_map(|bytes| [(bytes, Cut::Close), (bytes, Cut::Reset)]) {
            relay.cut_after(direction, bytes, end);
            if let Some(answer) = ask().await {
                assert_eq!(answer.body, QUESTION, "{direction:?} cut after {bytes} of {size} with {end:?}");
                assert!(bytes > QUESTION.len() as u64, "{direction:?} cut after {bytes} of {size} with {end:?}");
            }
        }
        relay.cut_nothing(direction);
    }
    assert_eq!(misled.load(Ordering::Relaxed), 0, "a part of a request was taken for the whole");
    until(SOON, "no stream is left", async || switchboard.figure("switchboard_streams").await == 0.0).await;
}
