//! Bodies stream both ways, at their own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use http::Method;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use crate::asking::{answer, head, upstream};
use crate::raw::RawOrigin;

const SIZE: usize = 64 * 1024 * 1024;
const PIECE: usize = 64 * 1024;
/// What may be between the two ends: buffers of the kernel and ours.
const UNDER_WAY: usize = 8 * 1024 * 1024;

type Piece = Result<Frame<Bytes>, std::io::Error>;

/// A body of what is sent here.
fn fed() -> (mpsc::Sender<Piece>, impl http_body::Body<Data = Bytes, Error = std::io::Error> + Unpin) {
    let (sender, mut receiver) = mpsc::channel(1);
    (sender, StreamBody::new(futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)).fuse()))
}

/// Gives back what it gets, as it comes.
async fn echo() -> RawOrigin {
    RawOrigin::start(async |mut connection| {
        connection.head().await.unwrap();
        connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while let Some(length) = connection.read_to(b"\r\n").await {
            let size = usize::from_str_radix(str::from_utf8(&length).unwrap().trim(), 16).unwrap();
            let mut data = Vec::new();
            while data.len() < size + 2 {
                let Some(more) = connection.read_to(b"\n").await else { return };
                data.extend(more);
            }
            if !connection.write(&[&length[..], &data].concat()).await || size == 0 {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn request_and_response_go_on_at_the_same_time() {
    let origin = echo().await;
    let (pieces, body) = fed();
    let upstream = upstream(origin.address);
    let (_, mut response) = answer(&upstream, head(Method::POST, "/"), Some(body)).await.unwrap();
    for n in 0..100 {
        // The next one is sent only when the last has come back.
        let piece = Bytes::from(format!("piece {n}\n"));
        pieces.try_send(Ok(Frame::data(piece.clone()))).unwrap();
        let mut got = Vec::new();
        while got.len() < piece.len() {
            got.extend(response.frame().await.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(got, piece);
    }
    drop(pieces);
    assert!(response.frame().await.is_none());
    assert_eq!(upstream.connections().idle, 1);
}

#[tokio::test]
async fn a_large_response_waits_for_who_reads_it() {
    let origin = RawOrigin::start(async |mut connection| {
        connection.head().await.unwrap();
        connection.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes()).await;
        for _ in 0..SIZE / PIECE {
            connection.write(&[b'x'; PIECE]).await;
        }
    })
    .await;
    let upstream = upstream(origin.address);
    let (_, mut response) =
        answer(&upstream, head(Method::GET, "/"), None::<http_body_util::Full<Bytes>>).await.unwrap();
    let (mut read, mut largest) = (0, 0);
    while let Some(frame) = response.frame().await {
        let length = frame.unwrap().into_data().unwrap().len();
        (read, largest) = (read + length, largest.max(length));
    }
    assert_eq!(read, SIZE);
    assert!(largest <= 256 * 1024, "{largest} bytes at once");
}

#[tokio::test]
async fn a_large_request_waits_for_who_takes_it() {
    let (go, mut wait) = mpsc::channel::<()>(1);
    let wait = Arc::new(tokio::sync::Mutex::new(async move || wait.recv().await));
    let origin = RawOrigin::start(move |mut connection| {
        let wait = wait.clone();
        async move {
            connection.head().await.unwrap();
            (wait.lock().await)().await;
            assert!(connection.skip(SIZE).await);
            connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let given = Arc::new(AtomicUsize::new(0));
    let count = given.clone();
    let pieces = futures_util::stream::repeat_with(move || {
        count.fetch_add(PIECE, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b'x'; PIECE])))
    });
    let body = StreamBody::new(pieces.take(SIZE / PIECE));
    let upstream = upstream(origin.address);
    let mut head = head(Method::PUT, "/");
    head.headers.insert(http::header::CONTENT_LENGTH, SIZE.into());
    let mut asked = std::pin::pin!(answer(&upstream, head, Some(body)));
    // As long as the backend reads nothing, only what fits between is taken of the body.
    let mut before = usize::MAX;
    while before != given.load(Ordering::SeqCst) {
        before = given.load(Ordering::SeqCst);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(200), asked.as_mut()).await.is_err());
    }
    assert!(before < UNDER_WAY, "{before} bytes were taken");
    go.send(()).await.unwrap();
    assert_eq!(asked.await.unwrap().0.status, 200);
    assert_eq!(given.load(Ordering::SeqCst), SIZE);
}

#[tokio::test]
async fn a_request_that_breaks_off_is_no_whole_one() {
    let (ended, mut end) = mpsc::channel(1);
    let origin = RawOrigin::start(move |mut connection| {
        let ended = ended.clone();
        async move {
            connection.head().await.unwrap();
            ended.send(connection.rest().await).await.unwrap();
        }
    })
    .await;
    let (pieces, body) = fed();
    let upstream = upstream(origin.address);
    pieces.try_send(Ok(Frame::data(Bytes::from_static(b"part")))).unwrap();
    let broken = async {
        pieces.send(Err(std::io::Error::other("gone"))).await.unwrap();
    };
    let (failed, ()) = tokio::join!(answer(&upstream, head(Method::POST, "/"), Some(body)), broken);
    let error = failed.map(|_| ()).unwrap_err().error;
    assert!(matches!(error, server::upstream::UpstreamError::Body(_)), "{error}");
    let got = end.recv().await.unwrap();
    assert!(!got.ends_with(b"0\r\n\r\n"), "{}", got.escape_ascii());
}
