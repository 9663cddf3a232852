//! What the tests here have in common.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Client, Home, Origin, Switchboard, until};

/// Clients are who the test says.
const TRUSTING: &[(&str, &str)] = &[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")];

/// Figures are there a second after the traffic, and the database is written every ten.
pub const MEASURED: Duration = Duration::from_secs(30);

/// Makes something over the API.
pub async fn make(switchboard: &Switchboard, what: &str, fields: Value) -> Value {
    let (status, made) = switchboard.client().post(&format!("/api/v1/{what}"), &fields).await;
    assert_eq!(status, 201, "{what} {fields}: {made}");
    made
}

pub async fn get(switchboard: &Switchboard, path: &str) -> Value {
    let (status, answer) = switchboard.client().get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// A service behind app.example.com, whose backends take turns.
pub async fn service(switchboard: &Switchboard, origins: &[&Origin]) -> Client {
    let app = json!({"name": "app", "balance": "round_robin", "health_check": {"enabled": false}});
    make(switchboard, "services", app).await;
    for (place, origin) in origins.iter().enumerate() {
        let backend = json!({"id": format!("app-{place}"), "address": origin.address.to_string(), "service": "app"});
        make(switchboard, "backends", backend).await;
    }
    make(switchboard, "domains", json!({"domain": "app.example.com", "service": "app"})).await;
    until(Duration::from_secs(10), "the route", async || {
        let explained = json!({"url": "http://app.example.com/"});
        let (_, explained) = switchboard.client().post("/api/v1/routes/explain", &explained).await;
        explained["outcome"]["kind"] == "service"
    })
    .await;
    Client::new(switchboard.address, "app.example.com")
}

/// Waits until so many requests of a subject are measured.
pub async fn until_measured(switchboard: &Switchboard, subject: &str, requests: usize) {
    until(MEASURED, &format!("{requests} requests of {subject}"), async || {
        get(switchboard, &format!("{subject}/breakdown?range=1h")).await["requests"] == requests
    })
    .await;
}

/// A switchboard that believes who its clients say they are, with an account: the first one is not made by whoever may come
/// through a proxy.
pub async fn trusting() -> Switchboard {
    restart(Switchboard::start().await).await
}

/// Stops a switchboard and starts another on what it has left.
pub async fn restart(switchboard: Switchboard) -> Switchboard {
    let home: Home = switchboard.stop().await;
    let mut switchboard = Switchboard::start_in(home, TRUSTING).await;
    switchboard.sign_in().await;
    switchboard
}
