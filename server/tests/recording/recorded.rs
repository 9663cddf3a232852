//! What the tests here have in common.

use std::time::Duration;

use http::{Method, Response};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::{Body, Switchboard, full, until, whole};

/// How long the recorder may take.
pub const SOON: Duration = Duration::from_secs(20);

/// What is recorded of one tunnel or domain.
pub struct Recorded<'a> {
    switchboard: &'a Switchboard,
    /// Such as `tunnels/ID`.
    subject: String,
}

impl<'a> Recorded<'a> {
    /// Of a tunnel, by its subdomain.
    pub async fn of_tunnel(switchboard: &'a Switchboard, subdomain: &str) -> Self {
        let tunnel = switchboard.tunnel(subdomain).await;
        Self { switchboard, subject: format!("tunnels/{}", tunnel["id"].as_str().unwrap()) }
    }

    /// Of a new domain that leads to this address, or to these, the first one before the others.
    pub async fn of_domain(switchboard: &'a Switchboard, host: &str, backends: &[(&str, &str)]) -> Self {
        let client = switchboard.client();
        let service = json!({"name": "recorded", "health_check": {"enabled": false}, "balance": "round_robin"});
        let (status, made) = client.post("/api/v1/services", &service).await;
        assert_eq!(status, 201, "{made}");
        for (id, address) in backends {
            let backend = json!({"id": id, "service": "recorded", "address": address, "tags": ["blue"]});
            let (status, made) = client.post("/api/v1/backends", &backend).await;
            assert_eq!(status, 201, "{made}");
        }
        let domain = json!({"domain": host, "service": "recorded", "enabled_backends_tag": "blue"});
        let (status, made) = client.post("/api/v1/domains", &domain).await;
        assert_eq!(status, 201, "{made}");
        until(SOON, "it is routed", async || {
            let request = json!({"url": format!("http://{host}/")});
            let (status, explained) = client.post("/api/v1/routes/explain", &request).await;
            assert_eq!(status, 200, "{explained}");
            explained["outcome"]["kind"] == "service"
        })
        .await;
        Self { switchboard, subject: format!("domains/{host}") }
    }

    /// Of a new domain.
    pub async fn of_new_domain(switchboard: &'a Switchboard, domain: &Value) -> Self {
        let client = switchboard.client();
        let (status, made) = client.post("/api/v1/domains", domain).await;
        assert_eq!(status, 201, "{made}");
        let host = domain["domain"].as_str().unwrap();
        until(SOON, "it is routed", async || {
            let request = json!({"url": format!("http://{host}/")});
            let (status, explained) = client.post("/api/v1/routes/explain", &request).await;
            assert_eq!(status, 200, "{explained}");
            explained["outcome"]["code"] != "no_route"
        })
        .await;
        Self { switchboard, subject: format!("domains/{host}") }
    }

    /// Says what is to be kept.
    pub async fn keep(&self, settings: Value) {
        let client = self.switchboard.client();
        let request = client.request(Method::PUT, &format!("/api/v1/{}/capture", self.subject));
        let request = request.header("content-type", "application/json").body(full(settings.to_string())).unwrap();
        let response = client.send(request).await.unwrap();
        let status = response.status();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&whole(response).await));
    }

    /// The exchange of this answer, once it is over and recorded.
    pub async fn exchange(&self, id: &str) -> Value {
        self.once(id, |exchange| exchange["end"] != "open").await
    }

    /// The exchange of this id, once it is as it is to be.
    pub async fn once(&self, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let (client, path) = (self.switchboard.client(), format!("/api/v1/{}/requests/{id}", self.subject));
        let mut last = Value::Null;
        until(SOON, "it is recorded", async || {
            let (status, exchange) = client.get(&path).await;
            last = exchange;
            status == 200 && holds(&last)
        })
        .await;
        last
    }

    /// Whether one is recorded under this id now.
    pub async fn is_there(&self, id: &str) -> bool {
        let (status, _) = self.switchboard.client().get(&format!("/api/v1/{}/requests/{id}", self.subject)).await;
        status == 200
    }

    /// The only exchange, once it is over and recorded.
    pub async fn only(&self) -> Value {
        let (client, path) = (self.switchboard.client(), format!("/api/v1/{}/requests", self.subject));
        let mut id = String::new();
        until(SOON, "it is recorded", async || {
            let (status, list) = client.get(&path).await;
            assert_eq!(status, 200, "{list}");
            let items = list["items"].as_array().unwrap();
            assert!(items.len() < 2, "{list}");
            id = items.first().map(|item| item["id"].as_str().unwrap().to_owned()).unwrap_or_default();
            !id.is_empty()
        })
        .await;
        self.exchange(&id).await
    }

    /// What is kept of a body: that of the `request` or of the `response`.
    pub async fn body(&self, exchange: &Value, side: &str) -> Vec<u8> {
        let client = self.switchboard.client();
        let id = exchange["id"].as_str().unwrap();
        let request = client.request(Method::GET, &format!("/api/v1/{}/requests/{id}/body/{side}", self.subject));
        let response = client.send(request.body(Body::default()).unwrap()).await.unwrap();
        match response.status().as_u16() {
            200 => whole(response).await.to_vec(),
            _ => Vec::new(),
        }
    }
}

/// The id under which an answer's exchange is recorded.
pub fn id(response: &Response<Incoming>) -> String {
    response.headers()["x-request-id"].to_str().unwrap().to_owned()
}

/// A local server that answers its first request with these bytes, and then closes.
pub async fn says(bytes: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut received).await.unwrap();
        }
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    address
}

/// The names and values of a head's fields.
pub fn fields(head: &Value) -> Vec<(String, String)> {
    let text = |field: &Value, key: &str| field[key].as_str().unwrap().to_owned();
    head["fields"].as_array().unwrap().iter().map(|field| (text(field, "name"), text(field, "value"))).collect()
}
