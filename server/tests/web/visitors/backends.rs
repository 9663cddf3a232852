//! Tunnels that are backends of a service: what stands in front of them holds there, too.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use telephone::AgentHandle;
use tokio::sync::Semaphore;

use super::guest::{Guest, OPEN, SOON, anybody, on_dashboard};
use crate::browser::Browser;
use crate::support::{Origin, Switchboard, full, text, until};

const HOST: &str = "app.example.com";

/// `app.example.com` leads to a service with the tunnel `shop`, and with `other` if there is one.
struct Service {
    switchboard: Switchboard,
    telephone: AgentHandle,
    front: String,
}

impl Service {
    async fn with(other: Option<&Origin>) -> Self {
        Self::of(Origin::mirror().await, other).await
    }

    /// `origin` is behind the tunnel.
    async fn of(origin: Origin, other: Option<&Origin>) -> Self {
        let switchboard = Switchboard::start_with(OPEN).await;
        let telephone = switchboard.telephone("shop", &origin).await;
        // It lives as long as the test.
        std::mem::forget(origin);
        let client = switchboard.client();
        let made = async |what: &str, body: Value| {
            let (status, made) = client.post(&format!("/api/v1/{what}"), &body).await;
            assert_eq!(status, 201, "{made}");
        };
        made("services", json!({"name": "pool", "balance": "round_robin", "health_check": {"enabled": false}})).await;
        made("backends", json!({"id": "by-telephone", "tunnel": "shop", "service": "pool"})).await;
        if let Some(other) = other {
            made("backends", json!({"id": "other", "address": other.address.to_string(), "service": "pool"})).await;
        }
        made("domains", json!({"domain": HOST, "service": "pool"})).await;
        let id = switchboard.tunnel("shop").await["id"].as_str().unwrap().to_owned();
        let service = Self { switchboard, telephone, front: format!("/api/v1/tunnels/{id}/front") };
        service.until(200, "").await;
        service
    }

