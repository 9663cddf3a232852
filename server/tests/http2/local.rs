//! Local servers behind a telephone that speak HTTP/2 themselves, as those of gRPC do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::Reason;
use h2::server::Builder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use telephone::{Agent, AgentHandle, Event, Target};
use tokio::sync::{Semaphore, mpsc};

use crate::client::{Http2, read, send_all};
use crate::http2_origin::{Http2Origin, ok, piece, send, serve};
use crate::support::{Body, Origin, Switchboard, full, until, within};
use crate::{AT_ONCE, SOON};

const LARGE: usize = 16 * 1024 * 1024;

async fn telephone(switchboard: &Switchboard, subdomain: &str, target: &str) -> AgentHandle {
    let (_, token) = switchboard.token().await;
    let target = Target::parse(target).unwrap();
    let agent = Agent::builder(switchboard.url(), token).target(target).subdomain(subdomain).start().unwrap();
    agent.ready().await.unwrap();
    agent
}

fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// A call of gRPC.
fn call(visitor: &Http2, path: &str) -> Request<()> {
    let request = visitor.request(Method::POST, path).header(header::TE, "trailers");
    request.header(header::CONTENT_TYPE, "application/grpc").body(()).unwrap()
}

/// Sends back what it gets, and says in a trailer how it went.
async fn echo() -> Http2Origin {
    Http2Origin::start(async |request, mut respond| {
        let mut body = request.into_body();
        // Some leave before they are answered.
        let Ok(mut stream) = respond.send_response(Response::new(()), false) else { return };
        while let Some(data) = piece(&mut body).await {
            if !send(&mut stream, data).await {
                return;
            }
        }
        let _left = stream.send_trailers(fields(&[("grpc-status", "0")]));
    })
    .await
}

