//! Backends that speak HTTP/2 without TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use h2::Reason;
use h2::server::Builder;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use server::upstream::{Answer, ConnectError, Connections, IfLost, Settings, UpstreamBodyError, UpstreamError};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::asking::{answer, ask, get, head, text, upstream, with};
use crate::http2_origin::{Http2Origin, ok, piece, send, serve};
use crate::raw::RawOrigin;

const SIZE: usize = 64 * 1024 * 1024;
const NOTHING: Option<Full<Bytes>> = None;

#[tokio::test]
async fn requests_share_a_connection() {
    let origin = Http2Origin::start(async |request, mut respond| {
        assert_eq!(request.uri(), "http://app.example/some/path?q=1");
        assert!(request.headers().get("host").is_none());
        ok(&mut respond).send_data(request.method().as_str().to_owned().into(), true).unwrap();
    })
    .await;
    let upstream = upstream(origin.h2c());
    let asked = (0..100).map(|_| ask(&upstream, Method::GET, "/some/path?q=1", None));
    for answered in join_all(asked).await {
        assert_eq!(answered.unwrap(), (StatusCode::OK, "GET".to_owned()));
    }
    assert_eq!(ask(&upstream, Method::POST, "/some/path?q=1", Some("x")).await.unwrap().1, "POST");
    assert_eq!(origin.accepted(), 1);
    assert_eq!(upstream.connections(), Connections { open: 1, idle: 1 });
}

#[tokio::test]
async fn a_call_of_grpc_has_trailers_at_both_ends() {
    let origin = Http2Origin::start(async |request, mut respond| {
        assert_eq!(request.headers()["te"], "trailers");
        let mut body = request.into_body();
        let mut sum = Vec::new();
        while let Some(data) = piece(&mut body).await {
            sum.extend(data);
        }
        assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "3");
        let mut stream = ok(&mut respond);
        stream.send_data(sum.into(), false).unwrap();
        let status = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        stream.send_trailers(status).unwrap();
    })
    .await;
    let sum = HeaderMap::from_iter([("x-sum".parse().unwrap(), "3".parse().unwrap())]);
    let body = Full::new(Bytes::from_static(b"abc")).with_trailers(async { Some(Ok(sum)) });
    let mut head = head(Method::POST, "/service/Call");
    head.headers.insert(http::header::TE, "trailers".parse().unwrap());
    let upstream = upstream(origin.h2c());
    let (_, response) = answer(&upstream, head, Some(Box::pin(body))).await.unwrap();
    let collected = response.collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(collected.to_bytes(), "abc");
}

#[tokio::test]
async fn a_response_may_be_trailers_alone() {
    let origin = Http2Origin::start(async |_, mut respond| {
        let response = Response::builder().header("grpc-status", "5").body(()).unwrap();
        respond.send_response(response, true).unwrap();
    })
    .await;
    let upstream = upstream(origin.h2c());
    let (head, body) = answer(&upstream, head(Method::POST, "/"), NOTHING).await.unwrap();
    assert_eq!(head.headers["grpc-status"], "5");
    assert!(http_body::Body::is_end_stream(&body));
    assert_eq!(text(body).await.unwrap(), "");
}

