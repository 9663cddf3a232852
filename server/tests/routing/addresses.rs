//! The kinds of addresses that a backend has.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::task::AbortOnDropHandle;

use super::certificates::Authority;
use super::setup::{change, make, unchecked_service, until_served, visitor};
use super::support::{Client, Programs, Switchboard, until};

/// Answers whatever is asked, until the other end has enough.
async fn pages(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = vec![0; 4096];
    while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nreached").await.unwrap();
        stream.flush().await.unwrap();
    }
}

/// A backend with this address behind app.example.com.
async fn behind(switchboard: &Switchboard, address: &str) -> Client {
    unchecked_service(switchboard, "app", json!({})).await;
    make(switchboard, "backends", json!({"id": "app", "address": address, "service": "app"})).await;
    make(switchboard, "domains", json!({"domain": "app.example.com", "service": "app"})).await;
    visitor(switchboard, "app.example.com")
}

/// A web server on https with a certificate of this authority: its address.
async fn secured(authority: &Authority) -> (String, AbortOnDropHandle<()>) {
    let acceptor = authority.acceptor("localhost", &["http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not like the certificate leaves.
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(pages(stream));
            }
        }
    });
    (address, AbortOnDropHandle::new(task))
}

#[tokio::test]
async fn the_certificate_of_an_https_backend_counts_unless_its_owner_says_otherwise() {
    let (address, _origin) = secured(&Authority::new()).await;
    let switchboard = Switchboard::start().await;
    let visitor = behind(&switchboard, &address).await;
    until(Duration::from_secs(10), "the route", async || visitor.text("/").await.0 != 404).await;
    assert_eq!(visitor.text("/").await.0, 502);
    change(&switchboard, "backends/app", json!({"tls_verify": false})).await;
    until_served(&visitor, "/", "reached").await;
    change(&switchboard, "backends/app", json!({"tls_verify": true})).await;
    until(Duration::from_secs(10), "it counts again", async || visitor.text("/").await.0 == 502).await;
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_the_system_trusts_is_enough() {
    let (trusted, unknown) = (Authority::new(), Authority::new());
    let [(good, _good), (bad, _bad)] = [secured(&trusted).await, secured(&unknown).await];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authorities.pem");
    let certificate = BASE64_STANDARD.encode(&trusted.certificate);
    std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n")).unwrap();
    let programs = Programs::start_with(&[("SSL_CERT_FILE", file.to_str().unwrap())]).await;
    let client = programs.client();
    for (name, address) in [("good", good), ("bad", bad)] {
        let host = format!("{name}.example.com");
        for (what, fields) in [
            ("services", json!({"name": name, "health_check": {"enabled": false}})),
            ("backends", json!({"id": name, "address": address, "service": name})),
            ("domains", json!({"domain": host, "service": name})),
        ] {
            let (status, made) = client.post(&format!("/api/v1/{what}"), &fields).await;
            assert_eq!(status, 201, "{what}: {made}");
        }
        let visitor = Client::new(programs.address, &host);
        until(Duration::from_secs(10), "the route", async || visitor.text("/").await.0 != 404).await;
        let answer = visitor.text("/").await;
        assert_eq!((answer.0, answer.1 == "reached"), if name == "good" { (200, true) } else { (502, false) });
    }
}

#[tokio::test]
async fn a_unix_socket_is_a_backend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let _origin = AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            tokio::spawn(pages(listener.accept().await.unwrap().0));
        }
    }));
    let switchboard = Switchboard::start().await;
    let visitor = behind(&switchboard, &format!("unix:{}", path.display())).await;
    until_served(&visitor, "/", "reached").await;
}