#[tokio::test]
async fn a_call_streams_both_ways_at_once_with_trailers_at_both_ends() {
    let switchboard = Switchboard::start().await;
    let (seen_at, mut seen) = mpsc::channel(1);
    let origin = Http2Origin::start(move |request, mut respond| {
        let seen_at = seen_at.clone();
        async move {
            seen_at.send((request.uri().clone(), request.headers().clone())).await.unwrap();
            let mut body = request.into_body();
            let mut stream = ok(&mut respond);
            while let Some(data) = piece(&mut body).await {
                assert!(send(&mut stream, data).await);
            }
            let mut trailers = body.trailers().await.unwrap().unwrap();
            trailers.extend(fields(&[("grpc-status", "0")]));
            stream.send_trailers(trailers).unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "grpc", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "grpc").await;
    let mut request = call(&visitor, "/pkg.Service/Talk?x=1");
    request.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-checksum"));
    let (response, mut sending) = visitor.open(request, false).await;
    let response = within(SOON, "the head", response).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut answer = response.into_body();
    for n in 0..100_u32 {
        // The next message goes when the answer to the last one has come.
        let message = Bytes::from(format!("message {n}"));
        sending.send_data(message.clone(), false).unwrap();
        assert_eq!(within(SOON, "a message", piece(&mut answer)).await.unwrap(), message);
    }
    sending.send_trailers(fields(&[("x-checksum", "1234")])).unwrap();
    assert_eq!(piece(&mut answer).await, None);
    let trailers = within(SOON, "the trailers", answer.trailers()).await.unwrap().unwrap();
    assert_eq!((&trailers["grpc-status"], &trailers["x-checksum"]), (&"0".parse().unwrap(), &"1234".parse().unwrap()));

    let (uri, headers) = seen.recv().await.unwrap();
    assert_eq!(uri.authority().unwrap().as_str(), format!("grpc.localhost:{}", switchboard.address.port()));
    assert_eq!((uri.scheme_str(), uri.path_and_query().unwrap().as_str()), (Some("http"), "/pkg.Service/Talk?x=1"));
    assert_eq!(headers[header::TE], "trailers");
    for name in ["host", "connection", "transfer-encoding", "upgrade"] {
        assert!(!headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_call_that_fails_at_once_is_a_head_alone() {
    let switchboard = Switchboard::start().await;
    let origin = Http2Origin::start(async |_, mut respond| {
        let response = Response::builder().header("grpc-status", "12").header("grpc-message", "no such method");
        respond.send_response(response.body(()).unwrap(), true).unwrap();
    })
    .await;
    let _telephone = telephone(&switchboard, "unary", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "unary").await;
    let answer = within(SOON, "an answer", visitor.ask(call(&visitor, "/"), "\0\0\0\0\x02hi")).await.unwrap();
    assert_eq!((&answer.headers["grpc-status"], answer.body.len()), (&HeaderValue::from_static("12"), 0));
}

#[tokio::test]
async fn an_answer_may_be_whole_before_the_request_is() {
    let switchboard = Switchboard::start().await;
    // What is let go of after its end is reset with NO_ERROR: the rest of the request is not wanted (RFC 9113 section 8.1).
    let origin = Http2Origin::start(async |request, mut respond| {
        let trailers = request.uri().path() == "/trailers";
        let mut stream = ok(&mut respond);
        stream.send_data("enough".into(), !trailers).unwrap();
        if trailers {
            stream.send_trailers(fields(&[("grpc-status", "0")])).unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "early", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "early").await;
    for path in ["/data", "/trailers"] {
        for _ in 0..20 {
            let (response, mut sending) = visitor.open(call(&visitor, path), false).await;
            let _refused = sending.send_data("the beginning".into(), false);
            let answer = within(SOON, "an answer", async { read(response.await?).await }).await.unwrap();
            assert_eq!((answer.text(), answer.trailers.is_some()), ("enough", path == "/trailers"));
        }
    }
}

#[tokio::test]
async fn who_leaves_is_noticed_by_the_local_server() {
    let switchboard = Switchboard::start().await;
    let (arrived_at, mut arrived) = mpsc::channel(1);
    let (left_at, mut left) = mpsc::channel(1);
    let origin = Http2Origin::start(move |request, mut respond| {
        let (arrived_at, left_at) = (arrived_at.clone(), left_at.clone());
        async move {
            let mut stream = (request.uri().path() == "/body").then(|| {
                let mut stream = ok(&mut respond);
                stream.send_data("part".into(), false).unwrap();
                stream
            });
            arrived_at.send(()).await.unwrap();
            let reason = std::future::poll_fn(|cx| match &mut stream {
                Some(stream) => stream.poll_reset(cx),
                None => respond.poll_reset(cx),
            });
            left_at.send(reason.await.unwrap()).await.unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "leaving", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "leaving").await;
    for (path, half) in [("/head", false), ("/head", true), ("/body", false), ("/body", true)] {
        let (response, mut sending) = visitor.open(call(&visitor, path), !half).await;
        within(SOON, "the request", arrived.recv()).await.unwrap();
        if half {
            sending.send_data("half of it".into(), false).unwrap();
        }
        drop((response, sending));
        assert_eq!(within(AT_ONCE, path, left.recv()).await.unwrap(), Reason::CANCEL);
    }
    // The connection has not suffered from it.
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn a_call_that_the_local_server_breaks_off_never_looks_whole() {
    let switchboard = Switchboard::start().await;
    let origin = Http2Origin::start(async |request, mut respond| match request.uri().path() {
        "/head" => respond.send_reset(Reason::INTERNAL_ERROR),
        "/refused" => respond.send_reset(Reason::REFUSED_STREAM),
        _ => {
            let mut stream = ok(&mut respond);
            stream.send_data("part".into(), false).unwrap();
            let mut body = request.into_body();
            // The part is there before the end of it is.
            while piece(&mut body).await.is_some() {}
            stream.send_reset(Reason::CANCEL);
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "breaking", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "breaking").await;
    let answer = within(SOON, "an answer", visitor.ask(call(&visitor, "/head"), "x")).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["x-switchboard-error"]),
        (502, &"local_broken".parse().unwrap())
    );
    // Turned away each time it is asked, it is busy.
    let answer = within(SOON, "an answer", visitor.ask(call(&visitor, "/refused"), "x")).await.unwrap();
    assert_eq!(
        (answer.status, answer.headers.contains_key(header::RETRY_AFTER)),
        (StatusCode::SERVICE_UNAVAILABLE, true)
    );

    let (response, mut sending) = visitor.open(call(&visitor, "/body"), false).await;
    let mut body = within(SOON, "the head", response).await.unwrap().into_body();
    assert_eq!(within(SOON, "the part", piece(&mut body)).await.unwrap(), "part");
    sending.send_data(Bytes::new(), true).unwrap();
    let error = within(AT_ONCE, "the break", body.data()).await.unwrap().unwrap_err();
    assert!(error.is_reset() && error.is_remote(), "{error}");
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn ten_thousand_calls_leave_nothing() {
    const CALLS: usize = 10_000;
    let switchboard = Switchboard::start().await;
    let origin = echo().await;
    let _telephone = telephone(&switchboard, "many", &origin.h2c()).await;
    let visits = async |count: usize| {
        let visitors = join_all((0..4).map(|_| Http2::visitor(&switchboard, "many"))).await;
        join_all(visitors.iter().flat_map(|visitor| (0..25).map(move |n| (visitor, n))).map(async |(visitor, n)| {
            for n in (n..count / 4).step_by(25) {
                // Some leave before they are answered.
                if n % 10 == 9 {
                    drop(visitor.open(call(visitor, "/"), false).await);
                    continue;
                }
                let message = format!("message {n}");
                let answer = visitor.ask(call(visitor, "/"), message.clone()).await.unwrap();
                assert_eq!(
                    (answer.text(), &answer.trailers.as_ref().unwrap()["grpc-status"]),
                    (&*message, &"0".parse().unwrap())
                );
            }
        }))
        .await;
    };
    visits(CALLS / 10).await;
    let tasks = switchboard.figure("switchboard_tasks").await;
    let connections = origin.accepted();
    within(SOON * 6, "all calls", visits(CALLS)).await;
    for gauge in ["switchboard_requests_in_flight", "switchboard_streams"] {
        until(SOON, gauge, async || switchboard.figure(gauge).await == 0.0).await;
    }
    // They share the few connections that are needed for so many at once, each of which is a task at either end.
    let more = origin.accepted() - connections;
    assert!(more < 20, "{connections} connections before, {more} more now");
    until(SOON, "as few tasks as before", async || {
        switchboard.figure("switchboard_tasks").await <= tasks + 8.0 + 4.0 * more as f64
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_gets_all_and_holds_up_nobody() {
    let switchboard = Switchboard::start().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let origin = Http2Origin::start(move |request, mut respond| {
        let count = count.clone();
        async move {
            let mut stream = ok(&mut respond);
            if request.uri().path() == "/slow" {
                for _ in 0..LARGE / 65536 {
                    assert!(send(&mut stream, Bytes::from_static(&[b'x'; 65536])).await);
                    count.fetch_add(65536, Ordering::SeqCst);
                }
            }
            let mut body = request.into_body();
            let mut size = 0;
            while let Some(data) = piece(&mut body).await {
                size += data.len();
            }
            stream.send_data(size.to_string().into(), true).unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "slow", &origin.h2c()).await;
    let slow = Http2::visitor(&switchboard, "slow").await;
    let (response, _) = slow.open(slow.get("/slow"), true).await;
    let response = within(SOON, "the head", response).await.unwrap();
    let visitor = Http2::visitor(&switchboard, "slow").await;
    // Meanwhile others are served, with bodies larger than all credit there is.
    for _ in 0..3 {
        let (other, sending) = visitor.open(call(&visitor, "/upload"), false).await;
        send_all(sending, Bytes::from(vec![b'x'; LARGE])).await.unwrap();
        let answer = within(SOON, "an upload", async { read(other.await.unwrap()).await.unwrap() }).await;
        assert_eq!(answer.text(), LARGE.to_string());
    }
    let ahead = sent.load(Ordering::SeqCst);
    assert!(ahead < LARGE / 2, "{ahead} bytes of {LARGE} went ahead of who reads them");
    let answer = within(SOON, "the rest", read(response)).await.unwrap();
    assert_eq!(answer.body.len(), LARGE + 1);
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn a_local_server_that_leaves_again_and_again_loses_nothing() {
    let switchboard = Switchboard::start().await;
    let (answered, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (answered.clone(), closed.clone());
    let origin = Http2Origin::raw(None, Builder::new(), move |mut connection| {
        let (answered, closed) = counts.clone();
        async move {
            // After seven requests it says goodbye, and looks at none of those that are on their way already.
            for _ in 0..7 {
                let Some(Ok((request, mut respond))) = connection.accept().await else { return };
                answered.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut body = request.into_body();
                    while piece(&mut body).await.is_some() {}
                    let _left = respond.send_response(Response::new(()), true);
                });
            }
            connection.graceful_shutdown();
            closed.fetch_add(1, Ordering::SeqCst);
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_reset(Reason::REFUSED_STREAM);
            }
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "goodbye", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "goodbye").await;
    for _ in 0..20 {
        let calls = (0..10).map(|_| visitor.ask(visitor.get("/"), ""));
        for answer in within(SOON, "answers", join_all(calls)).await {
            let answer = answer.unwrap();
            assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
        }
    }
    assert!(closed.load(Ordering::SeqCst) > 10, "{closed:?} connections were closed");
    assert!(answered.load(Ordering::SeqCst) >= 200);
}

#[tokio::test]
async fn what_a_connection_loses_is_asked_again_if_that_is_safe() {
    let switchboard = Switchboard::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Http2Origin::raw(None, Builder::new(), move |mut connection| {
        let count = count.clone();
        async move {
            // One request is answered. With the next one the connection breaks.
            let Some(Ok((_, mut respond))) = connection.accept().await else { return };
            respond.send_response(Response::new(()), true).unwrap();
            if connection.accept().await.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "lossy", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "lossy").await;
    for n in 0..10 {
        let answer = within(SOON, "an answer", visitor.ask(visitor.get("/"), "")).await.unwrap();
        assert_eq!((answer.status.as_u16(), asked.load(Ordering::SeqCst)), (200, n));
    }
    // Nobody knows what became of a call, so that it is not made twice.
    let answer = within(SOON, "an answer", visitor.ask(call(&visitor, "/"), "")).await.unwrap();
    assert_eq!((answer.status.as_u16(), asked.load(Ordering::SeqCst)), (502, 10));
}

#[tokio::test]
async fn a_call_that_was_not_looked_at_is_made_again_with_its_body() {
    let switchboard = Switchboard::start().await;
    let turned_away = Arc::new(AtomicUsize::new(0));
    let count = turned_away.clone();
    let origin = Http2Origin::start(move |request, mut respond| {
        let first = count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        async move {
            let mut body = request.into_body();
            let message = piece(&mut body).await.unwrap();
            if first {
                return respond.send_reset(Reason::REFUSED_STREAM);
            }
            ok(&mut respond).send_data(message, true).unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "again", &origin.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "again").await;
    for n in 1..=5 {
        let answer = within(SOON, "an answer", visitor.ask(call(&visitor, "/"), "a message")).await.unwrap();
        assert_eq!((answer.text(), turned_away.load(Ordering::SeqCst)), ("a message", 2 * n));
    }
}

#[tokio::test]
async fn a_local_server_that_speaks_only_http1_is_named() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let agent = telephone(&switchboard, "old", &format!("h2c://{}", origin.address)).await;
    let mut events = agent.events();
    let visitor = Http2::visitor(&switchboard, "old").await;
    for _ in 0..2 {
        let answer = within(SOON, "an answer", visitor.ask(visitor.get("/"), "")).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["x-switchboard-error"]),
            (502, &"local_not_http2".parse().unwrap())
        );
        assert!(answer.text().contains("HTTP/1.1") && answer.text().contains("http://"), "{}", answer.text());
        let problem = within(SOON, "the telephone's words", async {
            loop {
                if let Event::Request { problem, .. } = events.recv().await.unwrap() {
                    return problem.unwrap();
                }
            }
        });
        assert!(problem.await.contains(&format!("h2c://{}", origin.address)));
    }
}

#[tokio::test]
async fn visitors_of_http1_reach_it_too() {
    let switchboard = Switchboard::start().await;
    let origin = Http2Origin::start(async |request, mut respond| {
        let path = request.uri().path().to_owned();
        assert!(!request.headers().contains_key(header::UPGRADE));
        match path.as_str() {
            "/nothing" => {
                let response = Response::builder().status(204).body(()).unwrap();
                respond.send_response(response, true).unwrap();
            }
            "/hints" => {
                let hints = Response::builder().status(103).header(header::LINK, "</style.css>");
                respond.send_informational(hints.body(()).unwrap()).unwrap();
                ok(&mut respond).send_data("hinted".into(), true).unwrap();
            }
            _ if request.method() == Method::HEAD => {
                let response = Response::builder().header(header::CONTENT_LENGTH, "12345").body(()).unwrap();
                respond.send_response(response, true).unwrap();
            }
            _ => {
                let mut body = request.into_body();
                let mut stream = ok(&mut respond);
                while let Some(data) = piece(&mut body).await {
                    assert!(send(&mut stream, data).await);
                }
                stream.send_trailers(fields(&[("grpc-status", "0")])).unwrap();
            }
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "mixed", &origin.h2c()).await;
    let visitor = switchboard.visitor("mixed");
    let request = |method: Method, path: &str| visitor.request(method, path);
    let echoed = request(Method::POST, "/echo").header(header::TE, "trailers").header(header::CONNECTION, "te");
    let response = visitor.send(echoed.body(full("a body")).unwrap()).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(collected.to_bytes(), "a body");

    let response = visitor.send(request(Method::HEAD, "/").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[header::CONTENT_LENGTH]),
        (200, &"12345".parse().unwrap())
    );
    let response = visitor.send(request(Method::GET, "/nothing").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().contains_key(header::CONTENT_LENGTH)), (204, false));
    // HTTP/2 has no switching of protocols: the wish for it is not heard (RFC 9110 section 7.8).
    let upgrade = request(Method::GET, "/hints").header(header::CONNECTION, "upgrade").header(header::UPGRADE, "x");
    let response = visitor.send(upgrade.body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hinted");

    let visitor = Http2::visitor(&switchboard, "mixed").await;
    let (mut response, _) = visitor.open(visitor.get("/hints"), true).await;
    let hints = std::future::poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
    assert_eq!(
        (hints.status(), &hints.headers()[header::LINK]),
        (StatusCode::EARLY_HINTS, &"</style.css>".parse().unwrap())
    );
    assert_eq!(read(response.await.unwrap()).await.unwrap().body, "hinted");
}

#[tokio::test]
async fn a_local_server_that_is_restarted_is_found_again() {
    let switchboard = Switchboard::start().await;
    let first = echo().await;
    let address: SocketAddr = first.address;
    let _telephone = telephone(&switchboard, "restarted", &first.h2c()).await;
    let visitor = Http2::visitor(&switchboard, "restarted").await;
    assert_eq!(visitor.ask(call(&visitor, "/"), "one").await.unwrap().text(), "one");
    drop(first);
    let gone = || async {
        let answer = visitor.ask(call(&visitor, "/"), "two").await.unwrap();
        answer.headers.get("x-switchboard-error").is_some_and(|code| code == "local_unreachable")
    };
    until(SOON, "nobody answers", gone).await;
    let gate = Arc::new(Semaphore::new(0));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let opened = gate.clone();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        opened.add_permits(1);
        let stream: Box<dyn crate::http2_origin::Io> = Box::new(stream);
        let connection = h2::server::handshake(stream).await.unwrap();
        serve(connection, async |_, mut respond| {
            ok(&mut respond).send_data("back".into(), true).unwrap();
        })
        .await;
    });
    assert_eq!(within(SOON, "an answer", visitor.ask(call(&visitor, "/"), "three")).await.unwrap().text(), "back");
    assert_eq!(gate.available_permits(), 1);
    task.abort();
}
