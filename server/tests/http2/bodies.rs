//! Bodies: large ones, broken ones, and those that nobody wants any more.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::{Method, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use crate::client::{Http2, read, send_all};
use crate::support::{Body, Origin, Programs, Switchboard, full, streamed, until, within};
use crate::{AT_ONCE, SOON};

const SIZE: usize = 128 * 1024 * 1024;
/// How much each program may grow, bytes: half of one of the bodies. On a busy machine each direction's window may grow
/// to 16 MiB, since nobody knows whether the time that credit takes is the network's.
const GROWTH: u64 = 64 * 1024 * 1024;

/// A body of zeros, as large as wanted.
fn zeros(size: usize) -> Body {
    let (chunks, body) = streamed();
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![0; 64 * 1024]);
        for _ in 0..size / chunk.len() {
            if chunks.send(Ok(Frame::data(chunk.clone()))).await.is_err() {
                break;
            }
        }
    });
    body
}

async fn size_of(mut body: RecvStream) -> usize {
    let mut size = 0;
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        size += data.len();
    }
    size
}

#[tokio::test(flavor = "multi_thread")]
async fn large_ones_pass_both_ways_and_take_no_memory() {
    let origin = Origin::start(async |request| match *request.method() {
        Method::GET => Response::new(zeros(SIZE)),
        _ => {
            let (mut body, mut size) = (request.into_body(), 0);
            while let Some(frame) = body.frame().await {
                size += frame.unwrap().data_ref().map_or(0, Bytes::len);
            }
            Response::new(full(size.to_string()))
        }
    })
    .await;
    let mut programs = Programs::start().await;
    programs.telephone("big", &origin).await;
    let authority = format!("big.localhost:{}", programs.address.port());
    let visitor = Http2::connect(programs.address, &authority).await;
    let put = || visitor.request(Method::PUT, "/").body(()).unwrap();
    // Threads and buffers that the first request brings are not what this is about.
    assert_eq!(visitor.ask(put(), "x").await.unwrap().text(), "1");
    let before = programs.memory();

    let (response, _) = visitor.open(visitor.get("/"), true).await;
    assert_eq!(size_of(response.await.unwrap().into_body()).await, SIZE);
    let (response, send) = visitor.open(put(), false).await;
    send_all(send, Bytes::from(vec![0; SIZE])).await.unwrap();
    assert_eq!(read(response.await.unwrap()).await.unwrap().text(), SIZE.to_string());
    // Both at once, several times on the one connection.
    let several = (0..4).map(|_| async {
        let (response, send) = visitor.open(put(), false).await;
        let (download, _) = visitor.open(visitor.get("/"), true).await;
        let sent = async { send_all(send, Bytes::from(vec![0; SIZE / 4])).await.unwrap() };
        let (size, ()) = tokio::join!(async { size_of(download.await.unwrap().into_body()).await }, sent);
        assert_eq!(size, SIZE);
        assert_eq!(read(response.await.unwrap()).await.unwrap().text(), (SIZE / 4).to_string());
    });
    futures_util::future::join_all(several).await;

    let growth = programs.peak_memory().map(|(name, peak)| (name, peak.saturating_sub(before[name])));
    for (name, growth) in growth {
        assert!(growth < GROWTH, "{name} grew by {} KiB", growth / 1024);
    }
}

#[tokio::test]
async fn one_that_breaks_off_is_seen_to_break_off() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let (chunks, body) = streamed();
        tokio::spawn(async move {
            chunks.send(Ok(Frame::data(Bytes::from_static(b"begun")))).await.unwrap();
            chunks.send(Err(std::io::ErrorKind::Other.into())).await.unwrap();
        });
        let response = Response::builder();
        match request.uri().path() {
            "/length" => response.header(http::header::CONTENT_LENGTH, 100).body(body).unwrap(),
            _ => response.body(body).unwrap(),
        }
    })
    .await;
    let _telephone = switchboard.telephone("broken", &origin).await;
    let visitor = Http2::visitor(&switchboard, "broken").await;
    for path in ["/length", "/chunks"] {
        let (response, _) = visitor.open(visitor.get(path), true).await;
        let response = within(SOON, "a response", response).await.unwrap();
        assert_eq!(response.status(), 200);
        let error = within(SOON, "the end of the body", read(response)).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "{path}");
    }
}

#[tokio::test]
async fn one_whose_telephone_is_gone_breaks_off() {
    let switchboard = Switchboard::start().await;
    let (origin, mut arrived, _) = endless().await;
    let telephone = switchboard.telephone("gone", &origin).await;
    let visitor = Http2::visitor(&switchboard, "gone").await;
    let (response, _) = visitor.open(visitor.get("/begun"), true).await;
    let response = within(SOON, "a response", response).await.unwrap();
    arrived.recv().await.unwrap();
    drop(telephone);
    let error = within(SOON, "the end of the body", read(response)).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
}

