//! A name that leads where members may go when it is looked at, and inside when it is connected to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::answer::{OPEN, member};
use crate::browser::Browser;
use crate::name_server::NameServer;
use crate::setup::{answers, create, get, health, post, put, visitor};
use crate::support::{Body, Fault, Origin, Provider, Switchboard, full, until};

const SOON: Duration = Duration::from_secs(60);
/// Where members may go, and where not.
const ALLOWED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const INSIDE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Two servers with one port, of which a name can only tell the address.
struct Two {
    port: u16,
    asked: [Arc<AtomicUsize>; 2],
    _origins: [Origin; 2],
}

impl Two {
    async fn start() -> Self {
        let (allowed, inside) = loop {
            let inside = TcpListener::bind((INSIDE, 0)).await.unwrap();
            // The same port is nearly always free at both.
            if let Ok(allowed) = TcpListener::bind((ALLOWED, inside.local_addr().unwrap().port())).await {
                break (allowed, inside);
            }
        };
        let port = inside.local_addr().unwrap().port();
        let asked = [Arc::<AtomicUsize>::default(), Arc::default()];
        let counting = |listener, asked: &Arc<AtomicUsize>| {
            let asked = asked.clone();
            Origin::on(listener, move |_| {
                asked.fetch_add(1, Ordering::SeqCst);
                // No connection is kept, so that each request needs a look at the name.
                let response = Response::builder().header("connection", "close").body(full("here")).unwrap();
                std::future::ready(response)
            })
        };
        let origins = [counting(allowed, &asked[0]), counting(inside, &asked[1])];
        Self { port, asked, _origins: origins }
    }

    fn allowed(&self) -> usize {
        self.asked[0].load(Ordering::SeqCst)
    }

    /// How often the one was asked that nobody may reach.
    fn inside(&self) -> usize {
        self.asked[1].load(Ordering::SeqCst)
    }
}

fn settings<'a>(resolver: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("SWITCHBOARD_MEMBER_NETWORKS", "127.0.0.2/32"), ("SWITCHBOARD_UPSTREAM_RESOLVER", resolver)];
    [OPEN, &own, more].concat()
}

#[tokio::test]
async fn backends_health_checks_and_replays_follow_no_name_inside() {
    let (names, two) = (NameServer::start().await, Two::start().await);
    names.set_address("app.example", &ALLOWED.to_string());
    let resolver = names.address.to_string();
    let switchboard = Switchboard::start_with(&settings(&resolver, &[("SWITCHBOARD_CAPTURE_LEVEL", "headers")])).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    create(&bob, "services", json!({"name": "default", "health_check": {"enabled": false}})).await;
    let address = format!("app.example:{}", two.port);
    let made = create(&bob, "backends", json!({"id": "web", "address": address, "tags": ["v1"]})).await;
    let domain = json!({"domain": "bob.example.com", "owner": "bob@example.com", "enabled_backends_tag": "v1"});
    let domain = create(&admin, "domains", domain).await["id"].as_str().unwrap().to_owned();
    answers(&switchboard, "bob.example.com", "/", 200, "here").await;

    names.set_address("app.example", &INSIDE.to_string());
    let visitor = visitor(&switchboard, "bob.example.com");
    // As long as the last answer holds it is the same place; then it is none.
    until(SOON, "it is refused", async || visitor.text("/").await.0 == 502).await;
    let answer = visitor.send(visitor.request(Method::GET, "/secret").body(Body::default()).unwrap()).await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.headers()["x-switchboard-error"], "address_refused");
    let place = format!("domains/{domain}/requests/{id}");
    until(SOON, "it is recorded", async || get(&bob, &place).await.status == StatusCode::OK).await;
    let replayed = post(&bob, &format!("{place}/replay"), json!({"to": {"backend": made["key"]}})).await;
    assert_eq!(replayed.status, 200, "{replayed:?}");
    let again = replayed.json["exchanges"][0]["id"].as_str().unwrap().to_owned();
    let place = format!("domains/{domain}/requests/{again}");
    until(SOON, "the replay is recorded", async || get(&bob, &place).await.status == StatusCode::OK).await;
    assert_eq!(get(&bob, &place).await.json["error"], "address_refused");
    let check = json!({"enabled": true, "path": "/", "interval_seconds": 1, "unhealthy_after": 1, "healthy_after": 1});
    put(&bob, "services/default", json!({"health_check": check})).await;
    health(&bob, "web", "unhealthy").await;
    assert_eq!(two.inside(), 0);

    // It is found again when it is back where it was.
    names.set_address("app.example", &ALLOWED.to_string());
    health(&bob, "web", "healthy").await;
    answers(&switchboard, "bob.example.com", "/", 200, "here").await;
}

#[tokio::test]
async fn webhooks_follow_no_name_inside() {
    let (names, two) = (NameServer::start().await, Two::start().await);
    names.set_address("hook.example", &ALLOWED.to_string());
    let resolver = names.address.to_string();
    let switchboard = Switchboard::start_with(&settings(&resolver, &[])).await;
    let bob = member(&switchboard).await;
    let alert = json!({
        "name": "down", "kind": "tunnel_offline", "webhook": format!("http://hook.example:{}/hook", two.port),
    });
    let alert = create(&bob, "alerts", alert).await["id"].as_str().unwrap().to_owned();
    let last = async || get(&bob, &format!("alerts/events?alert={alert}")).await.json["items"][0].clone();
    let tested = post(&bob, &format!("alerts/{alert}/test"), Value::Null).await;
    assert_eq!(tested.status, 202, "{tested:?}");
    until(SOON, "the notice is delivered", async || last().await["delivery"] == "delivered").await;
    assert_eq!(two.allowed(), 1);

    names.set_address("hook.example", &INSIDE.to_string());
    // Whoever asks before the last answer has lost its hold is delivered where that led.
    until(SOON, "a notice is refused", async || {
        let told = post(&bob, &format!("alerts/{alert}/test"), Value::Null).await.json["id"].clone();
        until(SOON, "it is tried", async || {
            let event = last().await;
            event["id"] == told && (event["delivery"] == "delivered" || !event["last_error"].is_null())
        })
        .await;
        last().await["last_error"].as_str().is_some_and(|error| error.contains("may not be connected to"))
    })
    .await;
    assert_eq!(two.inside(), 0);
}

#[tokio::test]
async fn what_a_sign_in_provider_names_follows_no_name_inside() {
    let (names, two) = (NameServer::start().await, Two::start().await);
    names.set_address("tokens.example", &ALLOWED.to_string());
    let (resolver, provider) = (names.address.to_string(), Provider::start().await);
    provider.fail(Fault::TokensAt(format!("http://tokens.example:{}/token", two.port)));
    let of_provider = provider.settings();
    let of_provider: Vec<_> = of_provider.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let switchboard = Switchboard::start_with(&settings(&resolver, &of_provider)).await;
    let sign_in = async || {
        let mut browser = Browser::new(&switchboard);
        let out = browser.open("/web/login/oidc").await.goes_to().to_owned();
        let back = provider.visit(&out).await;
        let back = &back[back.find("/web/login/oidc/callback?").unwrap()..];
        assert_eq!(browser.open(back).await.goes_to(), "/web/login?error=oidc_away");
    };
    sign_in().await;
    assert_eq!(two.allowed(), 1, "it is no token, but it was asked for one");
    names.set_address("tokens.example", &INSIDE.to_string());
    until(SOON, "it is not asked any more", async || {
        let before = two.allowed();
        sign_in().await;
        two.allowed() == before
    })
    .await;
    assert_eq!(two.inside(), 0);
}
