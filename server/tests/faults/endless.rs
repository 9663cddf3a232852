//! Requests that do not end by themselves, and what is left of them.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tokio::sync::mpsc;

use crate::support::{Origin, Programs, streamed, until};

/// How long things may take for which nothing is promised.
pub const SOON: Duration = Duration::from_secs(10);
/// What is promised for the requests of a telephone that is gone.
pub const AT_ONCE: Duration = Duration::from_secs(1);

/// A local server that begins an answer to `/begun` and none to anything else, and ends neither. It tells of each
/// request.
pub async fn endless() -> (Origin, mpsc::Receiver<()>) {
    let (arrived_at, arrived) = mpsc::channel(1000);
    let origin = Origin::start(move |request| {
        let arrived_at = arrived_at.clone();
        async move {
            arrived_at.send(()).await.unwrap();
            if request.uri().path() != "/begun" {
                return std::future::pending().await;
            }
            let (chunks, body) = streamed();
            chunks.send(Ok(Frame::data(Bytes::from_static(b"begun")))).await.unwrap();
            tokio::spawn(async move { chunks.closed().await });
            Response::new(body)
        }
    })
    .await;
    (origin, arrived)
}

/// Waits until nothing is under way any more on so many sessions.
pub async fn nothing_is_left(programs: &Programs, sessions: f64) {
    for (figure, left) in [
        ("switchboard_requests_in_flight", 0.0),
        ("switchboard_streams", 0.0),
        ("switchboard_telephone_sessions", sessions),
    ] {
        until(SOON, figure, async || programs.figure(figure).await == left).await;
    }
}
