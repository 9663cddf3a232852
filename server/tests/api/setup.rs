//! Backends, and domains that lead to them.

use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use crate::answer::{Answer, call};
use crate::support::{Client, Origin, Switchboard, full, until};

/// How long a change may take until requests notice it. A deadline for a test that hangs, nothing to measure by.
const LIVE: Duration = Duration::from_secs(10);

/// A web server that answers everything with this text.
pub(crate) async fn origin(text: &'static str) -> Origin {
    Origin::start(move |_| std::future::ready(Response::new(full(text)))).await
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Makes something, which has to succeed.
pub(crate) async fn create(client: &Client, what: &str, body: Value) -> Value {
    let created = call(client, "POST", &format!("/api/v1/{what}"), body.clone()).await;
    assert_eq!(created.status, 201, "{what} {body}: {created:?}");
    created.json
}

/// Makes a backend of the service `default`.
pub(crate) async fn backend(client: &Client, id: &str, origin: &Origin, tags: &[&str]) -> Value {
    create(client, "backends", json!({"id": id, "address": origin.address.to_string(), "tags": tags})).await
}

pub(crate) async fn get(client: &Client, path: &str) -> Answer {
    call(client, "GET", &format!("/api/v1/{path}"), Value::Null).await
}

pub(crate) async fn post(client: &Client, path: &str, body: Value) -> Answer {
    call(client, "POST", &format!("/api/v1/{path}"), body).await
}

pub(crate) async fn put(client: &Client, path: &str, body: Value) -> Answer {
    call(client, "PUT", &format!("/api/v1/{path}"), body).await
}

pub(crate) async fn delete(client: &Client, path: &str) -> Answer {
    call(client, "DELETE", &format!("/api/v1/{path}"), Value::Null).await
}

/// A client of any host.
pub(crate) fn visitor(switchboard: &Switchboard, host: &str) -> Client {
    Client::new(switchboard.address, &format!("{host}:{}", switchboard.address.port()))
}

/// Waits until a GET of this path of this host is answered so.
pub(crate) async fn answers(switchboard: &Switchboard, host: &str, path: &str, status: u16, text: &str) {
    let visitor = visitor(switchboard, host);
    until(LIVE, &format!("{host}{path} answers {status} {text:?}"), async || {
        let (now, body) = visitor.text(path).await;
        now == status && body.contains(text)
    })
    .await;
}

/// Waits until the health check of a backend has found this.
pub(crate) async fn health(client: &Client, backend: &str, status: &str) {
    until(LIVE, &format!("{backend} is {status}"), async || {
        get(client, &format!("backends/{backend}")).await.json["health"]["status"] == status
    })
    .await;
}
