//! Secrets of what is served, and of who visits it.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, header};
use serde_json::{Value, json};

use super::{Stage, part, said};
use crate::support::{Body, Client, Origin, Program, text, until};

/// For what is a matter of milliseconds, on a machine that has other things to do.
pub(super) const SOON: Duration = Duration::from_secs(120);
const BASIC: &str = "leaktest at the front door";
const HEADER: &str = "leaktest-for-the-backend";
const KEY: &str = "leaktest-of-an-interface";
const HOOK: &str = "leaktest-in-the-address-of-a-hook";
const VISITORS: &str = "leaktest-of-a-visitor";

/// What the address of a webhook is called: its owner may read it.
pub(super) const ADDRESS: &str = "the address of a webhook";

/// Telephones that serve, until they are ended.
pub(super) async fn are_served(stage: &mut Stage, origin: &Origin) -> Vec<Program> {
    let telephones = telephones(stage, origin).await;
    doors(stage).await;
    rules(stage, origin).await;
    webhooks(stage, origin).await;
    telephones
}

/// One with a token, and one with what that was exchanged for.
async fn telephones(stage: &mut Stage, origin: &Origin) -> Vec<Program> {
    let (id, token) = stage.programs.token().await;
    let rotated = said(&stage.post(&format!("/tokens/{id}/rotate"), &json!({"overlap_seconds": 3600})).await, "token");
    let short = said(&stage.post(&format!("/tokens/{id}/exchange"), &json!({})).await, "token");
    let trace = ["--log-level", "trace"];
    let telephones = vec![
        stage.programs.telephone_with(&rotated, "shop", origin.address, &trace).await,
        stage.programs.telephone_with(&short, "short", origin.address, &trace).await,
    ];
    assert_eq!(stage.programs.visitor("short").text("/").await.0, 200);
    let mut diagnose = stage.programs.telephone_command();
    let target = origin.address.to_string();
    diagnose.args(["diagnose", &target, "--json", "--server", &stage.programs.url()]).env("TELEPHONE_TOKEN", &rotated);
    let told = diagnose.output().await.unwrap();
    stage.show("what diagnose tells", [told.stdout, told.stderr].concat());
    stage.refused("/tokens", &format!("Bearer {rotated}"), "{}".to_owned()).await;
    stage.secrets.add("a tunnel token", token);
    stage.secrets.add("a rotated tunnel token", rotated);
    stage.secrets.add("the signature of a short-lived token", part(&short, "."));
    stage.secrets.add("a short-lived token", short);
    telephones
}

/// A password, and a link that spares it, in front of a tunnel.
async fn doors(stage: &mut Stage) {
    let client = stage.programs.client();
    let tunnel = stage.tunnel("shop").await;
    let users = json!([{"name": "ada", "password": BASIC}]);
    let front = format!("/api/v1/tunnels/{tunnel}/front");
    let (status, set) = client.patch(&front, &json!({"basic_auth": {"users": users}})).await;
    assert_eq!(status, 200, "{set}");
    let link =
        stage.post(&format!("/tunnels/{tunnel}/front/links"), &json!({"name": "review", "expires_in": 600})).await;
    let link = said(&link, "query");
    stage.secrets.add("a visitor's password", BASIC);
    stage.secrets.add("a link that lets in", part(&link, "="));
    stage.secrets.add("a visitor's cookie", VISITORS);
    let visitor = stage.programs.visitor("shop");
    until(SOON, "a password is asked for", async || visitor.text("/").await.0 == 401).await;
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ada:{BASIC}")));
    let cookie = format!("session={VISITORS}");
    let seen = ask(&visitor, "/a", &[("authorization", &basic), ("cookie", &cookie)]).await;
    assert_eq!(seen.0, 200, "{}", seen.2);
    let sent = ask(&visitor, &format!("/b?{link}&c=d"), &[]).await;
    assert_eq!(sent.0, 303, "{}", sent.2);
    let kept = sent.1.split(';').next().unwrap().to_owned();
    stage.secrets.add("the cookie of a link that lets in", part(&kept, "="));
    assert_eq!(ask(&visitor, "/b", &[("cookie", &kept)]).await.0, 200);
    // Wrong ones are no less secret: somebody has mistyped a right one.
    let wrong = format!("Basic {}", BASE64_STANDARD.encode(format!("ada:{BASIC}!")));
    assert_eq!(ask(&visitor, &format!("/c?{link}x"), &[("authorization", &wrong)]).await.0, 403);
}

