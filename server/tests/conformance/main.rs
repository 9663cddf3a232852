//! Bytes as they are, on both ends: what is ambiguous is refused and never reaches the origin, whether it is a backend
//! that is an address or a local server behind a telephone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod expectations;
mod recorder;
mod refused;
mod requests;
mod responses;
mod retries;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use recorder::Recorder;
use serde_json::json;
use support::{Client, Switchboard, until};
use telephone::AgentHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
        Self::of(Switchboard::start().await).await
    }

    /// With these settings.
    async fn open_with(settings: &[(&str, &str)]) -> Self {
        // With some of them the first account would need the set-up code.
        let home = Switchboard::start().await.stop().await;
        let mut switchboard = Switchboard::start_in(home, settings).await;
        switchboard.sign_in().await;
        Self::of(switchboard).await
    }

    async fn of(switchboard: Switchboard) -> Self {
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
    /// A connection to write to and read from piece by piece.
    async fn connect(&self) -> Conversation {
        Conversation {
            stream: TcpStream::connect(self.address).await.unwrap(),
            read: Vec::new(),
            host: self.host.clone(),
        }
    }

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

/// What is written to a switchboard and read from it, by and by.
struct Conversation {
    stream: TcpStream,
    read: Vec<u8>,
    host: String,
}

impl Conversation {
    /// Writes these bytes, in which `HOST` stands for the host.
    async fn write(&mut self, bytes: &str) {
        self.stream.write_all(bytes.replace("HOST", &self.host).as_bytes()).await.unwrap();
    }

    /// Reads until `end` has come, and gives what came up to it.
    async fn read_to(&mut self, end: &str) -> String {
        support::within(Duration::from_secs(30), end, async {
            loop {
                let text = String::from_utf8_lossy(&self.read).into_owned();
                if let Some(at) = text.find(end) {
                    self.read.drain(..at + end.len());
                    return text[..at + end.len()].to_owned();
                }
                assert!(self.stream.read_buf(&mut self.read).await.unwrap() > 0, "no {end:?} in {text:?}");
            }
        })
        .await
    }
}
