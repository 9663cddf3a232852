//! The real program, asked by schemathesis what the API's document says can be asked, and what it says cannot: no answer
//! is an error of ours, and each is one that the document has.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Client, Programs};
use tokio::process::Command;

/// How it asks.
const HOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis/schemathesis.toml");

/// Something made, whose id is asked for by this name.
async fn made(client: &Client, name: &'static str, path: &str, body: Value) -> (&'static str, String) {
    let (status, made) = client.post(&format!("/api/v1/{path}"), &body).await;
    assert_eq!(status, 201, "{made}");
    let id = if path == "backends" { &made["key"] } else { &made["id"] };
    (name, id.as_str().unwrap().to_owned())
}

/// One of each.
async fn things(client: &Client) -> Vec<(&'static str, String)> {
    let route = json!({"domain": "app.example.com", "mount": "/api", "service": "shop"});
    let alert = json!({"name": "away", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/x"});
    let region = json!({"name": "eu", "public_url": "https://eu.example.com"});
    vec![
        made(client, "ST_TUNNEL", "tunnels", json!({"subdomain": "shop"})).await,
        made(client, "ST_SERVICE", "services", json!({"name": "shop"})).await,
        made(client, "ST_BACKEND", "backends", json!({"id": "web", "service": "shop", "address": "127.0.0.1:1"})).await,
        made(client, "ST_DOMAIN", "domains", json!({"domain": "app.example.com", "service": "shop"})).await,
        made(client, "ST_ROUTE", "routes", route).await,
        made(client, "ST_REGION", "regions", region).await,
        made(client, "ST_ALERT", "alerts", alert).await,
        made(client, "ST_TUNNEL_TOKEN", "tokens", json!({"name": "laptop"})).await,
        made(client, "ST_USER", "auth/register", json!({"email": "bob@example.com", "password": "a long enough one"}))
            .await,
    ]
}

#[tokio::test]
#[ignore = "it needs schemathesis, which `cargo xtask test` sets up"]
async fn every_call_answers_as_the_document_says() {
    let program = std::env::var_os("SCHEMATHESIS_BIN").map_or_else(|| "schemathesis".into(), PathBuf::from);
    // Nobody answers there: no name server of the outside is asked.
    let settings = [("SWITCHBOARD_DNS_RESOLVER", "127.0.0.1:9"), ("SWITCHBOARD_SIGNUP", "open")];
    let programs = Programs::start_in_files(&settings).await;
    let client = programs.client();
    let things = things(&client).await;

    let document = format!("http://{}/api/v1/openapi.json", programs.address);
    let mut command = Command::new(program);
    command.args(["--no-color", "--config-file", HOW, "run", &document]).envs(things);
    command.env("ST_TOKEN", client.token().unwrap());
    command.env("ST_HOST", format!("localhost:{}", programs.address.port()));
    // What it keeps goes with the server's data.
    command.current_dir(programs.folder()).env("HYPOTHESIS_STORAGE_DIRECTORY", programs.folder().join("hypothesis"));
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    // The token was good to the end.
    assert_eq!(client.get("/api/v1/me").await.0, 200, "{said}");
}