/// A domain whose backend is given secrets, and that only those see who are signed in to the dashboard.
async fn rules(stage: &mut Stage, origin: &Origin) {
    stage.secrets.add("a header for a backend", HEADER);
    stage.secrets.add("a header for visitors", KEY);
    stage.post("/backends", &json!({"id": "one", "address": origin.address.to_string()})).await;
    let headers = json!({"request": {"set": {"Authorization": HEADER}}, "response": {"set": {"X-Api-Key": KEY}}});
    let domain = json!({"domain": "app.example.com", "service": "default", "headers": headers});
    stage.post("/domains", &domain).await;
    stage
        .post(
            "/routes",
            &json!({"domain": "app.example.com", "mount": "/api", "service": "default", "headers": headers}),
        )
        .await;
    let client = stage.programs.client();
    let changed = json!({"headers": {"request": {"set": {"Authorization": format!("{HEADER}-2")}}}});
    assert_eq!(client.patch("/api/v1/domains/app.example.com", &changed).await.0, 200);
    let front = json!({"sign_in": {"who": "anybody"}});
    assert_eq!(client.patch("/api/v1/domains/app.example.com/front", &front).await.0, 200);
    enter(stage).await;
}

async fn enter(stage: &mut Stage) {
    let address = stage.programs.address;
    let visitor = Client::new(address, &format!("app.example.com:{}", address.port()));
    let html = ("accept", "text/html,*/*;q=0.8");
    until(SOON, "somebody is asked to sign in", async || ask(&visitor, "/page", &[html]).await.0 == 303).await;
    let response = visitor.request(Method::GET, "/page").header(html.0, html.1).body(Body::default()).unwrap();
    let response = visitor.send(response).await.unwrap();
    let entry = response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let way = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let page = stage.browser.open(&way[way.find("/web/").unwrap()..]).await.body;
    let link = page[page.find("<a href=\"http").unwrap()..].split('"').nth(1).unwrap().replace("&amp;", "&");
    let ticket = url::Url::parse(&link).unwrap();
    for (name, value) in ticket.query_pairs() {
        stage.secrets.add(&format!("a ticket, as {name}"), value.as_bytes());
    }
    let path = format!("{}?{}", ticket.path(), ticket.query().unwrap());
    let entered = ask(&visitor, &path, &[html, ("cookie", &entry)]).await;
    assert_eq!(entered.0, 303, "{}", entered.2);
    let badge = entered.1.split(';').next().unwrap().to_owned();
    stage.secrets.add("what a browser keeps while it signs in in front", part(&entry, "="));
    stage.secrets.add("a badge", part(&badge, "="));
    let inside = ask(&visitor, "/page", &[html, ("cookie", &badge)]).await;
    assert_eq!(inside.0, 200, "{}", inside.2);
    // A ticket is good once.
    assert_ne!(ask(&visitor, &path, &[html, ("cookie", &entry)]).await.0, 200);
}

/// Notices are signed, and the address of the one who gets them may be secret.
async fn webhooks(stage: &mut Stage, origin: &Origin) {
    let tunnel = stage.tunnel("shop").await;
    let hook = format!("http://{}/{HOOK}", origin.address);
    let alert = json!({"name": "down", "kind": "tunnel_offline", "tunnel_id": tunnel, "webhook": hook});
    let alert = stage.post("/alerts", &alert).await;
    stage.secrets.add("the key of a webhook", said(&alert, "secret"));
    stage.secrets.add(ADDRESS, HOOK);
    let id = said(&alert, "id");
    let rotated = stage.post(&format!("/alerts/{id}/rotate"), &Value::Null).await;
    stage.secrets.add("a rotated key of a webhook", said(&rotated, "secret"));
    stage.post(&format!("/alerts/{id}/test"), &Value::Null).await;
    let (client, events) = (stage.programs.client(), format!("/api/v1/alerts/events?alert={id}"));
    until(SOON, "the notice is delivered", async || client.get(&events).await.1.to_string().contains("\"delivered\""))
        .await;
}

/// Status, cookie and body.
async fn ask(client: &Client, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut request = client.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.send(request.body(Body::default()).unwrap()).await.unwrap();
    let cookies = response.headers().get_all(header::SET_COOKIE).iter();
    let cookie = cookies.map(|value| value.to_str().unwrap().to_owned()).find(|line| !line.contains("Max-Age=0"));
    (response.status().as_u16(), cookie.unwrap_or_default(), text(response).await)
}
