//! What passes between a visitor and a backend that is an address.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::setup::{make, unchecked_service, visitor};
use super::support::{Body, Client, Origin, Switchboard, one_by_one, streamed, text, until, within};

/// A backend behind app.example.com.
async fn behind(switchboard: &Switchboard, origin: &Origin) -> Client {
    unchecked_service(switchboard, "app", json!({})).await;
    make(switchboard, "backends", json!({"id": "app", "address": origin.address.to_string(), "service": "app"})).await;
    make(switchboard, "domains", json!({"domain": "app.example.com", "service": "app"})).await;
    until(Duration::from_secs(10), "the route", async || {
        let explained = json!({"url": "http://app.example.com/"});
        let (_, explained) = switchboard.client().post("/api/v1/routes/explain", &explained).await;
        explained["outcome"]["kind"] == "service"
    })
    .await;
    visitor(switchboard, "app.example.com")
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let switchboard = Switchboard::start().await;
    let (events, body) = streamed();
    let origin = Origin::stream(body).await;
    let visitor = behind(&switchboard, &origin).await;
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    one_by_one(events, response.into_body()).await;
}

#[tokio::test]
async fn request_and_response_stream_at_the_same_time() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::echo().await;
    let visitor = behind(&switchboard, &origin).await;
    let (pieces, body) = streamed();
    let response = visitor.send(visitor.request(Method::POST, "/").body(body).unwrap()).await.unwrap();
    one_by_one(pieces, response.into_body()).await;
}

#[tokio::test]
async fn a_response_that_breaks_off_is_seen_to_break_off() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |_| {
        let (pieces, body) = streamed();
        tokio::spawn(async move {
            pieces.send(Ok(Frame::data(Bytes::from_static(b"the beginning")))).await.ok();
            pieces.send(Err(std::io::Error::other("broken"))).await.ok();
        });
        Response::new(body)
    })
    .await;
    let visitor = behind(&switchboard, &origin).await;
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let collected = request.into_body().collect().await.unwrap();
        let trailer = collected.trailers().and_then(|trailers| trailers.get("x-sum")).cloned();
        let (pieces, body) = streamed();
        tokio::spawn(async move {
            pieces.send(Ok(Frame::data(Bytes::from_static(b"body")))).await.ok();
            let trailer = trailer.unwrap_or(HeaderValue::from_static("none"));
            pieces.send(Ok(Frame::trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), trailer)])))).await.ok();
        });
        Response::builder().header(header::TRAILER, "x-sum").body(body).unwrap()
    })
    .await;
    let visitor = behind(&switchboard, &origin).await;
    let (pieces, body) = streamed();
    tokio::spawn(async move {
        pieces.send(Ok(Frame::data(Bytes::from_static(b"body")))).await.ok();
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("42"))]);
        pieces.send(Ok(Frame::trailers(trailers))).await.ok();
    });
    let request = visitor.request(Method::POST, "/").header(header::TRAILER, "x-sum").header(header::TE, "trailers");
    let response = visitor.send(request.body(body).unwrap()).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "42");
}

#[tokio::test]
async fn a_websocket_passes_and_a_switch_that_nobody_asked_for_does_not() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |mut request| {
        if request.headers().contains_key(header::UPGRADE) {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut word = [0; 5];
                io.read_exact(&mut word).await.unwrap();
                io.write_all(&word).await.unwrap();
                io.shutdown().await.unwrap();
            });
        }
        let switching = Response::builder().status(101).header(header::CONNECTION, "Upgrade");
        switching.header(header::UPGRADE, "websocket").body(Body::default()).unwrap()
    })
    .await;
    let visitor = behind(&switchboard, &origin).await;
    let request = visitor.request(Method::GET, "/").header(header::CONNECTION, "Upgrade");
    let request = request.header(header::UPGRADE, "websocket").body(Body::default()).unwrap();
    let mut response = visitor.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut io = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    io.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "hello");
    let (status, _) = visitor.text("/").await;
    assert_eq!(status, 502);
}

#[tokio::test]
async fn a_visitor_who_leaves_cancels_the_request() {
    let switchboard = Switchboard::start().await;
    let (asked, mut was_asked) = mpsc::channel(1);
    let (gone, is_gone) = oneshot::channel::<()>();
    let gone = Arc::new(std::sync::Mutex::new(Some(gone)));
    let origin = Origin::start(move |_| {
        let (asked, gone) = (asked.clone(), gone.lock().unwrap().take());
        async move {
            // Dropped with the future, when the connection ends.
            let _gone = gone;
            asked.send(()).await.ok();
            std::future::pending::<Response<Body>>().await
        }
    })
    .await;
    let visitor = behind(&switchboard, &origin).await;
    let leaving = tokio::spawn(async move { visitor.text("/").await });
    was_asked.recv().await.unwrap();
    leaving.abort();
    within(Duration::from_secs(10), "the backend sees it", is_gone).await.unwrap_err();
    until(Duration::from_secs(10), "nothing in flight", async || {
        switchboard.client().get("/api/v1/backends/app").await.1["in_flight"] == 0
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_reached_is_a_bad_gateway() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let visitor = behind(&switchboard, &origin).await;
    drop(origin);
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(response.headers()["x-switchboard-error"], "bad_gateway");
    assert_eq!(text(response).await.trim(), "Bad Gateway");
}