#[tokio::test]
async fn request_and_response_go_on_at_the_same_time() {
    let origin = Http2Origin::start(async |request, mut respond| {
        let mut body = request.into_body();
        let mut stream = ok(&mut respond);
        while let Some(data) = piece(&mut body).await {
            assert!(send(&mut stream, data).await);
        }
        stream.send_data(Bytes::new(), true).unwrap();
    })
    .await;
    let (pieces, mut receiver) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let body = StreamBody::new(futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)).fuse());
    let upstream = upstream(origin.h2c());
    let (_, mut response) = answer(&upstream, head(Method::POST, "/"), Some(body)).await.unwrap();
    for n in 0..100 {
        let piece = Bytes::from(format!("piece {n}"));
        pieces.try_send(Ok(Frame::data(piece.clone()))).unwrap();
        assert_eq!(response.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(pieces);
    assert!(response.frame().await.is_none());
}

#[tokio::test]
async fn large_bodies_wait_for_who_takes_them() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let origin = Http2Origin::start(move |request, mut respond| {
        let count = count.clone();
        async move {
            let mut body = request.into_body();
            let mut size = 0;
            while let Some(data) = piece(&mut body).await {
                size += data.len();
            }
            assert!(size == 0 || size == SIZE);
            let mut stream = ok(&mut respond);
            for _ in 0..SIZE / 65536 {
                assert!(send(&mut stream, Bytes::from_static(&[b'x'; 65536])).await);
                count.fetch_add(65536, Ordering::SeqCst);
            }
            stream.send_data(Bytes::new(), true).unwrap();
        }
    })
    .await;
    let upstream = upstream(origin.h2c());
    // One that is not read holds up neither the others nor more than its window.
    let (_, stalled) = answer(&upstream, head(Method::GET, "/"), NOTHING).await.unwrap();
    let mut before = usize::MAX;
    while before != sent.load(Ordering::SeqCst) {
        before = sent.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(before <= 1024 * 1024, "{before} bytes were sent ahead");

    let pieces =
        futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b'x'; 65536]))));
    let body = StreamBody::new(pieces.take(SIZE / 65536));
    let (_, response) = answer(&upstream, head(Method::PUT, "/"), Some(body)).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes().len(), SIZE);
    assert_eq!(stalled.collect().await.unwrap().to_bytes().len(), SIZE);
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn as_many_requests_at_once_as_the_backend_takes() {
    let (go, started) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (go.clone(), started.clone());
    let origin = Http2Origin::with(None, Builder::new().max_concurrent_streams(2).clone(), move |_, mut respond| {
        let (go, started) = gates.clone();
        async move {
            started.add_permits(1);
            go.acquire().await.unwrap().forget();
            ok(&mut respond).send_data("ok".into(), true).unwrap();
        }
    })
    .await;
    let backend = upstream(origin.h2c());
    let six = join_all((0..6).map(|_| get(&backend)));
    let release = async {
        // All of them at once, on three connections.
        started.acquire_many(6).await.unwrap().forget();
        go.add_permits(6);
    };
    let (answered, ()) = tokio::join!(six, release);
    assert!(answered.into_iter().all(|answered| answered.unwrap().1 == "ok"));
    assert_eq!(origin.accepted(), 3);

    // Where there may be no more connections, requests wait for one another.
    let settings = Settings { max_connections: 1, ..Settings::default() };
    let narrow = with(origin.h2c(), settings);
    go.add_permits(20);
    let answered = join_all((0..20).map(|_| get(&narrow))).await;
    assert!(answered.into_iter().all(|answered| answered.unwrap().1 == "ok"));
    assert_eq!(origin.accepted(), 4);
}

#[tokio::test]
async fn what_a_closing_connection_did_not_look_at_is_sent_again() {
    let turned_away = Arc::new(AtomicUsize::new(0));
    let count = turned_away.clone();
    let origin = Http2Origin::raw(None, Builder::new(), move |mut connection| {
        let count = count.clone();
        async move {
            // One request is answered, the next one is turned away, and then the connection ends.
            let Some(Ok((_, mut respond))) = connection.accept().await else { return };
            ok(&mut respond).send_data("ok".into(), true).unwrap();
            let Some(Ok((_, mut respond))) = connection.accept().await else { return };
            respond.send_reset(Reason::REFUSED_STREAM);
            count.fetch_add(1, Ordering::SeqCst);
            connection.graceful_shutdown();
            while connection.accept().await.is_some() {}
        }
    })
    .await;
    let upstream = upstream(origin.h2c());
    get(&upstream).await.unwrap();
    // Even a POST: it was not processed.
    for method in [Method::POST, Method::GET] {
        assert_eq!(ask(&upstream, method, "/", None).await.unwrap().1, "ok");
    }
    assert!(turned_away.load(Ordering::SeqCst) >= 1);
    assert!(origin.accepted() >= 2);
}

#[tokio::test]
async fn a_connection_that_says_goodbye_takes_no_more_requests() {
    let (closing, mut closed) = mpsc::channel(10);
    let origin = Http2Origin::raw(None, Builder::new(), move |mut connection| {
        let closing = closing.clone();
        async move {
            let Some(Ok((_, mut respond))) = connection.accept().await else { return };
            let mut stream = ok(&mut respond);
            connection.graceful_shutdown();
            stream.send_data("slowly".into(), true).unwrap();
            while connection.accept().await.is_some() {}
            closing.send(()).await.unwrap();
        }
    })
    .await;
    let upstream = upstream(origin.h2c());
    for asked in 1..5 {
        // What is under way is finished.
        assert_eq!(get(&upstream).await.unwrap().1, "slowly");
        closed.recv().await.unwrap();
        assert_eq!(origin.accepted(), asked);
    }
}

#[tokio::test]
async fn who_does_not_want_the_answer_any_more_is_noticed() {
    let (noticed, mut notice) = mpsc::channel(10);
    let origin = Http2Origin::start(move |request, mut respond| {
        let noticed = noticed.clone();
        async move {
            let mut response = request.uri().path().starts_with("/body").then(|| {
                let mut stream = ok(&mut respond);
                stream.send_data("part".into(), false).unwrap();
                stream
            });
            let reason = std::future::poll_fn(|cx| match &mut response {
                Some(stream) => stream.poll_reset(cx),
                None => respond.poll_reset(cx),
            });
            noticed.send(reason.await.unwrap()).await.unwrap();
        }
    })
    .await;
    let upstream = upstream(origin.h2c());
    let asked = answer(&upstream, head(Method::GET, "/"), NOTHING);
    assert!(timeout(Duration::from_millis(200), asked).await.is_err());
    assert_eq!(timeout(Duration::from_secs(1), notice.recv()).await.unwrap(), Some(Reason::CANCEL));

    let (_, mut body) = answer(&upstream, head(Method::GET, "/body"), NOTHING).await.unwrap();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(timeout(Duration::from_secs(1), notice.recv()).await.unwrap(), Some(Reason::CANCEL));
}

