//! Which connections are used again, and which never.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use server::ingress::DataPlane;
use server::upstream::{Common, ConnectPolicy, Connections, Settings, Upstream, UpstreamError};
use tokio::sync::mpsc;

use crate::asking::{answer, ask, common, get, head, text, upstream, with};
use crate::raw::RawOrigin;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers every request in the same way.
async fn saying(answer: &'static [u8]) -> RawOrigin {
    RawOrigin::start(move |mut connection| async move {
        while connection.head().await.is_some() && connection.write(answer).await {}
    })
    .await
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let origin = saying(OK).await;
    let upstream = upstream(origin.address);
    for _ in 0..100 {
        assert_eq!(get(&upstream).await.unwrap(), (http::StatusCode::OK, "ok".to_owned()));
    }
    assert_eq!(origin.accepted(), 1);
    assert_eq!(upstream.connections(), Connections { open: 1, idle: 1 });
    drop(upstream);
}

#[tokio::test]
async fn what_follows_a_response_is_nobodys() {
    // A whole response behind the first one: whoever came next would get it.
    let origin =
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 EVIL\r\nContent-Length: 4\r\n\r\nevil")
            .await;
    let upstream = upstream(origin.address);
    for asked in 1..10 {
        assert_eq!(get(&upstream).await.unwrap().1, "ok");
        assert_eq!(origin.accepted(), asked);
    }
}

#[tokio::test]
async fn what_comes_later_without_being_asked_for_is_nobodys_either() {
    let (said, mut hear) = mpsc::channel(1);
    let origin = RawOrigin::start(move |mut connection| {
        let said = said.clone();
        async move {
            connection.head().await;
            connection.write(OK).await;
            connection.write(b"HTTP/1.1 200 EVIL\r\nContent-Length: 4\r\n\r\nevil").await;
            said.send(()).await.unwrap();
            connection.gone().await;
        }
    })
    .await;
    let upstream = upstream(origin.address);
    for asked in 1..10 {
        // For a request that cannot be repeated the kernel is asked.
        assert_eq!(ask(&upstream, Method::POST, "/", Some("x")).await.unwrap().1, "ok");
        hear.recv().await.unwrap();
        assert_eq!(origin.accepted(), asked);
    }
}

#[tokio::test]
async fn a_connection_that_the_backend_closes_is_not_kept() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"[..],
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=0\r\n\r\nok",
    ] {
        let origin = saying(answer).await;
        let upstream = upstream(origin.address);
        assert_eq!(get(&upstream).await.unwrap().1, "ok");
        assert_eq!(upstream.connections(), Connections { open: 0, idle: 0 });
    }
}

#[tokio::test]
async fn idle_connections_grow_old() {
    let origin = saying(OK).await;
    let upstream = with(origin.address, Settings { idle: Duration::from_millis(1), ..Settings::default() });
    get(&upstream).await.unwrap();
    while upstream.connections().open > 0 {
        tokio::task::yield_now().await;
        upstream.sweep();
    }
    get(&upstream).await.unwrap();
    assert_eq!(origin.accepted(), 2);
}