    async fn set(&self, front: Value) {
        let (status, said) = self.switchboard.client().delete(&self.front).await;
        assert!(status < 300, "{said}");
        let (status, said) = self.switchboard.client().patch(&self.front, &front).await;
        assert_eq!(status, 200, "{said}");
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> super::guest::Seen {
        Guest::of(&self.switchboard, HOST).ask(Method::GET, "/", fields).await
    }

    async fn until(&self, status: u16, code: &str) {
        until(SOON, code, async || self.ask(&[]).await.code() == (status, code)).await;
    }

    /// Waits until it holds what a text of the explanation says.
    async fn until_explained(&self, text: &str) {
        until(SOON, text, async || self.explained().await.to_string().contains(text)).await;
    }

    async fn explained(&self) -> Value {
        let request = json!({"url": format!("http://{HOST}/")});
        self.switchboard.client().post("/api/v1/routes/explain", &request).await.1
    }
}

/// A server that says who it is.
async fn named() -> Origin {
    Origin::start(async |_| http::Response::new(full("the other one"))).await
}

#[tokio::test]
async fn who_may_come_to_a_tunnel_is_asked_of_all_who_may_be_led_there() {
    let other = named().await;
    for beside in [None, Some(&other)] {
        let service = Service::with(beside).await;
        // More often than there are backends: whose turn it is makes no difference.
        let always = async |status: u16, code: &str, fields: &[(&str, &str)]| {
            for _ in 0..4 {
                assert_eq!(service.ask(fields).await.code(), (status, code));
            }
        };
        service.set(json!({"deny": ["127.0.0.0/8"]})).await;
        service.until(403, "network_denied").await;
        always(403, "network_denied", &[]).await;
        let said = service.explained().await;
        assert_eq!(said["outcome"]["code"], "network_denied", "{said}");
        assert!(said.to_string().contains("the tunnel shop is among them"), "{said}");

        service.set(json!({"basic_auth": {"users": [{"name": "ada", "password": "correct horse"}]}})).await;
        service.until(401, "password_required").await;
        always(401, "password_required", &[]).await;
        always(200, "", &[("authorization", "Basic YWRhOmNvcnJlY3QgaG9yc2U=")]).await;
        let seen = service.ask(&[("authorization", "Basic YWRhOmNvcnJlY3QgaG9yc2U=")]).await;
        assert!(!seen.body.contains("authorization"), "{}", seen.body);

        service.set(anybody()).await;
        service.until(401, "sign_in_required").await;
        always(401, "sign_in_required", &[]).await;
        let mut bob = Browser::new(&service.switchboard);
        let account = [("email", "bob@example.com"), ("password", "a different long one")];
        assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
        let mut guest = Guest::of(&service.switchboard, HOST);
        let sent = guest.open("/").await;
        let page = bob.open(&on_dashboard(sent.location())).await;
        assert!(page.status == 200 && page.body.contains(HOST), "{}", page.body);
        assert_eq!(guest.enter(&mut bob, "/").await.status, 200);
        let claims = [("x-switchboard-user", "eve@example.com"), ("remote-user", "eve@example.com")];
        let mut told = 0;
        for _ in 0..4 {
            let seen = guest.ask(Method::GET, "/", &claims).await;
            assert!(seen.status == 200 && !seen.body.contains("eve@"), "{}", seen.body);
            told += usize::from(seen.body.contains("\nx-switchboard-user: bob@example.com\n"));
        }
        assert!(told >= 2, "the telephone's server is told who it is");

        service.set(json!({})).await;
        service.until(200, "").await;
        always(200, "", &[]).await;
        service.telephone.shutdown().await;
    }
}

#[tokio::test]
async fn what_a_tunnel_does_not_take_others_do() {
    let other = named().await;
    let service = Service::with(Some(&other)).await;
    service.set(json!({"maintenance": {"message": "Back soon"}})).await;
    let bodies = async || {
        let mut bodies = Vec::new();
        for _ in 0..4 {
            let seen = service.ask(&[]).await;
            assert_eq!(seen.status, 200, "{}", seen.body);
            bodies.push(seen.body);
        }
        bodies
    };
    let only_others = async || bodies().await.iter().all(|body| body == "the other one");
    until(SOON, "the tunnel under maintenance is given nothing", only_others).await;
    let said = service.explained().await.to_string();
    assert!(said.contains("its tunnel is under maintenance"), "{said}");

    // Two requests in an hour, and then the other one has them all.
    service.set(json!({"rate_limits": [{"per": "all", "requests": 2, "seconds": 3600}]})).await;
    service.until_explained("2 requests in 3600 s").await;
    let mut by_tunnel = 0;
    for _ in 0..3 {
        by_tunnel += bodies().await.iter().filter(|body| body.starts_with("GET")).count();
    }
    assert_eq!(by_tunnel, 2);

    // Alone it says so.
    let (status, said) = service.switchboard.client().delete("/api/v1/backends/other").await;
    assert_eq!(status, 204, "{said}");
    service.until(429, "rate_limited").await;
    assert!(service.ask(&[]).await.headers.contains_key("retry-after"));
    service.set(json!({"maintenance": {"message": "Back soon", "retry_after_seconds": 30}})).await;
    service.until(503, "maintenance").await;
    let said = service.explained().await;
    assert_eq!(said["outcome"]["code"], "maintenance", "{said}");
    service.telephone.shutdown().await;
}

#[tokio::test]
async fn how_many_a_tunnel_takes_at_once_is_its_own() {
    let (gate, arrived) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (wait, here) = (gate.clone(), arrived.clone());
    let slow = Origin::start(move |request| {
        let (wait, here) = (wait.clone(), here.clone());
        async move {
            if request.uri().path() == "/slow" {
                here.add_permits(1);
                wait.acquire().await.unwrap().forget();
            }
            http::Response::new(full("the tunnel"))
        }
    })
    .await;
    let other = named().await;
    let service = Service::of(slow, Some(&other)).await;
    service.set(json!({"max_in_flight": 1})).await;
    service.until_explained("takes 1 requests at once").await;

    // Those that the other one is given are answered; the first that the tunnel is given stays.
    let under_way = loop {
        let mut guest = Guest::of(&service.switchboard, HOST);
        let mut asked = tokio::spawn(async move { guest.ask(Method::GET, "/slow", &[]).await });
        tokio::select! {
            answered = &mut asked => assert_eq!(answered.unwrap().body, "the other one"),
            _ = arrived.acquire() => break asked,
        }
    };
    for _ in 0..6 {
        let seen = service.ask(&[]).await;
        assert_eq!((seen.status, seen.body.as_str()), (200, "the other one"));
    }
    service.until_explained("takes 1 requests at once; under way: 1").await;

    // Alone it says so, and takes the next one when the first is over.
    let (status, said) = service.switchboard.client().delete("/api/v1/backends/other").await;
    assert_eq!(status, 204, "{said}");
    service.until(503, "too_many_at_once").await;
    assert!(service.ask(&[]).await.headers.contains_key("retry-after"));
    let busy = service.switchboard.figure("switchboard_requests_refused_total{reason=\"busy\"}").await;
    assert!(busy >= 2.0, "{busy}");
    gate.add_permits(1);
    assert_eq!(under_way.await.unwrap().body, "the tunnel");
    service.until(200, "").await;
    service.telephone.shutdown().await;
}

#[tokio::test]
async fn how_fast_bytes_pass_a_tunnel_is_its_own() {
    const MIB: usize = 1 << 20;
    let service = Service::of(Origin::echo().await, None).await;
    let limits = json!([{"bytes_per_second": MIB, "direction": "up", "per": "all"},
                        {"bytes_per_second": MIB, "direction": "down", "per": "client"}]);
    service.set(json!({ "bandwidth": limits })).await;
    service.until_explained("the tunnel lets 1048576 bytes a second pass up, in all").await;
    service.until_explained("the tunnel lets 1048576 bytes a second pass down, of each client").await;
    let client = Guest::of(&service.switchboard, HOST).client;
    // Nothing can be faster than the limit lets it, however fast the machine is.
    let begun = std::time::Instant::now();
    let sent = client.request(Method::POST, "/").body(full(vec![b'y'; 2 * MIB])).unwrap();
    assert_eq!(text(client.send(sent).await.unwrap()).await.len(), 2 * MIB);
    assert!(begun.elapsed() >= Duration::from_millis(1_500), "{:?}", begun.elapsed());
    for direction in ["up", "down"] {
        let slowed = format!("switchboard_bodies_slowed_total{{direction=\"{direction}\"}}");
        assert!(service.switchboard.figure(&slowed).await >= 1.0, "{direction}");
    }
    service.telephone.shutdown().await;
}
