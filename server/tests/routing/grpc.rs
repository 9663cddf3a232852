//! gRPC: HTTP/2 from the client to the backend, with what it cannot do without: a trailer behind the body.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::setup::{make, unchecked_service, visitor};
use super::support::{Body, Switchboard, streamed, until};
use std::time::Duration;

/// A backend that speaks HTTP/2 only, sends back what it gets, and says in a trailer how it went.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(async |request: Request<hyper::body::Incoming>| {
                assert_eq!(request.version(), Version::HTTP_2);
                assert_eq!(request.headers()[header::TE], "trailers");
                assert!(
                    ["1.1 switchboard", "2 switchboard"].contains(&request.headers()[header::VIA].to_str().unwrap())
                );
                let (pieces, body) = streamed();
                tokio::spawn(async move {
                    let mut asked = request.into_body();
                    while let Some(Ok(frame)) = asked.frame().await {
                        pieces.send(Ok(frame)).await.ok();
                    }
                    let status =
                        HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
                    pieces.send(Ok(Frame::trailers(status))).await.ok();
                });
                let response = Response::builder().header(header::CONTENT_TYPE, "application/grpc");
                Ok::<_, std::convert::Infallible>(response.body(body).unwrap())
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn a_stream_of_messages_passes_both_ways_with_its_trailer() {
    let switchboard = Switchboard::start().await;
    let backend = echo().await;
    unchecked_service(&switchboard, "grpc", json!({})).await;
    make(&switchboard, "backends", json!({"address": format!("h2c://{backend}"), "service": "grpc"})).await;
    make(&switchboard, "domains", json!({"domain": "grpc.example.com", "service": "grpc"})).await;
    let plain = visitor(&switchboard, "grpc.example.com");
    until(Duration::from_secs(10), "the route", async || {
        let request = plain.request(http::Method::POST, "/echo.Echo/Say").header(header::TE, "trailers");
        plain.send(request.body(Body::default()).unwrap()).await.unwrap().status() == 200
    })
    .await;

    let stream = TcpStream::connect(switchboard.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake::<_, _, Body>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (pieces, body) = streamed();
    let request = Request::post("http://grpc.example.com/echo.Echo/Say")
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    let response = client.send_request(request.body(body).unwrap()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[header::CONTENT_TYPE]),
        (200, &"application/grpc".parse().unwrap())
    );
    // The version of HTTP in which the message came to it.
    assert_eq!(response.headers()[header::VIA], "2 switchboard");
    let mut answer = response.into_body();
    for n in 0..5_u8 {
        let message = Bytes::from(vec![0, 0, 0, 0, 1, n]);
        pieces.send(Ok(Frame::data(message.clone()))).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), message);
    }
    drop(pieces);
    let trailers = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}
