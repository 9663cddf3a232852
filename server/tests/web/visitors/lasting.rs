//! Answers that last longer than a visitor's session.

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::guest::{BADGE, Guest, SOON, Setting, anybody};
use crate::support::{Body, Origin, streamed, until, within};

/// A server that begins to answer, and goes on for as long as anybody listens: events, or a file of a known length.
async fn endless() -> Origin {
    Origin::start(async |request: Request<Incoming>| {
        let (pieces, body) = streamed();
        tokio::spawn(async move {
            // Whoever has left is told nothing.
            let _gone = pieces.send(Ok(Frame::data(Bytes::from_static(b"data: 1\n\n")))).await;
            pieces.closed().await;
        });
        let response = Response::builder();
        let response = match request.uri().path() {
            "/file" => response.header(header::CONTENT_LENGTH, "1000000"),
            _ => response.header(header::CONTENT_TYPE, "text/event-stream"),
        };
        response.body(body).unwrap()
    })
    .await
}

async fn begun(mut response: Response<Incoming>) -> Incoming {
    assert_eq!(response.status(), 200);
    let first = within(SOON, "the answer begins", response.body_mut().frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 1\n\n");
    response.into_body()
}

/// The same request over HTTP/2, as gRPC has it.
async fn over_http2(guest: &Guest, request: Request<Body>) -> Response<Incoming> {
    let stream = TcpStream::connect(guest.client.address()).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(header::HOST).unwrap();
    parts.uri = format!("http://{}{}", host.to_str().unwrap(), parts.uri.path()).parse().unwrap();
    send.send_request(Request::from_parts(parts, body)).await.unwrap()
}

#[tokio::test]
async fn an_answer_that_lasts_is_cut_off_with_the_session() {
    let setting = Setting::with(anybody()).await;
    let origin = endless().await;
    let telephone = setting.switchboard.telephone("endless", &origin).await;
    let client = setting.switchboard.client();
    let id = setting.switchboard.tunnel("endless").await["id"].as_str().unwrap().to_owned();
    assert_eq!(client.patch(&format!("/api/v1/tunnels/{id}/front"), &anybody()).await.0, 200);
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    let mut bob = setting.bob().await;
    for path in ["/events", "/file"] {
        for http2 in [false, true] {
            let mut guest = Guest::of(&setting.switchboard, "endless.localhost");
            until(SOON, "somebody is asked", async || guest.open("/").await.status == 303).await;
            let ticket = guest.ticket(&mut bob, "/").await;
            assert_eq!(guest.open(&ticket).await.location(), "/");
            let request = || {
                let request = guest.client.request(Method::GET, path);
                let request = request.header(header::COOKIE, format!("{BADGE}={}", guest.jar[BADGE]));
                request.body(Body::default()).unwrap()
            };
            let answer = match http2 {
                false => guest.client.send(request()).await.unwrap(),
                true => over_http2(&guest, request()).await,
            };
            let mut body = begun(answer).await;
            // Who signs out in another browser is not meant.
            let mut other = crate::browser::Browser::new(&setting.switchboard);
            other.submit("/web/action/sign_in", &account).await.goes_to();
            other.submit("/web/action/sign_out", &[]).await.goes_to();
            let again = begun(guest.client.send(request()).await.unwrap()).await;
            drop(again);
            bob.submit("/web/action/sign_out", &[]).await.goes_to();
            let end = within(SOON, "the answer is cut off", body.frame()).await;
            assert!(matches!(end, Some(Err(_))), "an end that looks like one: {end:?}, {path}, HTTP/2 {http2}");
            bob.submit("/web/action/sign_in", &account).await.goes_to();
        }
    }
    telephone.shutdown().await;
    setting.telephone.shutdown().await;
}
