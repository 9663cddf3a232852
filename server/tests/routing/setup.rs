//! What the tests here have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::support::{Body, Client, Origin, Switchboard, full, text};

/// A backend that says its name and counts how often it was asked; its health check is not counted.
pub struct Named {
    pub origin: Origin,
    asked: Arc<AtomicUsize>,
}

impl Named {
    pub async fn start(name: &'static str) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let origin = Origin::start(move |request| {
            let is_check = request.uri().path() == "/health";
            if !is_check {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            async move { Response::new(full(name)) }
        });
        Self { origin: origin.await, asked }
    }

    pub fn address(&self) -> String {
        self.origin.address.to_string()
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Makes something over the API.
pub async fn make(switchboard: &Switchboard, what: &str, fields: Value) -> Value {
    let (status, made) = switchboard.client().post(&format!("/api/v1/{what}"), &fields).await;
    assert_eq!(status, 201, "{what} {fields}: {made}");
    made
}

/// Changes something over the API.
pub async fn change(switchboard: &Switchboard, path: &str, fields: Value) -> Value {
    let (status, changed) = switchboard.client().patch(&format!("/api/v1/{path}"), &fields).await;
    assert_eq!(status, 200, "{path} {fields}: {changed}");
    changed
}

/// A service whose backends are not checked, so that nothing but the requests of a test is seen.
pub async fn unchecked_service(switchboard: &Switchboard, name: &str, more: Value) -> Value {
    let mut fields = json!({"name": name, "health_check": {"enabled": false}});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    make(switchboard, "services", fields).await
}

/// A visitor of this host.
pub fn visitor(switchboard: &Switchboard, host: &str) -> Client {
    Client::new(switchboard.address, host)
}

/// Asks once the change has arrived in the engine, which the answer to a change does not wait for.
pub async fn until_served(client: &Client, path: &str, expected: &str) {
    let mut last = String::new();
    let arrives = async {
        loop {
            let (status, text) = client.text(path).await;
            if status == 200 && text.contains(expected) {
                return;
            }
            last = format!("{status} {text}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let arrived = tokio::time::timeout(std::time::Duration::from_secs(10), arrives).await;
    assert!(arrived.is_ok(), "{path} was not answered with {expected:?}; the last answer was {last}");
}

/// Status, headers and text of one request.
pub async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
    body: Body,
) -> (StatusCode, HeaderMap, String) {
    let mut request = client.request(method, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = client.send(request.body(body).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, text(response).await)
}