/// A local server that begins an answer to `/begun` and none to anything else, and ends neither. It tells of each
/// request, and counts those that are under way.
async fn endless() -> (Origin, mpsc::Receiver<()>, Arc<AtomicUsize>) {
    struct UnderWay(Arc<AtomicUsize>);
    impl Drop for UnderWay {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let (arrived_at, arrived) = mpsc::channel(1000);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let origin = Origin::start(move |request| {
        let arrived_at = arrived_at.clone();
        counted.fetch_add(1, Ordering::Relaxed);
        let under_way = UnderWay(counted.clone());
        async move {
            arrived_at.send(()).await.unwrap();
            match request.uri().path() {
                "/begun" => {}
                // Only who reads sees that nothing more comes.
                "/upload" => {
                    let whole = request.into_body().collect().await.is_ok();
                    drop(under_way);
                    assert!(!whole, "a part of a body was taken for the whole");
                    return Response::new(full("never read"));
                }
                _ => {
                    let _under_way = under_way;
                    return std::future::pending().await;
                }
            }
            let (chunks, body) = streamed();
            chunks.send(Ok(Frame::data(Bytes::from_static(b"begun")))).await.unwrap();
            tokio::spawn(async move {
                let _under_way = under_way;
                chunks.closed().await;
            });
            Response::new(body)
        }
    })
    .await;
    (origin, arrived, count)
}

#[tokio::test]
async fn who_takes_a_request_back_ends_it_everywhere() {
    let switchboard = Switchboard::start().await;
    let (origin, mut arrived, under_way) = endless().await;
    let _telephone = switchboard.telephone("cancelled", &origin).await;
    let visitor = Http2::visitor(&switchboard, "cancelled").await;
    let gone = async || under_way.load(Ordering::Relaxed) == 0;

    let (response, mut send) = visitor.open(visitor.get("/waited"), true).await;
    within(SOON, "the request", arrived.recv()).await.unwrap();
    send.send_reset(Reason::CANCEL);
    until(AT_ONCE, "the local request is gone, before its answer", gone).await;
    drop(response);

    let (response, mut send) = visitor.open(visitor.get("/begun"), true).await;
    let mut body = within(SOON, "a response", response).await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "begun");
    arrived.recv().await.unwrap();
    send.send_reset(Reason::CANCEL);
    until(AT_ONCE, "the local request is gone, amid its answer", gone).await;

    let upload = visitor.request(Method::POST, "/upload").body(()).unwrap();
    let (_response, mut send) = visitor.open(upload, false).await;
    send.send_data(Bytes::from_static(b"a part"), false).unwrap();
    within(SOON, "the request", arrived.recv()).await.unwrap();
    send.send_reset(Reason::CANCEL);
    until(AT_ONCE, "the local request is gone, amid its body", gone).await;

    // The connection goes on until it ends, and everything with it.
    for _ in 0..10 {
        drop(visitor.open(visitor.get("/begun"), true).await);
    }
    let (_response, _send) = visitor.open(visitor.get("/waited"), true).await;
    within(SOON, "the request", arrived.recv()).await.unwrap();
    visitor.connection.abort();
    until(AT_ONCE, "the local requests are gone with their connection", gone).await;
    for gauge in ["switchboard_streams", "switchboard_requests_in_flight"] {
        until(SOON, gauge, async || switchboard.figure(gauge).await == 0.0).await;
    }
}

#[tokio::test]
async fn who_does_not_read_stops_its_own_stream_only() {
    let switchboard = Switchboard::start().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let origin = Origin::start(move |request| {
        let counted = counted.clone();
        async move {
            if request.uri().path() != "/endless" {
                return Response::new(full("answered"));
            }
            let (chunks, body) = streamed();
            tokio::spawn(async move {
                let chunk = Bytes::from(vec![0; 16 * 1024]);
                while chunks.send(Ok(Frame::data(chunk.clone()))).await.is_ok() {
                    counted.fetch_add(chunk.len(), Ordering::Relaxed);
                }
            });
            Response::new(body)
        }
    })
    .await;
    let _telephone = switchboard.telephone("slow", &origin).await;
    let mut builder = h2::client::Builder::new();
    // Room for all of them on the connection, and little for each.
    builder.initial_connection_window_size(16 * 1024 * 1024);
    let authority = format!("slow.localhost:{}", switchboard.address.port());
    let visitor = Http2::connect_with(&builder, switchboard.address, &authority).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        let (response, _) = visitor.open(visitor.get("/endless"), true).await;
        unread.push(within(SOON, "a response", response).await.unwrap());
    }
    // It comes to a standstill, and others are served.
    let mut before = usize::MAX;
    until(SOON, "a standstill", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        std::mem::replace(&mut before, sent.load(Ordering::Relaxed)) == before
    })
    .await;
    assert_eq!(within(SOON, "an answer", visitor.ask(visitor.get("/"), "")).await.unwrap().text(), "answered");
    // What was not read goes on where it stopped.
    let mut body = unread.pop().unwrap().into_body();
    let mut read = 0;
    while read < SIZE / 16 {
        let data = within(SOON, "more", body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        read += data.len();
    }
}

#[tokio::test]
async fn a_local_server_that_does_not_read_stops_its_own_upload_only() {
    let switchboard = Switchboard::start().await;
    let (origin, mut arrived, _) = endless().await;
    let _telephone = switchboard.telephone("deaf", &origin).await;
    let quick = Origin::mirror().await;
    let _other = switchboard.telephone("quick", &quick).await;
    let visitor = Http2::visitor(&switchboard, "deaf").await;
    let upload = visitor.request(Method::POST, "/deaf").body(()).unwrap();
    let (_response, mut send) = visitor.open(upload, false).await;
    within(SOON, "the request", arrived.recv()).await.unwrap();
    // No more is taken than each on the way may hold.
    let mut taken = 0;
    loop {
        send.reserve_capacity(64 * 1024);
        let room = poll_fn(|cx| send.poll_capacity(cx));
        let Ok(room) = tokio::time::timeout(Duration::from_millis(500), room).await else { break };
        let room = room.unwrap().unwrap();
        send.send_data(Bytes::from(vec![0; room]), false).unwrap();
        taken += room;
        assert!(taken < SIZE, "nobody reads it, and it is taken all the same");
    }
    // The same connection, another tunnel.
    let uri = format!("http://quick.localhost:{}/", switchboard.address.port());
    let request = http::Request::builder().method(Method::POST).uri(uri).body(()).unwrap();
    let answer = within(SOON, "an answer", visitor.ask(request, vec![b'x'; 100_000])).await.unwrap();
    assert_eq!(answer.status, 200);
}
