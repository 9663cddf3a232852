//! Notices by webhook: tried again, signed, kept over a restart, and only where they may go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::answer::{OPEN, call, member};
use crate::receiver::{Receiver, SOON, alert, events};
use crate::support::{Origin, Switchboard, full, until};

#[tokio::test]
async fn what_is_refused_is_tried_again_with_the_same_id() {
    let switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(2).await;
    let client = switchboard.client();
    let (id, secret) = alert(&client, &receiver.url(), json!({"kind": "tunnel_offline", "name": "shop is down"})).await;
    let told = call(&client, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await;
    assert_eq!((told.status, &told.json["delivery"]), (202, &json!("pending")));
    for attempt in 1..=3 {
        let posted = receiver.next(&secret).await;
        assert_eq!(posted.path, "/hook?x=1");
        let json = posted.json;
        assert_eq!(
            (&json["id"], &json["attempt"], &json["type"]),
            (&told.json["id"], &json!(attempt), &json!("alert.test"))
        );
        assert_eq!((&json["alert"]["id"], &json["alert"]["name"]), (&json!(id), &json!("shop is down")));
    }
    until(SOON, "the notice is delivered", async || events(&client, &id).await[0]["delivery"] == "delivered").await;
    let event = &events(&client, &id).await[0];
    assert_eq!((&event["attempts"], &event["last_error"]), (&json!(3), &Value::Null));
    assert!(event["target"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{event}");
    assert!(!event["target"].as_str().unwrap().contains("hook"), "its path may be a secret: {event}");
}

#[tokio::test]
async fn what_was_not_delivered_is_sent_after_a_restart() {
    let mut switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(1).await;
    let (id, secret) = alert(&switchboard.client(), &receiver.url(), json!({"kind": "tunnel_offline"})).await;
    let told = call(&switchboard.client(), "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await.json;
    let refused = receiver.next(&secret).await;
    assert_eq!(refused.json["id"], told["id"]);
    switchboard = Switchboard::start_in(switchboard.stop().await, &[]).await;
    let again = receiver.next(&secret).await;
    assert_eq!(again.json["id"], told["id"]);
    switchboard.sign_in().await;
    let client = switchboard.client();
    until(SOON, "the notice is delivered", async || events(&client, &id).await[0]["delivery"] == "delivered").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let switchboard = Switchboard::start().await;
    let led = Arc::new(AtomicUsize::new(0));
    let counted = led.clone();
    let other = Origin::start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Response::new(full("")) }
    })
    .await;
    let location = format!("http://{}/", other.address);
    let redirecting = Origin::start(move |_| {
        let moved = Response::builder().status(307).header("location", &location).body(full("")).unwrap();
        async { moved }
    })
    .await;
    let client = switchboard.client();
    let url = format!("http://{}/hook", redirecting.address);
    let (id, _) = alert(&client, &url, json!({"kind": "tunnel_offline"})).await;
    call(&client, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await;
    until(SOON, "it is refused", async || !events(&client, &id).await[0]["last_error"].is_null()).await;
    let event = &events(&client, &id).await[0];
    assert!(event["last_error"].as_str().unwrap().contains("307"), "{event}");
    assert_eq!(led.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn members_reach_private_networks_only_where_that_is_allowed() {
    let mut receiver = Receiver::start(0).await;
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let written = json!({"name": "down", "kind": "tunnel_offline", "webhook": receiver.url()});
    assert_eq!(call(&bob, "POST", "/api/v1/alerts", written).await.at_fault(), (422, "webhook"));
    let by_name = receiver.url().replace("127.0.0.1", "localhost");
    let (id, _) = alert(&bob, &by_name, json!({"kind": "tunnel_offline"})).await;
    call(&bob, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await;
    until(SOON, "it is refused", async || !events(&bob, &id).await[0]["last_error"].is_null()).await;
    let event = &events(&bob, &id).await[0];
    let error = event["last_error"].as_str().unwrap();
    assert!(error.contains("may not be connected to") && error.contains("member_networks"), "{event}");
    assert_eq!(event["delivery"], "pending");

    let settings = [OPEN[0], ("SWITCHBOARD_MEMBER_NETWORKS", "127.0.0.0/8, ::1")];
    let switchboard = Switchboard::start_with(&settings).await;
    let bob = member(&switchboard).await;
    let (id, secret) = alert(&bob, &receiver.url(), json!({"kind": "tunnel_offline"})).await;
    call(&bob, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await;
    assert_eq!(receiver.next(&secret).await.json["alert"]["id"], json!(id));
    // The server itself stays out of reach.
    let own = format!("http://localhost:{}/api/v1/health", switchboard.address.port());
    let (id, _) = alert(&bob, &own, json!({"kind": "tunnel_offline"})).await;
    call(&bob, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await;
    until(SOON, "it is refused", async || !events(&bob, &id).await[0]["last_error"].is_null()).await;
    let error = events(&bob, &id).await[0]["last_error"].to_string();
    assert!(error.contains("is this switchboard itself"), "{error}");
}

#[tokio::test]
async fn a_notice_of_an_alert_that_is_gone_is_given_up() {
    let switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(usize::MAX).await;
    let client = switchboard.client();
    let (id, secret) = alert(&client, &receiver.url(), json!({"kind": "tunnel_offline"})).await;
    call(&client, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await;
    receiver.next(&secret).await;
    assert_eq!(
        call(&client, "DELETE", &format!("/api/v1/alerts/{id}"), Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    until(SOON, "it is given up", async || events(&client, &id).await[0]["delivery"] == "failed").await;
    assert_eq!(events(&client, &id).await[0]["last_error"], "the alert was deleted");
}
