//! One direction that has ended while the other goes on.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use crate::endless::{SOON, endless};
use crate::support::{Body, Client, Origin, Switchboard, streamed, until, within};

type Socket = TokioIo<Upgraded>;

/// A local server that agrees to every upgrade and hands its end to `serve`.
async fn upgrading<F, S>(serve: F) -> Origin
where
    F: Fn(Socket) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    Origin::start(move |mut request: Request<Incoming>| {
        let upgrade = hyper::upgrade::on(&mut request);
        let serve = serve.clone();
        tokio::spawn(async move { serve(TokioIo::new(upgrade.await.unwrap())).await });
        let mut response = Response::builder().status(101).header(header::CONNECTION, "upgrade");
        if let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) {
            response = response.header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()));
        }
        let response = response.header(header::UPGRADE, request.headers()[header::UPGRADE].clone());
        async move { response.body(Body::default()).unwrap() }
    })
    .await
}

async fn upgrade(visitor: &Client, protocol: &str) -> Socket {
    let request = visitor.request(Method::GET, "/").header(header::CONNECTION, "Upgrade");
    let request = request.header(header::UPGRADE, protocol).header(header::SEC_WEBSOCKET_VERSION, "13");
    let request = request.header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==").body(Body::default()).unwrap();
    let response = visitor.send(request).await.unwrap();
    assert_eq!(response.status(), 101);
    TokioIo::new(hyper::upgrade::on(response).await.unwrap())
}

#[tokio::test]
async fn a_response_goes_on_after_the_request_has_ended_and_the_other_way_round() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request: Request<Incoming>| {
        let (chunks, body) = streamed();
        let path = request.uri().path().to_owned();
        let mut asked = request.into_body();
        tokio::spawn(async move {
            if path == "/after" {
                // The answer begins when the question has ended.
                while asked.frame().await.is_some() {}
                for _ in 0..3 {
                    chunks.send(Ok(Frame::data(Bytes::from_static(b"still here ")))).await.unwrap();
                }
            } else {
                // The answer has begun; the question ends it.
                chunks.send(Ok(Frame::data(Bytes::from_static(b"begun ")))).await.unwrap();
                let question = asked.collect().await.unwrap().to_bytes();
                chunks.send(Ok(Frame::data(question))).await.unwrap();
            }
        });
        Response::new(body)
    })
    .await;
    let _telephone = switchboard.telephone("halves", &origin).await;
    let visitor = switchboard.visitor("halves");
    for (path, answer) in [("/after", "still here still here still here "), ("/before", "begun question")] {
        let (question, body) = streamed();
        let response = visitor.send(visitor.request(Method::POST, path).body(body).unwrap()).await.unwrap();
        question.send(Ok(Frame::data(Bytes::from_static(b"question")))).await.unwrap();
        drop(question);
        let body = within(SOON, "the end of the answer", response.into_body().collect()).await.unwrap();
        assert_eq!(body.to_bytes(), answer);
    }
}

#[tokio::test]
async fn either_end_of_an_upgraded_connection_may_finish_first() {
    let switchboard = Switchboard::start().await;
    // The client finishes first: what it said comes back afterwards.
    let origin = upgrading(async |mut socket: Socket| {
        let mut said = Vec::new();
        socket.write_all(b"hello ").await.unwrap();
        socket.read_to_end(&mut said).await.unwrap();
        socket.write_all(&said).await.unwrap();
        socket.shutdown().await.unwrap();
    })
    .await;
    let _telephone = switchboard.telephone("client-first", &origin).await;
    let mut socket = upgrade(&switchboard.visitor("client-first"), "echo").await;
    socket.write_all(b"and good-bye").await.unwrap();
    socket.shutdown().await.unwrap();
    let mut heard = Vec::new();
    within(SOON, "what comes after the end", socket.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"hello and good-bye");

    // The local server does: what the client says afterwards still arrives there.
    let (heard_at, mut heard) = tokio::sync::mpsc::channel(1);
    let origin = upgrading(move |mut socket: Socket| {
        let heard_at = heard_at.clone();
        async move {
            socket.write_all(b"that is all").await.unwrap();
            socket.shutdown().await.unwrap();
            let mut said = Vec::new();
            socket.read_to_end(&mut said).await.unwrap();
            heard_at.send(said).await.unwrap();
        }
    })
    .await;
    let _telephone = switchboard.telephone("server-first", &origin).await;
    let mut socket = upgrade(&switchboard.visitor("server-first"), "echo").await;
    let mut all = Vec::new();
    within(SOON, "the local server's end", socket.read_to_end(&mut all)).await.unwrap();
    assert_eq!(all, b"that is all");
    socket.write_all(b"not for me").await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(within(SOON, "what comes after the end", heard.recv()).await.unwrap(), b"not for me");
}

