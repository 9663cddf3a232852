//! Every kind of secret is made and used through the real program, which logs all it can, and is then looked for wherever it
//! might have got to.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Response, header};
use serde_json::{Value, json};
use telephone::{Agent, Target};
use tokio::process::Command;

use crate::support::{Body, Client, Origin, Programs, Switchboard, full, text, until};

/// For what is a matter of milliseconds, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(60);
const JWT_SECRET: &str = "leaktest-signs-access-tokens-0123456789";
const SMTP_PASSWORD: &str = "leaktest-of-the-mail-server";
const BASIC_PASSWORD: &str = "leaktest at the front door";
const HEADER: &str = "leaktest-for-the-backend";
const HOOK: &str = "leaktest-in-the-address-of-a-hook";
const VISITORS: &str = "leaktest-of-a-visitor";

/// What is looked for, by what it is.
#[derive(Default)]
struct Secrets(BTreeMap<&'static str, Vec<u8>>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: impl Into<Vec<u8>>) {
        let secret = secret.into();
        assert!(secret.len() >= 16, "{what} is too short to be looked for");
        self.0.insert(what, secret);
    }

    /// Nothing of them is in `bytes`, besides what is excepted.
    fn are_not_in(&self, place: &str, bytes: &[u8], excepted: &[&str]) {
        for (what, secret) in self.0.iter().filter(|(what, _)| !excepted.contains(what)) {
            let found = bytes.windows(secret.len()).position(|window| window == secret);
            let around = found.map(|at| {
                let bytes = &bytes[at.saturating_sub(200)..bytes.len().min(at + 200)];
                String::from_utf8_lossy(bytes).into_owned()
            });
            assert_eq!(around, None, "{what} is in {place}");
        }
    }

    fn are_in_no_file(&self, folder: &Path, excepted: &[&str]) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => self.are_in_no_file(&path, excepted),
                false => self.are_not_in(&path.display().to_string(), &std::fs::read(&path).unwrap(), excepted),
            }
        }
    }
}

/// The answer to a call with this `Authorization`, headers and all.
async fn answer(client: &Client, method: Method, path: &str, authorization: &str, body: String) -> String {
    let request = client.request(method, path).header(header::CONTENT_TYPE, "application/json");
    let request = match authorization {
        "" => request,
        said => request.header(header::AUTHORIZATION, said),
    };
    let response = client.send(request.body(full(body)).unwrap()).await.unwrap();
    format!("{:?}\n{}", response.headers().clone(), text(response).await)
}

