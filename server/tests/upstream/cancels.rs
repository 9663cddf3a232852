//! Whoever does not want the answer any more is noticed by the backend.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::asking::{answer, head, upstream};
use crate::raw::RawOrigin;

/// How soon that is.
const SOON: Duration = Duration::from_secs(1);

/// Sends `answer` again and again after the first one, never reads more than the head, and says when the other end has
/// left.
async fn noticing(once: &'static [u8], again: &'static [u8]) -> (RawOrigin, mpsc::Receiver<()>) {
    let (noticed, notice) = mpsc::channel(1);
    let origin = RawOrigin::start(move |mut connection| {
        let noticed = noticed.clone();
        async move {
            connection.head().await.unwrap();
            connection.write(once).await;
            while !again.is_empty() && connection.write(again).await {}
            connection.gone_unread().await;
            noticed.send(()).await.unwrap();
        }
    })
    .await;
    (origin, notice)
}

#[tokio::test]
async fn a_request_that_is_dropped_before_its_answer() {
    let (origin, mut noticed) = noticing(b"", b"").await;
    let upstream = upstream(origin.address);
    // A body that the backend does not read: what is left of it in between must not keep the news from it.
    let body = Full::new(Bytes::from(vec![b'x'; 16 * 1024 * 1024]));
    let asked = answer(&upstream, head(Method::PUT, "/"), Some(body));
    assert!(timeout(Duration::from_millis(300), asked).await.is_err());
    timeout(SOON, noticed.recv()).await.unwrap().unwrap();
    assert_eq!(upstream.connections().open, 0);
}

#[tokio::test]
async fn a_response_that_is_dropped_before_its_end() {
    for again in [&b""[..], &[b'x'; 16 * 1024]] {
        let (origin, mut noticed) = noticing(b"HTTP/1.1 200 OK\r\n\r\npart", again).await;
        let upstream = upstream(origin.address);
        let (_, mut body) = answer(&upstream, head(Method::GET, "/"), None::<Full<Bytes>>).await.unwrap();
        body.frame().await.unwrap().unwrap();
        drop(body);
        timeout(SOON, noticed.recv()).await.unwrap().unwrap();
        assert_eq!(upstream.connections().open, 0);
    }
}
