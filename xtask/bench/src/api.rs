//! The REST API of a switchboard, as far as it takes to set up a tunnel or a domain.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::http::Connection;

const ACCOUNT: (&str, &str) = ("bench@example.com", "correct horse battery staple");

/// A signed-in account.
pub struct Api {
    connection: Connection,
    host: String,
    bearer: String,
}

impl Api {
    /// Creates the first account of a new switchboard and signs in.
    ///
    /// # Errors
    /// When the switchboard does not answer as it should.
    pub async fn register(address: SocketAddr) -> anyhow::Result<Self> {
        let connection = Connection::open(address).await?;
        let host = format!("localhost:{}", address.port());
        let mut api = Self { connection, host, bearer: String::new() };
        let account = json!({"email": ACCOUNT.0, "password": ACCOUNT.1});
        api.post("/api/v1/auth/register", &account).await?;
        let tokens = api.post("/api/v1/auth/login", &account).await?;
        api.bearer = text(&tokens, "access_token")?;
        Ok(api)
    }

    /// Connects anew, after the switchboard was started again.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn reconnect(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        self.connection = Connection::open(address).await?;
        Ok(())
    }

    /// Creates a token for telephones; its secret.
    ///
    /// # Errors
    /// When the switchboard refuses.
    pub async fn token(&mut self) -> anyhow::Result<String> {
        let token = self.post("/api/v1/tokens", &json!({"name": "bench"})).await?;
        text(&token, "token")
    }

    /// Has a domain lead to a backend, whose health is not checked.
    ///
    /// # Errors
    /// When the switchboard refuses.
    pub async fn lead(&mut self, domain: &str, backend: SocketAddr) -> anyhow::Result<()> {
        let service = json!({"name": "bench", "health_check": {"enabled": false}});
        self.post("/api/v1/services", &service).await?;
        let backend = json!({"address": backend.to_string(), "service": "bench"});
        self.post("/api/v1/backends", &backend).await?;
        self.post("/api/v1/domains", &json!({"domain": domain, "service": "bench"})).await?;
        Ok(())
    }

    async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let authorization = match self.bearer.as_str() {
            "" => String::new(),
            bearer => format!("Authorization: Bearer {bearer}\r\n"),
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len(),
        );
        self.connection.send(request.as_bytes()).await?;
        let answer = self.connection.answer().await?;
        let body = self.connection.body(answer.length).await?;
        if !(200..300).contains(&answer.status) {
            bail!("POST {path} was answered {}: {}", answer.status, String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| format!("POST {path} was not answered with JSON"))
    }
}

fn text(value: &Value, key: &str) -> anyhow::Result<String> {
    value[key].as_str().map(str::to_owned).with_context(|| format!("the answer has no {key}"))
}
