//! What the tests here have in common.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use telephone::AgentHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{handshake::derive_accept_key, protocol::Role};

use super::support::{Body, Client, Origin, Switchboard, full, text, until};

/// What is recorded is there within a second; the machine may be busy.
pub const RECORDED: Duration = Duration::from_secs(60);

/// A switchboard with a tunnel whose local server answers with JSON.
pub struct Setup {
    pub switchboard: Switchboard,
    pub api: Client,
    pub visitor: Client,
    /// `/api/v1/tunnels/…`
    pub tunnel: String,
    _telephone: AgentHandle,
    _origin: Origin,
}

impl Setup {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let switchboard = Switchboard::start_with(settings).await;
        let origin = Origin::start(async |request| answer(request)).await;
        let telephone = switchboard.telephone("shop", &origin).await;
        let api = switchboard.client();
        let tunnel = switchboard.tunnel("shop").await;
        let tunnel = format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap());
        let visitor = switchboard.visitor("shop");
        Self { switchboard, api, visitor, tunnel, _telephone: telephone, _origin: origin }
    }

    /// Says what is to be recorded.
    pub async fn capture(&self, settings: Value) {
        let path = format!("{}/capture", self.tunnel);
        let request = self.api.request(http::Method::PUT, &path).header(header::CONTENT_TYPE, "application/json");
        let response = self.api.send(request.body(full(settings.to_string())).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{}", text(response).await);
    }

    /// Sends a request, and waits until it is recorded.
    pub async fn send(&self, request: Request<Body>) -> Value {
        let path = request.uri().path().to_owned();
        let sent = self.visitor.send(request).await.unwrap();
        let id = sent.headers()["x-request-id"].to_str().unwrap().to_owned();
        text(sent).await;
        self.recorded(&id, &path).await
    }

    pub async fn recorded(&self, id: &str, what: &str) -> Value {
        let path = format!("{}/requests/{id}", self.tunnel);
        until(RECORDED, what, async || self.api.get(&path).await.0 == 200).await;
        self.api.get(&path).await.1
    }

    /// What is recorded, newest first, that a query finds.
    pub async fn found(&self, query: &str) -> Vec<String> {
        let (status, found) = self.api.get(&format!("{}/requests?{query}", self.tunnel)).await;
        assert_eq!(status, 200, "{query}: {found}");
        let ids = found["items"].as_array().unwrap().iter();
        ids.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn get(&self, path: &str) -> Request<Body> {
        self.visitor.request(http::Method::GET, path).body(Body::default()).unwrap()
    }

    pub fn post(&self, path: &str, content_type: &str, body: impl Into<bytes::Bytes>) -> Request<Body> {
        let request = self.visitor.request(http::Method::POST, path).header(header::CONTENT_TYPE, content_type);
        request.body(full(body)).unwrap()
    }
}

fn answer(request: Request<hyper::body::Incoming>) -> Response<Body> {
    match request.uri().path() {
        "/socket" => return echo(request),
        "/events" => {
            let events = "event: one\ndata: {\"pin\":\"SECRET\"}\n\ndata: two\n\n";
            let response = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
            return response.body(full(events)).unwrap();
        }
        _ => {}
    }
    let status = if request.uri().path() == "/missing" { 404 } else { 200 };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::SET_COOKIE, "session=SECRET-set-cookie; Path=/; Secure; Expires=Wed, 21 Oct 2037 07:28:00 GMT")
        .header("X-Answer", "yes")
        .header("x-answer", "again")
        .body(full(json!({"path": request.uri().path(), "card": {"number": "SECRET-response"}}).to_string()))
        .unwrap()
}

/// A WebSocket that says again what is said to it.
fn echo(mut request: Request<hyper::body::Incoming>) -> Response<Body> {
    let accept = derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    });
    Response::builder()
        .status(101)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::default())
        .unwrap()
}