#[tokio::test]
async fn websockets_close_with_the_code_that_either_end_gave() {
    let switchboard = Switchboard::start().await;
    let (heard_at, mut heard) = tokio::sync::mpsc::channel(1);
    // Closes with the code it is told as text; else it tells the code it was closed with.
    let origin = upgrading(move |socket: Socket| {
        let heard_at = heard_at.clone();
        async move {
            let mut socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
            while let Some(Ok(message)) = socket.next().await {
                match message {
                    Message::Text(code) => {
                        let frame = CloseFrame { code: code.parse::<u16>().unwrap().into(), reason: "as asked".into() };
                        socket.close(Some(frame)).await.unwrap();
                    }
                    Message::Close(frame) => heard_at.send(frame.map(|frame| u16::from(frame.code))).await.unwrap(),
                    _ => {}
                }
            }
        }
    })
    .await;
    let _telephone = switchboard.telephone("codes", &origin).await;
    let visitor = switchboard.visitor("codes");
    for code in [1000, 1001, 4001] {
        let mut socket =
            WebSocketStream::from_raw_socket(upgrade(&visitor, "websocket").await, Role::Client, None).await;
        socket.send(Message::text(code.to_string())).await.unwrap();
        let closed = within(SOON, "the close frame", socket.next()).await.unwrap().unwrap();
        let Message::Close(Some(frame)) = closed else { panic!("{closed:?}") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (code, "as asked"));
        while let Some(Ok(_)) = within(SOON, "the end", socket.next()).await {}
        // The answer of this end arrived there.
        assert_eq!(within(SOON, "the answer", heard.recv()).await.unwrap(), Some(code));

        let mut socket =
            WebSocketStream::from_raw_socket(upgrade(&visitor, "websocket").await, Role::Client, None).await;
        socket.close(Some(CloseFrame { code: code.into(), reason: "enough".into() })).await.unwrap();
        assert_eq!(within(SOON, "the close frame", heard.recv()).await.unwrap(), Some(code));
        while let Some(Ok(_)) = within(SOON, "the end", socket.next()).await {}
    }
}

#[tokio::test]
async fn a_visitor_who_has_no_more_to_say_over_http_is_taken_to_have_left() {
    let switchboard = Switchboard::start().await;
    let (origin, mut arrived) = endless().await;
    let _telephone = switchboard.telephone("left", &origin).await;
    let request = format!("GET /begun HTTP/1.1\r\nHost: left.localhost:{}\r\n\r\n", switchboard.address.port());
    let mut visitor = TcpStream::connect(switchboard.address).await.unwrap();
    visitor.write_all(request.as_bytes()).await.unwrap();
    within(SOON, "the request at the local server", arrived.recv()).await.unwrap();
    visitor.shutdown().await.unwrap();
    let mut answer = Vec::new();
    within(SOON, "the end", visitor.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&answer));
    until(SOON, "the request is over", async || switchboard.figure("switchboard_streams").await == 0.0).await;
}
