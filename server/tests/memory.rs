//! Bodies that are larger than any memory they may take, through the real programs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use bytes::Bytes;
use http::{Method, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use support::{Body, Origin, Programs, full, streamed, text};

const GIB: u64 = 1024 * 1024 * 1024;
const SIZE: u64 = 2 * GIB;
/// How much each program may grow, bytes.
const GROWTH: u64 = 32 * 1024 * 1024;

/// A body of zeros.
fn zeros(size: u64) -> Body {
    let (chunks, body) = streamed();
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![0; 256 * 1024]);
        for _ in 0..size / chunk.len() as u64 {
            chunks.send(Ok(Frame::data(chunk.clone()))).await.unwrap();
        }
    });
    body
}

async fn size_of(mut body: hyper::body::Incoming) -> u64 {
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        size += frame.unwrap().data_ref().map_or(0, |data| data.len() as u64);
    }
    size
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gibibytes_each_way_take_no_memory() {
    let origin = Origin::start(async |request| match *request.method() {
        Method::GET => Response::new(zeros(SIZE)),
        _ => Response::new(full(size_of(request.into_body()).await.to_string())),
    })
    .await;
    let mut programs = Programs::start().await;
    programs.telephone("big", &origin).await;
    let visitor = programs.visitor("big");
    // Threads, connections and buffers that the first requests bring are not what this is about.
    assert_eq!(visitor.send(visitor.request(Method::PUT, "/").body(full("x")).unwrap()).await.unwrap().status(), 200);
    let before = programs.memory();

    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(size_of(response.into_body()).await, SIZE);
    let response = visitor.send(visitor.request(Method::PUT, "/").body(zeros(SIZE)).unwrap()).await.unwrap();
    assert_eq!(text(response).await, SIZE.to_string());

    let growth = programs.peak_memory().map(|(name, peak)| (name, peak.saturating_sub(before[name])));
    for (name, growth) in growth {
        assert!(growth < GROWTH, "{name} grew by {} KiB", growth / 1024);
    }
}
