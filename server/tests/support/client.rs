use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Body;

/// A client of one host, with a new connection for each request unless told otherwise.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    host: String,
    bearer: Option<String>,
}

impl Client {
    pub fn new(address: SocketAddr, host: &str) -> Self {
        Self { address, host: host.to_owned(), bearer: None }
    }

    pub fn bearer(mut self, token: &str) -> Self {
        self.bearer = (!token.is_empty()).then(|| token.to_owned());
        self
    }

    /// What it signs its requests with.
    pub fn token(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection that is kept.
    pub async fn connect(&self) -> SendRequest<Body> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        // It ends when the test lets go of the sender; tests look at what comes of their requests.
        tokio::spawn(connection.with_upgrades());
        sender
    }

    /// A request to the host; add what is special about it.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let builder = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        match &self.bearer {
            Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => builder,
        }
    }

    pub async fn send(&self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        let mut connection = self.connect().await;
        let response = connection.send_request(request).await;
        // The body may still be on its way: the connection lives as long as somebody may read it.
        tokio::spawn(async move { connection.ready().await });
        response
    }

    /// GET, for an API that answers in JSON; null for anything else.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.json(self.request(Method::GET, path).body(Body::default()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        self.json(request.body(super::full(body.to_string())).unwrap()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(Method::PATCH, path).header(header::CONTENT_TYPE, "application/json");
        self.json(request.body(super::full(body.to_string())).unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.json(self.request(Method::DELETE, path).body(Body::default()).unwrap()).await
    }

    async fn json(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.send(request).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&whole(response).await).unwrap_or(Value::Null))
    }

    /// GET of a page or a tunnel: status and text.
    pub async fn text(&self, path: &str) -> (u16, String) {
        let response = self.send(self.request(Method::GET, path).body(Body::default()).unwrap()).await.unwrap();
        (response.status().as_u16(), text(response).await)
    }

    /// Writes bytes as they are and reads until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub async fn whole(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

pub async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(whole(response).await.to_vec()).unwrap()
}
