//! Requests with everything about their answers.

use http::{HeaderMap, Method, Request, header};
use serde_json::{Value, json};

use crate::contract;
use crate::support::{Body, Client, Switchboard, full, whole};

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    /// The status with the code of the error.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.json["error"]["code"].as_str().unwrap_or("(none)"))
    }

    /// The status with the field at fault.
    pub(crate) fn at_fault(&self) -> (u16, &str) {
        (self.status, self.json["error"]["field"].as_str().unwrap_or("(none)"))
    }
}

/// Sends JSON, or nothing when it is null.
pub(crate) async fn call(client: &Client, method: &str, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { Body::default() } else { full(body.to_string()) };
    let request =
        client.request(method.parse::<Method>().unwrap(), path).header(header::CONTENT_TYPE, "application/json");
    send(client, request.body(body).unwrap()).await
}

pub(crate) async fn send(client: &Client, request: Request<Body>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().to_string());
    let response = client.send(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = whole(response).await;
    contract::check(client, &method, &path, status, &headers, &body).await;
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status, headers, json }
}

/// Registers a second account, which is a member's, and signs it in.
pub(crate) async fn member(switchboard: &Switchboard) -> Client {
    let anonymous = switchboard.client().bearer("");
    let account = json!({"email": "bob@example.com", "password": "a different long one"});
    let created = call(&anonymous, "POST", "/api/v1/auth/register", account.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let tokens = call(&anonymous, "POST", "/api/v1/auth/login", account).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    anonymous.bearer(tokens.json["access_token"].as_str().unwrap())
}

/// The settings under which [`member`] works.
pub(crate) const OPEN: &[(&str, &str)] = &[("SWITCHBOARD_SIGNUP", "open")];
