//! What a response may look like, and what is not passed on.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use server::upstream::{Answer, IfLost, UpstreamBodyError, UpstreamError};

use crate::asking::{answer, ask, get, head, text, upstream};
use crate::raw::RawOrigin;

/// Answers each connection's first request, and closes it.
async fn saying_once(answer: &'static [u8]) -> RawOrigin {
    RawOrigin::start(move |mut connection| async move {
        connection.head().await;
        connection.write(answer).await;
    })
    .await
}

#[tokio::test]
async fn what_is_in_doubt_is_not_passed_on() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\r\n\r\n",
    ] {
        let origin = saying_once(answer).await;
        let failed = get(&upstream(origin.address)).await.unwrap_err();
        assert!(matches!(failed.error, UpstreamError::Invalid(_)), "{failed:?}: {}", answer.escape_ascii());
        assert!(failed.error.may_have_arrived());
        assert_eq!(origin.accepted(), 1);
    }
}

#[tokio::test]
async fn a_head_has_a_bound() {
    let origin = RawOrigin::start(async |mut connection| {
        connection.head().await;
        connection.write(b"HTTP/1.1 200 OK\r\nX: ").await;
        while connection.write(&[b'x'; 1024]).await {}
    })
    .await;
    let failed = get(&upstream(origin.address)).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Invalid(_)), "{failed:?}");
}

#[tokio::test]
async fn a_head_that_breaks_off_is_no_answer() {
    for answer in [&b"HTTP/1.1 200 OK\r\nContent-Le"[..], b"HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let origin = saying_once(answer).await;
        let failed = get(&upstream(origin.address)).await.unwrap_err();
        assert!(matches!(failed.error, UpstreamError::Broken(_)), "{failed:?}");
        assert!(failed.error.may_have_arrived() && failed.error.is_the_backends_fault());
    }
}

#[tokio::test]
async fn informational_heads_are_handed_on_but_no_storm_of_them() {
    let origin = RawOrigin::start(async |mut connection| {
        let head = connection.head().await.unwrap();
        let heads = if head.contains("/storm") { 1_000_000 } else { 2 };
        connection.write(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        for _ in 0..heads {
            if !connection.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n").await {
                return;
            }
        }
        connection.write(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
    let upstream = upstream(origin.address);
    let mut seen: Vec<(StatusCode, HeaderMap)> = Vec::new();
    let informed = |status, headers| seen.push((status, headers));
    let answered =
        upstream.request(&mut head(Method::GET, "/"), None::<Full<Bytes>>, IfLost::SendAgain, informed).await.unwrap();
    assert!(matches!(answered, Answer::Response(head, _) if head.status == StatusCode::NO_CONTENT));
    assert_eq!(seen.iter().map(|(status, _)| status.as_u16()).collect::<Vec<_>>(), [103, 103]);
    assert_eq!(seen[0].1["link"], "</a.css>");

    let failed = ask(&upstream, Method::GET, "/storm", None).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Invalid(_)), "{failed:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_never_looks_whole() {
    for answer_bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npart"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nx\r\n",
    ] {
        let origin = saying_once(answer_bytes).await;
        let upstream = upstream(origin.address);
        let (_, body) = answer(&upstream, head(Method::GET, "/"), None::<Full<Bytes>>).await.unwrap();
        let error = text(body).await.unwrap_err();
        assert!(matches!(error, UpstreamBodyError::Response(_)), "{error}");
        assert_eq!(upstream.connections().open, 0);
    }
}

#[tokio::test]
async fn a_body_may_end_with_the_connection() {
    let origin = saying_once(b"HTTP/1.1 200 OK\r\n\r\nall of it").await;
    assert_eq!(get(&upstream(origin.address)).await.unwrap().1, "all of it");
}

#[tokio::test]
async fn responses_without_a_body_stay_in_step() {
    let origin = RawOrigin::start(async |mut connection| {
        while let Some(head) = connection.head().await {
            let answer: &[u8] = match head.split(' ').nth(1).unwrap() {
                _ if head.starts_with("HEAD") => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                "/204" => b"HTTP/1.1 204 No Content\r\n\r\n",
                "/304" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            };
            connection.write(answer).await;
        }
    })
    .await;
    let upstream = upstream(origin.address);
    for (method, path, status) in
        [(Method::HEAD, "/", 200), (Method::GET, "/204", 204), (Method::GET, "/304", 304), (Method::GET, "/", 200)]
    {
        let (status_seen, body) = ask(&upstream, method, path, None).await.unwrap();
        assert_eq!((status_seen.as_u16(), body.as_str()), (status, ""));
    }
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let origin = RawOrigin::start(async |mut connection| {
        let head = connection.head().await.unwrap();
        assert!(head.contains("te: trailers\r\n") && head.contains("connection: te\r\n"), "{head}");
        let body = connection.read_to(b"0\r\nx-sum: 3\r\n\r\n").await.unwrap();
        assert_eq!(body, b"3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n");
        connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-End: yes\r\n\r\n").await;
    })
    .await;
    let sum = HeaderMap::from_iter([("x-sum".parse().unwrap(), "3".parse().unwrap())]);
    let body = Full::new(Bytes::from_static(b"abc")).with_trailers(async { Some(Ok(sum)) });
    let mut head = head(Method::POST, "/");
    head.headers.insert(http::header::TE, "trailers".parse().unwrap());
    let upstream = upstream(origin.address);
    let before = head.clone();
    let Ok(Answer::Response(_, body)) =
        upstream.request(&mut head, Some(Box::pin(body)), IfLost::SendAgain, |_, _| {}).await
    else {
        panic!("no response")
    };
    assert_eq!(head, before);
    assert_eq!(body.collect().await.unwrap().trailers().unwrap()["x-end"], "yes");
}