#[tokio::test]
async fn a_body_that_breaks_off_never_looks_whole() {
    let origin = Http2Origin::start(async |request, mut respond| {
        if request.uri().path() == "/long" {
            let response = Response::builder().header("content-length", "5").body(()).unwrap();
            respond.send_response(response, false).unwrap().send_data("part".into(), true).unwrap();
            return;
        }
        let mut stream = ok(&mut respond);
        stream.send_data("part".into(), false).unwrap();
        stream.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let upstream = upstream(origin.h2c());
    for path in ["/", "/long"] {
        match answer(&upstream, head(Method::GET, path), NOTHING).await {
            Ok((_, body)) => {
                let error = text(body).await.unwrap_err();
                assert!(matches!(error, UpstreamBodyError::Response(_)), "{path}: {error}");
            }
            // The reset may overtake the head.
            Err(failed) => assert!(failed.error.may_have_arrived(), "{path}: {failed:?}"),
        }
    }
}

#[tokio::test]
async fn an_early_answer_is_an_answer() {
    let origin = Http2Origin::start(async |_, mut respond| {
        // What is left of the request is reset with NO_ERROR.
        ok(&mut respond).send_data("enough".into(), true).unwrap();
    })
    .await;
    let upstream = upstream(origin.h2c());
    for _ in 0..10 {
        let endless = futures_util::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b'x'; 1000])))
        });
        let (_, response) = answer(&upstream, head(Method::POST, "/"), Some(StreamBody::new(endless))).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "enough");
    }
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn informational_heads_are_handed_on() {
    let origin = Http2Origin::start(async |_, mut respond| {
        let hint = Response::builder().status(103).header("link", "</a.css>").body(()).unwrap();
        respond.send_informational(hint).unwrap();
        ok(&mut respond).send_data("ok".into(), true).unwrap();
    })
    .await;
    let mut seen = Vec::new();
    let informed = |status: StatusCode, headers: HeaderMap| seen.push((status.as_u16(), headers["link"].clone()));
    let upstream = upstream(origin.h2c());
    let answered = upstream.request(&mut head(Method::GET, "/"), NOTHING, IfLost::SendAgain, informed).await.unwrap();
    assert!(matches!(answered, Answer::Response(head, _) if head.status == 200));
    assert_eq!(seen, [(103, "</a.css>".parse().unwrap())]);
}

#[tokio::test]
async fn what_does_not_speak_http2_is_told_as_that() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], b""] {
        let origin = RawOrigin::start(move |mut connection| async move {
            connection.head().await;
            connection.write(answer).await;
        })
        .await;
        let failed = get(&upstream(format!("h2c://{}", origin.address))).await.unwrap_err();
        assert!(matches!(failed.error, UpstreamError::Connect(ConnectError::Http2(_))), "{failed:?}");
        assert!(!failed.error.may_have_arrived());
    }
}

#[tokio::test]
async fn a_connection_in_doubt_takes_no_more_requests() {
    let (stuck, mut sticks) = mpsc::channel(10);
    let origin = Http2Origin::raw(None, Builder::new(), move |mut connection| {
        let stuck = stuck.clone();
        async move {
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                if request.uri().path() == "/stuck" {
                    // Reads and writes no more, as if its machine had gone.
                    stuck.send(()).await.unwrap();
                    std::future::pending::<()>().await;
                }
                ok(&mut respond).send_data("ok".into(), true).unwrap();
            }
        }
    })
    .await;
    let upstream = upstream(origin.h2c());
    get(&upstream).await.unwrap();
    tokio::select! {
        _ = ask(&upstream, Method::GET, "/stuck", None) => panic!("an answer"),
        _ = sticks.recv() => {}
    }
    assert_eq!(get(&upstream).await.unwrap().1, "ok");
    assert_eq!(origin.accepted(), 2);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let (ended, mut end) = mpsc::channel(10);
    let origin = Http2Origin::raw(None, Builder::new(), move |connection| {
        let ended = ended.clone();
        async move {
            serve(connection, async |_, mut respond| ok(&mut respond).send_data("ok".into(), true).unwrap()).await;
            ended.send(()).await.unwrap();
        }
    })
    .await;
    let aging = with(origin.h2c(), Settings { idle: Duration::from_millis(50), ..Settings::default() });
    get(&aging).await.unwrap();
    end.recv().await.unwrap();

    let dropped = upstream(origin.h2c());
    get(&dropped).await.unwrap();
    drop(dropped);
    end.recv().await.unwrap();
}
