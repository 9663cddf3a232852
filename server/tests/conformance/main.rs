//! Bytes as they are, on both ends: what is ambiguous is refused and never reaches the origin, whether it is a backend
//! that is an address or a local server behind a telephone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recorder;
mod refused;
mod requests;
mod responses;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use recorder::Recorder;
use serde_json::json;
use support::{Client, Switchboard, until};
use telephone::AgentHandle;

/// A switchboard with two ways to the same kind of origin.
struct Ways {
    _switchboard: Switchboard,
    ways: [Way; 2],
    _telephone: AgentHandle,
}

/// A host and the origin behind it.
struct Way {
    name: &'static str,
    host: String,
    origin: Recorder,
    address: SocketAddr,
}

impl Ways {
    async fn open() -> Self {
        let switchboard = Switchboard::start().await;
        let (direct, tunnelled) = (Recorder::start().await, Recorder::start().await);
        let service = json!({"name": "raw", "health_check": {"enabled": false}, "resilience": {"eject_after": 0}});
        for (what, fields) in [
            ("services", service),
            ("backends", json!({"address": direct.address.to_string(), "service": "raw"})),
            ("domains", json!({"domain": "direct.example.com", "service": "raw"})),
        ] {
            let (status, made) = switchboard.client().post(&format!("/api/v1/{what}"), &fields).await;
            assert_eq!(status, 201, "{made}");
        }
        let (_, token) = switchboard.token().await;
        let target = telephone::Target::parse(&tunnelled.address.to_string()).unwrap();
        let telephone =
            telephone::Agent::builder(switchboard.url(), &token).target(target).subdomain("raw").start().unwrap();
        telephone.ready().await.unwrap();
        let address = switchboard.address;
        let ways = [
            Way { name: "direct", host: "direct.example.com".to_owned(), origin: direct, address },
            Way { name: "tunnel", host: format!("raw.localhost:{}", address.port()), origin: tunnelled, address },
        ];
        for way in &ways {
            until(Duration::from_secs(10), way.name, async || way.client().text("/").await.0 == 200).await;
            way.origin.forget();
        }
        Self { _switchboard: switchboard, ways, _telephone: telephone }
    }
}

impl Way {
    fn client(&self) -> Client {
        Client::new(self.address, &self.host)
    }

    /// Writes these bytes, in which `HOST` stands for the host, and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let request = request.replace("HOST", &self.host);
        let answer = self.client();
        support::within(Duration::from_secs(30), self.name, answer.raw(request.as_bytes())).await
    }
}
