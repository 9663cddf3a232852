//! What is told: with a real telephone, real health checks, real traffic.

use http::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::answer::call;
use crate::receiver::{Receiver, SOON, alert, events};
use crate::support::{Client, Origin, Switchboard, full, until};

async fn firing(client: &Client, id: &str) -> Value {
    call(client, "GET", &format!("/api/v1/alerts/{id}"), Value::Null).await.json["firing"].clone()
}

#[tokio::test]
async fn a_tunnel_goes_offline_and_comes_back() {
    let mut switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(0).await;
    // A tunnel that is not in use is not told of.
    let made = call(&switchboard.client(), "POST", "/api/v1/tunnels", json!({"subdomain": "unused"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let rule = json!({"kind": "tunnel_offline", "for_seconds": 1});
    let (id, secret) = alert(&switchboard.client(), &receiver.url(), rule).await;
    let origin = Origin::echo().await;
    let telephone = switchboard.telephone("shop", &origin).await;
    telephone.shutdown().await;
    let posted = receiver.next(&secret).await;
    let json = &posted.json;
    assert_eq!((&json["type"], &json["subject"]["kind"]), (&json!("alert.firing"), &json!("tunnel")));
    assert_eq!(
        (&json["subject"]["name"], &json["subject"]["id"]),
        (&json!("shop"), &switchboard.tunnel("shop").await["id"])
    );
    assert!(json["message"].as_str().unwrap().contains("No telephone serves the tunnel shop"), "{json}");
    assert_eq!(firing(&switchboard.client(), &id).await, 1);

    // That it is offline is known after a restart, and not told again.
    switchboard = Switchboard::start_in(switchboard.stop().await, &[]).await;
    switchboard.sign_in().await;
    let client = switchboard.client();
    until(SOON, "it is known", async || firing(&client, &id).await == 1).await;
    let telephone = switchboard.telephone("shop", &origin).await;
    let posted = receiver.next(&secret).await;
    assert_eq!((&posted.json["type"], &posted.json["subject"]["name"]), (&json!("alert.recovered"), &json!("shop")));
    assert_eq!(firing(&client, &id).await, 0);
    let told: Vec<_> = events(&client, &id).await.iter().map(|event| event["state"].clone()).collect();
    assert_eq!(told, ["recovered", "firing"]);
    drop(telephone);
}

#[tokio::test]
async fn a_backend_fails_its_checks_and_passes_them_again() {
    let switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(0).await;
    let client = switchboard.client();
    let (_, secret) = alert(&client, &receiver.url(), json!({"kind": "backend_unhealthy", "for_seconds": 0})).await;
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let check = json!({"path": "/", "interval_seconds": 1, "healthy_after": 1, "unhealthy_after": 1});
    let service = json!({"name": "shop", "health_check": check});
    assert_eq!(call(&client, "POST", "/api/v1/services", service).await.status, 201);
    let backend = json!({"id": "web-1", "service": "shop", "address": address.to_string(), "tags": ["v1"]});
    assert_eq!(call(&client, "POST", "/api/v1/backends", backend).await.status, 201);
    let json = receiver.next(&secret).await.json;
    assert_eq!((&json["type"], &json["subject"]["name"]), (&json!("alert.firing"), &json!("web-1 of shop")));
    assert!(json["message"].as_str().unwrap().contains("Its last check found"), "{json}");
    let listener = TcpListener::bind(address).await.unwrap();
    let _origin = Origin::on(listener, |_| std::future::ready(Response::new(full("well"))));
    let json = receiver.next(&secret).await.json;
    assert_eq!((&json["type"], &json["subject"]["name"]), (&json!("alert.recovered"), &json!("web-1 of shop")));
}

#[tokio::test]
async fn answers_that_take_long_are_told() {
    let switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(0).await;
    let origin = Origin::echo().await;
    let _telephone = switchboard.telephone("slow", &origin).await;
    let tunnel = switchboard.tunnel("slow").await["id"].clone();
    // Nothing is quicker than a thousandth of a microsecond.
    let rule = json!({"kind": "latency", "limit": 0.000_001, "for_seconds": 0, "tunnel_id": tunnel});
    let (_, secret) = alert(&switchboard.client(), &receiver.url(), rule).await;
    for _ in 0..10 {
        assert_eq!(switchboard.visitor("slow").text("/").await.0, 200);
    }
    let json = receiver.next(&secret).await.json;
    assert_eq!((&json["subject"]["kind"], &json["subject"]["name"]), (&json!("tunnel"), &json!("slow")));
    assert!(json["value"].as_f64().unwrap() > 0.0, "{json}");
}
