//! The real program, asked by schemathesis what the API's document says can be asked, and what it says cannot: no answer
//! is an error of ours, and each is one that the document has.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../web/browser.rs"]
mod browser;
#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../web/oidc/setup.rs"]
mod oidc;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use browser::Browser;
use serde_json::{Value, json};
use support::{Client, Programs, Provider, Switchboard, until};
use tokio::process::Command;

/// How it asks.
const HOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis/schemathesis.toml");

/// Until a request is recorded. A deadline for a test that hangs.
const RECORDED: Duration = Duration::from_secs(60);

/// An id, and what it is asked for by.
type Thing = (&'static str, String);

/// Something made, whose id is asked for by this name.
async fn made(client: &Client, name: &'static str, path: &str, body: Value) -> Thing {
    let (status, made) = client.post(&format!("/api/v1/{path}"), &body).await;
    assert_eq!(status, 201, "{made}");
    let id = if path == "backends" { &made["key"] } else { &made["id"] };
    (name, id.as_str().unwrap().to_owned())
}

/// The first of a list for which this holds.
async fn listed(client: &Client, name: &'static str, path: &str, is: impl Fn(&Value) -> bool) -> Thing {
    let (status, list) = client.get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, 200, "{list}");
    let found = list["items"].as_array().unwrap().iter().find(|item| is(item));
    (name, found.unwrap_or_else(|| panic!("{path}: {list}"))["id"].as_str().unwrap().to_owned())
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
        made(client, "ST_INVITATION", "invitations", json!({"email": "carol@example.com"})).await,
        made(client, "ST_PERSONAL_TOKEN", "me/tokens", json!({"name": "laptop", "scopes": ["read"]})).await,
        changed(client, "ST_REVISION").await,
    ]
}

/// A change of something that is there for that.
async fn changed(client: &Client, name: &'static str) -> Thing {
    let (_, id) = made(client, name, "services", json!({"name": "changed"})).await;
    assert_eq!(client.patch(&format!("/api/v1/services/{id}"), &json!({"balance": "weighted"})).await.0, 200);
    listed(client, name, &format!("revisions?object={id}"), |_| true).await
}

/// A browser and a program in which the same account is signed in besides, and an identity of it at the provider.
async fn ways_in(programs: &Programs, provider: &Provider) -> Vec<Thing> {
    let client = programs.client();
    let mut browser =
        Browser { client: client.clone().bearer(""), origin: programs.url(), cookie: None, journey: None };
    let form = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    assert_eq!(browser.submit("/web/action/sign_in", &form).await.goes_to(), "/web");
    let linked = oidc::link(&mut browser, provider, Switchboard::PASSWORD).await;
    assert_eq!(linked.goes_to(), "/web/settings?done=identity_linked");
    let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
    assert_eq!(client.post("/api/v1/auth/login", &account).await.0, 200);
    vec![
        listed(&client, "ST_SESSION", "me/sessions", |_| true).await,
        // Not the one that asks.
        listed(&client, "ST_PROGRAM", "me/programs", |program| program["current"] == false).await,
        listed(&client, "ST_IDENTITY", "me/identities", |_| true).await,
    ]
}

/// A recorded request to each of what has an inspector. Nobody answers any of them.
async fn recorded(programs: &Programs, things: &[Thing]) -> Vec<Thing> {
    let client = programs.client();
    let port = programs.address.port();
    let mut recorded = Vec::new();
    for (name, of, kind, host, path) in [
        ("ST_TUNNEL_REQUEST", "ST_TUNNEL", "tunnels", "shop.localhost", "/"),
        ("ST_DOMAIN_REQUEST", "ST_DOMAIN", "domains", "app.example.com", "/"),
        ("ST_ROUTE_REQUEST", "ST_ROUTE", "routes", "app.example.com", "/api"),
    ] {
        let (_, id) = things.iter().find(|(name, _)| *name == of).unwrap();
        let place = format!("/api/v1/{kind}/{id}");
        assert_eq!(client.patch(&format!("{place}/capture"), &json!({"level": "bodies"})).await.0, 200);
        let visitor = Client::new(programs.address, &format!("{host}:{port}"));
        until(RECORDED, &format!("a request to {host}{path} is recorded"), async || {
            visitor.text(path).await;
            client.get(&format!("{place}/requests")).await.1["items"][0].is_object()
        })
        .await;
        recorded.push(listed(&client, name, &format!("{kind}/{id}/requests"), |_| true).await);
    }
    recorded
}

#[tokio::test]
#[ignore = "it needs schemathesis, which `cargo xtask test` sets up"]
async fn every_call_answers_as_the_document_says() {
    let program = std::env::var_os("SCHEMATHESIS_BIN").map_or_else(|| "schemathesis".into(), PathBuf::from);
    let provider = Provider::start().await;
    let settings = provider.settings();
    let mut settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    settings.extend([
        // Nobody answers there: no name server of the outside is asked.
        ("SWITCHBOARD_DNS_RESOLVER", "127.0.0.1:9"),
        ("SWITCHBOARD_SIGNUP", "open"),
        // Requests need not wait for telephones: there are none.
        ("SWITCHBOARD_HOLD_TIMEOUT", "0s"),
    ]);
    let programs = Programs::start_in_files(&settings).await;
    let client = programs.client();
    let mut things = things(&client).await;
    things.extend(ways_in(&programs, &provider).await);
    things.extend(recorded(&programs, &things).await);

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