/// Answers the first request of each connection, and closes it when it has read the head of the second one.
async fn falling_silent(heads: Arc<AtomicUsize>) -> RawOrigin {
    RawOrigin::start(move |mut connection| {
        let heads = heads.clone();
        async move {
            connection.head().await.unwrap();
            heads.fetch_add(1, Ordering::SeqCst);
            connection.write(OK).await;
            if connection.head().await.is_some() {
                heads.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_request_that_met_a_closing_connection_is_sent_again_once() {
    let heads = Arc::default();
    let origin = falling_silent(Arc::clone(&heads)).await;
    let upstream = upstream(origin.address);
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        ask(&upstream, Method::GET, "/", None).await.unwrap();
        let before = heads.load(Ordering::SeqCst);
        assert_eq!(ask(&upstream, method.clone(), "/", None).await.unwrap().0, 200, "{method}");
        assert_eq!(heads.load(Ordering::SeqCst), before + 2, "{method}");
        // What is left is a connection that has answered once.
        ask(&upstream, Method::GET, "/", None).await.unwrap();
    }
}

#[tokio::test]
async fn what_must_not_happen_twice_is_never_sent_again() {
    let heads = Arc::default();
    let origin = falling_silent(Arc::clone(&heads)).await;
    for (method, body) in
        [(Method::POST, None), (Method::POST, Some("x")), (Method::PATCH, None), (Method::PUT, Some("x"))]
    {
        let upstream = upstream(origin.address);
        get(&upstream).await.unwrap();
        let before = heads.load(Ordering::SeqCst);
        let failed = ask(&upstream, method.clone(), "/", body).await.unwrap_err();
        assert!(matches!(failed.error, UpstreamError::Silent), "{method} {body:?}: {failed:?}");
        assert!(failed.error.may_have_arrived());
        assert_eq!(failed.untouched, body.is_none(), "{method} {body:?}");
        assert_eq!(heads.load(Ordering::SeqCst), before + 1, "{method} {body:?}");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_says_nothing_is_not_asked_again() {
    let origin = RawOrigin::start(async |mut connection| drop(connection.head().await)).await;
    let failed = get(&upstream(origin.address)).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Silent), "{failed:?}");
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn an_early_answer_ends_the_connection_with_it() {
    let origin = RawOrigin::start(async |mut connection| {
        connection.head().await.unwrap();
        // The rest of the request is never read.
        connection.write(OK).await;
        connection.gone_unread().await;
    })
    .await;
    let upstream = upstream(origin.address);
    for asked in 1..4 {
        let (body, frames) = mpsc::channel::<()>(1);
        let endless = http_body_util::StreamBody::new(futures_util::stream::unfold(frames, async |mut frames| {
            frames.recv().await;
            None::<(Result<http_body::Frame<Bytes>, std::io::Error>, _)>
        }));
        let (head, response) = answer(&upstream, head(Method::POST, "/"), Some(Box::pin(endless))).await.unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(text(response).await.unwrap(), "ok");
        assert_eq!(upstream.connections().open, 0);
        assert_eq!(origin.accepted(), asked);
        drop(body);
    }
}

#[tokio::test]
async fn a_response_that_is_read_to_its_end_gives_its_connection_back_at_once() {
    let origin =
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: yes\r\n\r\n").await;
    let upstream = upstream(origin.address);
    for _ in 0..10 {
        let (_, mut body) = answer(&upstream, head(Method::GET, "/"), None::<Full<Bytes>>).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ok");
        assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap()["x-end"], "yes");
        assert_eq!(upstream.connections().idle, 1);
    }
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn each_thread_has_its_own_connections_and_takes_places_from_others() {
    let origin = saying(OK).await;
    let plane = DataPlane::start(2).unwrap();
    let common = Common { threads: 2, ..common(Settings { max_connections: 2, ..Settings::default() }) };
    let address = origin.address.to_string().parse().unwrap();
    let upstream = Arc::new(Upstream::new(address, true, ConnectPolicy::Anything, &common));
    let ask_on = async |worker| {
        let upstream = upstream.clone();
        let asked = plane.worker(worker).spawn(async move { get(&upstream).await.map(drop) });
        asked.await.unwrap().unwrap();
    };
    for _ in 0..10 {
        ask_on(0).await;
        ask_on(1).await;
    }
    assert_eq!(origin.accepted(), 2);
    assert_eq!(upstream.connections(), Connections { open: 2, idle: 2 });
    // Whoever is on no such thread needs a third one, and somebody who does not use his has to give it up.
    get(&upstream).await.unwrap();
    assert_eq!(origin.accepted(), 3);
    assert_eq!(upstream.connections(), Connections { open: 2, idle: 2 });
    drop(upstream);
    plane.stop();
}

#[tokio::test]
async fn the_kernel_knows_that_a_connection_is_closed_before_the_runtime_does() {
    // A backend without a runtime: ours does not look at its sockets while this thread waits for it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = upstream(listener.local_addr().unwrap());
    let (closing, closed) = std::sync::mpsc::channel();
    let (answered, close) = std::sync::mpsc::channel();
    let backend = std::thread::spawn(move || {
        for _ in 0..4 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(OK).unwrap();
            close.recv().unwrap();
            drop(stream);
            closing.send(()).unwrap();
        }
    });
    for _ in 0..4 {
        // It could not be sent again.
        assert_eq!(ask(&upstream, Method::POST, "/", None).await.unwrap().1, "ok");
        answered.send(()).unwrap();
        closed.recv().unwrap();
    }
    backend.join().unwrap();
}
