//! Clients that take their time, or leave without a word.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Frame;

use crate::SOON;
use crate::client::Http2;
use crate::raw::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, End, HEADERS, NO_ERROR, PING, PREFACE, Raw,
    SETTINGS, fields, frame, get,
};
use crate::support::{Origin, Switchboard, streamed, within};

const HEAD: (&str, &str) = ("SWITCHBOARD_HEADER_TIMEOUT", "1s");
const IDLE: (&str, &str) = ("SWITCHBOARD_IDLE_TIMEOUT", "2s");

#[tokio::test]
async fn a_preface_may_come_byte_by_byte() {
    let switchboard = Switchboard::start().await;
    let authority = format!("localhost:{}", switchboard.address.port());
    let mut client = Raw::silent(switchboard.address).await;
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &get(&authority, &[]));
    for byte in [PREFACE, &frame(SETTINGS, 0, 0, b""), &request].concat() {
        client.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(within(SOON, "an answer", client.next_of(HEADERS, 1)).await.is_some());
}

#[tokio::test]
async fn who_does_not_finish_what_it_began_is_let_go() {
    let switchboard = Switchboard::start_with(&[HEAD]).await;
    let authority = format!("localhost:{}", switchboard.address.port());
    let block = get(&authority, &[]);
    let settings = frame(SETTINGS, 0, 0, b"");
    let whole = [PREFACE, &settings].concat();
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
    let open = frame(HEADERS, END_STREAM, 1, &block);
    let amid = [NO_ERROR, ENHANCE_YOUR_CALM].map(End::Told);
    let cases = [
        ("a part of the preface", PREFACE[..10].to_vec(), &[End::Silent][..]),
        ("all of it but a byte", PREFACE[..23].to_vec(), &[End::Silent]),
        ("the preface", PREFACE.to_vec(), &[End::Told(NO_ERROR)]),
        ("settings, and no request", whole.clone(), &[End::Told(NO_ERROR)]),
        // It has opened no stream in time either.
        ("half a head", [&whole, &request[..20]].concat(), &amid),
        ("a block of fields that is open", [&whole, &open[..]].concat(), &amid),
        (
            "half a frame behind a request",
            [&whole, &request[..], &frame(PING, 0, 0, b"12345678")[..12]].concat(),
            &[End::Told(ENHANCE_YOUR_CALM)],
        ),
    ];
    let ends = cases.map(async |(what, begun, ends)| {
        let start = Instant::now();
        let mut client = Raw::silent(switchboard.address).await;
        client.write(&begun).await;
        let end = within(SOON, what, client.end()).await;
        assert!(ends.contains(&end), "{what}: {end:?}");
        assert!(start.elapsed() >= Duration::from_millis(900), "{what}");
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test]
async fn a_head_that_trickles_in_is_not_waited_for() {
    let switchboard = Switchboard::start_with(&[HEAD]).await;
    let authority = format!("localhost:{}", switchboard.address.port());
    let mut client = Raw::to(switchboard.address).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &get(&authority, &[])).await;
    within(SOON, "an answer", client.next_of(HEADERS, 1)).await.unwrap();
    let head = [
        frame(HEADERS, END_STREAM, 3, &get(&authority, &[])),
        frame(CONTINUATION, 0, 3, &fields(&[("x-a", "b")]).repeat(20)),
    ]
    .concat();
    let end = within(SOON, "the end", client.trickle(&head, Duration::from_millis(50))).await;
    assert_eq!(end, End::Told(ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn a_connection_without_requests_ends_in_time_and_says_so() {
    let switchboard = Switchboard::start_with(&[IDLE]).await;
    let client = Http2::dashboard(&switchboard).await;
    let start = Instant::now();
    // It lives on as long as there are any.
    while start.elapsed() < Duration::from_secs(3) {
        assert_eq!(client.ask(client.get("/healthz"), "").await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    within(SOON, "the end of the connection", client.connection).await.unwrap().unwrap();
}

/// A local server that begins an answer and never ends it.
async fn begun() -> Origin {
    Origin::start(async |_| {
        let (chunks, body) = streamed();
        chunks.send(Ok(Frame::data(Bytes::from_static(b"begun")))).await.unwrap();
        tokio::spawn(async move { chunks.closed().await });
        Response::new(body)
    })
    .await
}

#[tokio::test]
async fn a_client_that_is_there_is_waited_for_and_a_silent_one_is_not() {
    let switchboard = Switchboard::start_with(&[IDLE]).await;
    let origin = begun().await;
    let _telephone = switchboard.telephone("quiet", &origin).await;
    let authority = format!("quiet.localhost:{}", switchboard.address.port());
    let request = get(&authority, &[]);
    // This one answers when it is asked whether it is there.
    let mut lively = Raw::to(switchboard.address).await;
    lively.send(HEADERS, END_HEADERS | END_STREAM, 1, &request).await;
    within(SOON, "a response", lively.next_of(DATA, 1)).await.unwrap();
    // This one does not.
    let mut silent = Raw::to(switchboard.address).await;
    silent.send(HEADERS, END_HEADERS | END_STREAM, 1, &request).await;
    within(SOON, "a response", silent.next_of(DATA, 1)).await.unwrap();
    let (mut pings, start) = (0, Instant::now());
    let answering = async {
        while let Some(frame) = lively.next().await {
            assert_eq!(frame.kind, PING);
            lively.send(PING, 1, 0, &frame.payload).await;
            pings += 1;
        }
    };
    tokio::select! {
        end = within(SOON, "the end of the silent one", silent.end()) => assert_eq!(end, End::Silent),
        () = answering => panic!("the lively one was ended"),
    }
    assert!(start.elapsed() >= Duration::from_millis(1_900));
    let more = async {
        for _ in 0..3 {
            let ping = lively.next_of(PING, 0).await.unwrap();
            lively.send(PING, 1, 0, &ping.payload).await;
        }
    };
    within(SOON, "the lively one goes on", more).await;
    assert!(pings > 0);
}

#[tokio::test]
async fn a_response_that_nobody_takes_is_reset() {
    let switchboard = Switchboard::start_with(&[IDLE]).await;
    let origin = Origin::start(async |_| {
        let (chunks, body) = streamed();
        tokio::spawn(async move { while chunks.send(Ok(Frame::data(Bytes::from(vec![0; 65_536])))).await.is_ok() {} });
        Response::new(body)
    })
    .await;
    let _telephone = switchboard.telephone("slow", &origin).await;
    let authority = format!("slow.localhost:{}", switchboard.address.port());
    let mut client = Raw::to(switchboard.address).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &get(&authority, &[])).await;
    // It answers whatever it is asked, and gives no room for more than the first 64 KiB.
    let reset = async {
        loop {
            let frame = client.next().await.unwrap();
            match frame.kind {
                PING if frame.flags == 0 => drop(client.send(PING, 1, 0, &frame.payload).await),
                crate::raw::RST_STREAM => return frame.payload,
                _ => {}
            }
        }
    };
    assert_eq!(within(SOON, "a reset", reset).await, CANCEL.to_be_bytes()[..]);
}
