//! Conversations that go on for as long as a test wants: whatever is said is to be heard back.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Body, Client, Origin, Programs, streamed, within};

/// Far longer than a word is on its way.
const SOON: Duration = Duration::from_secs(60);
const WORD: &[u8] = b"still there? ";

/// A local server that says back what it hears, over whatever it is asked by.
pub async fn echo() -> Origin {
    Origin::start(async |mut request: Request<Incoming>| {
        if !request.headers().contains_key(header::UPGRADE) {
            return Response::new(Body::new(request.into_body().map_err(std::io::Error::other)));
        }
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            // It is cut when a test says so.
            let _cut = tokio::io::copy(&mut from, &mut to).await;
            let _cut = to.shutdown().await;
        });
        let response = Response::builder().status(101).header(header::CONNECTION, "upgrade");
        response.header(header::UPGRADE, "echo").body(Body::default()).unwrap()
    })
    .await
}

/// A host whose backend is this address.
pub async fn at_address(programs: &Programs, origin: &Origin) -> Client {
    let api = programs.client();
    for (what, fields) in [
        ("services", json!({"name": "shop", "health_check": {"enabled": false}})),
        ("backends", json!({"address": origin.address.to_string(), "service": "shop"})),
        ("domains", json!({"domain": "shop.example.com", "service": "shop"})),
    ] {
        let (status, made) = api.post(&format!("/api/v1/{what}"), &fields).await;
        assert_eq!(status, 201, "{made}");
    }
    Client::new(programs.address, "shop.example.com")
}

/// One of them, by what carries it.
pub enum Talk {
    /// What WebSockets are to a proxy.
    Upgraded(TokioIo<Upgraded>),
    /// An upload and a download at once.
    Http1(mpsc::Sender<std::io::Result<Frame<Bytes>>>, Incoming),
    /// The same.
    Http2(SendStream<Bytes>, RecvStream),
}

impl Talk {
    pub async fn upgraded(host: &Client) -> Self {
        let request = host.request(Method::GET, "/").header(header::CONNECTION, "Upgrade");
        let request = request.header(header::UPGRADE, "echo").body(Body::default()).unwrap();
        let response = host.send(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        Self::Upgraded(TokioIo::new(hyper::upgrade::on(response).await.unwrap()))
    }

    pub async fn http1(host: &Client) -> Self {
        let (said, body) = streamed();
        let response = host.send(host.request(Method::POST, "/").body(body).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self::Http1(said, response.into_body())
    }

    pub async fn http2(connection: &SendRequest<Bytes>, host: &str) -> Self {
        let mut connection = connection.clone().ready().await.unwrap();
        let request = Request::post(format!("http://{host}/")).body(()).unwrap();
        let (response, said) = connection.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self::Http2(said, response.into_body())
    }

    /// Says something, and hears it.
    pub async fn go_on(&mut self) {
        let heard = match self {
            Self::Upgraded(io) => {
                io.write_all(WORD).await.unwrap();
                let mut heard = vec![0; WORD.len()];
                within(SOON, "a word", io.read_exact(&mut heard)).await.unwrap();
                heard
            }
            Self::Http1(said, body) => {
                said.send(Ok(Frame::data(Bytes::from_static(WORD)))).await.unwrap();
                within(SOON, "a word", body.frame()).await.unwrap().unwrap().into_data().unwrap().to_vec()
            }
            Self::Http2(said, body) => {
                said.send_data(Bytes::from_static(WORD), false).unwrap();
                let heard = within(SOON, "a word", body.data()).await.unwrap().unwrap();
                body.flow_control().release_capacity(heard.len()).unwrap();
                heard.to_vec()
            }
        };
        assert_eq!(heard, WORD);
    }

    /// Has said all, and hears that that was all.
    pub async fn end(self) {
        match self {
            Self::Upgraded(mut io) => {
                io.shutdown().await.unwrap();
                assert_eq!(within(SOON, "the end", io.read(&mut [0])).await.unwrap(), 0);
            }
            Self::Http1(said, mut body) => {
                drop(said);
                assert!(within(SOON, "the end", body.frame()).await.is_none());
            }
            Self::Http2(mut said, mut body) => {
                said.send_data(Bytes::new(), true).unwrap();
                while let Some(data) = within(SOON, "the end", body.data()).await {
                    assert!(data.unwrap().is_empty());
                }
            }
        }
    }

    /// Hears that it was cut, not that it ended.
    pub async fn breaks_off(self) {
        match self {
            // There is no other way to tell the two halves of it.
            Self::Upgraded(mut io) => {
                assert!(matches!(within(SOON, "the cut", io.read(&mut [0])).await, Ok(0) | Err(_)))
            }
            Self::Http1(_said, mut body) => assert!(within(SOON, "the cut", body.frame()).await.unwrap().is_err()),
            Self::Http2(_said, mut body) => assert!(within(SOON, "the cut", body.data()).await.unwrap().is_err()),
        }
    }
}

/// A connection that carries many requests.
pub async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let (requests, connection) = h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    // What comes of it shows in the requests.
    tokio::spawn(connection);
    requests
}