async fn signed_in_by_form(client: &Client, url: &str) -> String {
    let form = format!("email={}&password={}", Switchboard::EMAIL, Switchboard::PASSWORD.replace(' ', "+"));
    let request = client
        .request(Method::POST, "/web/action/sign_in")
        .header(header::ORIGIN, url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = client.send(request.body(full(form)).unwrap()).await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn said(json: &Value, key: &str) -> String {
    json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}")).to_owned()
}

#[tokio::test]
async fn no_secret_gets_to_where_others_look() {
    let mut secrets = Secrets::default();
    let settings = [
        ("SWITCHBOARD_LOG_LEVEL", "trace"),
        ("SWITCHBOARD_CAPTURE_LEVEL", "bodies"),
        ("SWITCHBOARD_JWT_SECRET", JWT_SECRET),
        ("SWITCHBOARD_SMTP_URL", "smtp://leaks@127.0.0.1:9?tls=none"),
        ("SWITCHBOARD_SMTP_FROM", "Switchboard <switchboard@example.com>"),
        ("SWITCHBOARD_SMTP_PASSWORD", SMTP_PASSWORD),
    ];
    let mut programs = Programs::start_with(&settings).await;
    let (client, url) = (programs.client(), programs.url());
    secrets.add("the key of access tokens", JWT_SECRET);
    secrets.add("the mail server's password", SMTP_PASSWORD);
    secrets.add("a password", Switchboard::PASSWORD);
    secrets.add("a password in a form", Switchboard::PASSWORD.replace(' ', "+"));

    // People and programs sign in.
    let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
    let tokens = client.post("/api/v1/auth/login", &account).await.1;
    let (access, refresh) = (said(&tokens, "access_token"), said(&tokens, "refresh_token"));
    let renewed = client.post("/api/v1/auth/refresh", &json!({"refresh_token": refresh})).await.1;
    secrets.add("a refresh token", refresh);
    secrets.add("a renewed refresh token", said(&renewed, "refresh_token"));
    secrets.add("an access token", access.clone());
    let cookie = signed_in_by_form(&client, &url).await;
    secrets.add("a session's cookie", cookie.split_once('=').unwrap().1);
    let mut pages = String::new();
    for path in ["/web", "/web/settings", "/web/tokens"] {
        let request = client.request(Method::GET, path).header(header::COOKIE, &cookie);
        pages += &text(client.send(request.body(Body::default()).unwrap()).await.unwrap()).await;
    }

    // A telephone serves a tunnel with a password in front, and a domain gives a backend a secret.
    let token = client.post("/api/v1/tokens", &json!({"name": "laptop"})).await.1;
    secrets.add("a tunnel token", said(&token, "token"));
    // What an application itself puts into a body is recorded with it, so this one says nothing.
    let origin = Origin::start(async |_| Response::new(full("fine"))).await;
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(&url, said(&token, "token")).target(target).subdomain("shop").start().unwrap();
    agent.ready().await.unwrap();
    let tunnel = said(&client.get("/api/v1/tunnels").await.1["items"][0], "id");
    let users = json!([{"name": "ada", "password": BASIC_PASSWORD}]);
    let front = answer(
        &client,
        Method::PUT,
        &format!("/api/v1/tunnels/{tunnel}/front"),
        "",
        json!({"basic_auth": {"users": users}}).to_string(),
    )
    .await;
    assert!(front.contains("ada"), "{front}");
    let basic = BASE64_STANDARD.encode(format!("ada:{BASIC_PASSWORD}"));
    secrets.add("a visitor's password", BASIC_PASSWORD);
    secrets.add("a visitor's password as it is sent", basic.clone());
    secrets.add("a visitor's cookie", VISITORS);
    let visitor = programs.visitor("shop");
    until(SOON, "a password is asked for", async || visitor.text("/").await.0 == 401).await;
    let request = visitor.request(Method::GET, "/").header(header::AUTHORIZATION, format!("Basic {basic}"));
    let request = request.header(header::COOKIE, format!("session={VISITORS}"));
    let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    drop(response);
    let backend = json!({"id": "one", "address": origin.address.to_string()});
    assert_eq!(client.post("/api/v1/backends", &backend).await.0, 201);
    let set = json!({"request": {"set": {"Authorization": HEADER}}});
    let domain = json!({"domain": "app.example.com", "service": "default", "headers": set});
    let made = client.post("/api/v1/domains", &domain).await;
    assert_eq!(made.0, 201, "{}", made.1);
    secrets.add("a header for a backend", HEADER);

    // Notices are signed, and the address of the one who gets them may be secret.
    let hook = format!("http://{}/{HOOK}", origin.address);
    let alert = json!({"name": "down", "kind": "tunnel_offline", "tunnel_id": tunnel, "webhook": hook});
    let (status, alert) = client.post("/api/v1/alerts", &alert).await;
    assert_eq!(status, 201, "{alert}");
    secrets.add("the key of a webhook", said(&alert, "secret"));
    secrets.add("the address of a webhook", HOOK);
    let id = said(&alert, "id");
    assert_eq!(client.post(&format!("/api/v1/alerts/{id}/test"), &Value::Null).await.0, 202);
    let events = format!("/api/v1/alerts/events?alert={id}");
    until(SOON, "the notice is delivered", async || client.get(&events).await.1.to_string().contains("\"delivered\""))
        .await;

    // What is wrong is told without what was said.
    let mut answers = String::new();
    for (path, authorization, body) in [
        (
            "/api/v1/auth/login",
            "",
            json!({"email": "ada@example.com", "password": [Switchboard::PASSWORD]}).to_string(),
        ),
        ("/api/v1/auth/login", "", json!({"email": Switchboard::PASSWORD, "password": "x"}).to_string()),
        ("/api/v1/auth/login", "", format!("{{\"email\": \"{}", Switchboard::PASSWORD)),
        ("/api/v1/auth/refresh", "", json!({"refresh_token": renewed["refresh_token"], "x": 1}).to_string()),
        ("/api/v1/tokens", &format!("Bearer {access}x"), "{}".to_owned()),
        ("/api/v1/tokens", &format!("Basic {basic}"), "{}".to_owned()),
        ("/api/v1/tokens", &format!("Bearer {}", said(&token, "token")), "{}".to_owned()),
    ] {
        let client = Client::new(programs.address, &format!("localhost:{}", programs.address.port()));
        answers += &answer(&client, Method::POST, path, authorization, body).await;
    }
    let recorded = format!("/api/v1/tunnels/{tunnel}/requests");
    until(SOON, "the visit is recorded", async || {
        client.get(&recorded).await.1["items"].as_array().is_some_and(|items| !items.is_empty())
    })
    .await;
    for path in [recorded.as_str(), "/api/v1/alerts", &events, "/api/v1/tokens", "/api/v1/domains", "/api/v1/revisions"]
    {
        pages += &client.get(path).await.1.to_string();
    }
    let metrics = Client::new(programs.metrics, "localhost").text("/metrics").await.1;

    agent.shutdown().await;
    programs.switchboard.terminate();
    assert!(programs.switchboard.ended().await.success());
    let data = programs.folder().to_owned();
    let mut export = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    export.args(["export", "--data-dir"]).arg(&data).envs(programs.database()).current_dir(&data);
    let export = export.output().await.unwrap();
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));

    // These are used as they are: who may read the database or change the alert may read them.
    let stored = ["the key of a webhook", "the address of a webhook", "a header for a backend"];
    secrets.are_in_no_file(&data, &stored);
    let log = programs.switchboard.everything();
    assert!(log.contains("TRACE") && log.contains("telephone connected"), "the log is all there");
    secrets.are_not_in("the log", log.as_bytes(), &[]);
    secrets.are_not_in("metrics", metrics.as_bytes(), &[]);
    secrets.are_not_in("the export", &export.stdout, &[]);
    secrets.are_not_in("an answer", answers.as_bytes(), &[]);
    secrets.are_not_in("what the dashboard and the API show", pages.as_bytes(), &["the address of a webhook"]);
}
