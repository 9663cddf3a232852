//! What tokens allow telephones, and for how long.

use std::time::Duration;

use serde_json::{Value, json};
use telephone::wire::control::ErrorCode;
use telephone::{Agent, AgentError, AgentHandle, Event, Target};

use crate::answer::call;
use crate::setup::create;
use crate::support::{Origin, Switchboard, until};

/// A deadline for a test that hangs.
const SOON: Duration = Duration::from_secs(120);

/// A telephone that has just been started.
fn dial(switchboard: &Switchboard, token: &str, subdomain: &str, origin: &Origin) -> AgentHandle {
    let target = Target::parse(&origin.address.to_string()).unwrap();
    Agent::builder(switchboard.url(), token).target(target).subdomain(subdomain).start().unwrap()
}

/// Why a telephone is sent away for good.
async fn refused(telephone: AgentHandle) -> (ErrorCode, String) {
    match telephone.ended().await {
        AgentError::Refused { code, message } => (code, message),
        other => panic!("{other}"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[tokio::test]
async fn a_telephone_comes_from_where_its_token_may_be_used() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let scope = json!({"type": "all_tunnels", "networks": ["192.0.2.0/24"]});
    let away = create(&client, "tokens", json!({"name": "away", "scope": scope})).await;
    assert_eq!(away["scope"], scope);
    let (code, message) = refused(dial(&switchboard, text(&away, "token"), "placed", &origin)).await;
    assert_eq!(code, ErrorCode::TokenScope);
    assert!(message.contains("may not be used from 127.0.0.1") && message.contains("Tokens"), "{message}");

    let scope = json!({"type": "all_tunnels", "networks": ["192.0.2.0/24", "127.0.0.0/8"]});
    let here = create(&client, "tokens", json!({"name": "here", "scope": scope})).await;
    let telephone = dial(&switchboard, text(&here, "token"), "placed", &origin);
    telephone.ready().await.unwrap();
    assert_eq!(switchboard.visitor("placed").text("/").await.0, 200);
    // The same holds for whoever would exchange it.
    let exchange = "/api/v1/tokens/exchange";
    let there = switchboard.client().bearer(text(&away, "token"));
    assert_eq!(call(&there, "POST", exchange, json!({})).await.refusal(), (403, "token_scope"));
    let here = switchboard.client().bearer(text(&here, "token"));
    assert_eq!(call(&here, "POST", exchange, json!({})).await.status, 201);
    telephone.shutdown().await;
}

#[tokio::test]
async fn telephones_that_are_refused_for_their_token_are_written_down() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let unknown = "sbt_nobody-has-ever-made-this-one";
    let token = create(&client, "tokens", json!({"name": "mine"})).await;
    let path = format!("/api/v1/tokens/{}", text(&token, "id"));
    assert_eq!(call(&client, "DELETE", &path, Value::Null).await.status, 204);
    for secret in [unknown, unknown, text(&token, "token"), unknown] {
        // They do not wait for it to be written down, so that several are under way at once.
        refused(dial(&switchboard, secret, "mine", &origin)).await;
    }
    // It keeps nobody waiting.
    until(SOON, "all of them are written down", async || {
        let log = call(&client, "GET", "/api/v1/audit?kind=telephone_refused", Value::Null).await.json;
        let events = log["items"].as_array().unwrap().iter().map(|event| (&event["detail"], &event["times"]));
        let mut events: Vec<_> = events.collect();
        events.sort_by_key(|(detail, _)| detail.to_string());
        assert!(!log.to_string().contains("sbt_"), "{log}");
        let of = log["items"].as_array().unwrap().iter().find(|event| event["detail"] == "token_revoked");
        assert!(of.is_none_or(|event| event["account_email"] == Switchboard::EMAIL), "{log}");
        events == [(&json!("token_invalid"), &json!(3)), (&json!("token_revoked"), &json!(1))]
    })
    .await;
    // Who is refused for something else is no event.
    let good = create(&client, "tokens", json!({"name": "good"})).await;
    assert_eq!(refused(dial(&switchboard, text(&good, "token"), "www", &origin)).await.0, ErrorCode::SubdomainReserved);
    let log = call(&client, "GET", "/api/v1/audit?kind=telephone_refused", Value::Null).await.json;
    assert_eq!(log["items"].as_array().unwrap().len(), 2, "{log}");
}

#[tokio::test]
async fn no_more_telephones_than_the_token_may_have() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let scope = json!({"type": "all_tunnels", "max_sessions": 2});
    let token = create(&client, "tokens", json!({"name": "two", "scope": scope})).await;
    let short = format!("/api/v1/tokens/{}/exchange", text(&token, "id"));
    let scope = json!({"type": "all_tunnels", "max_sessions": 1});
    let short = call(&client, "POST", &short, json!({"scope": scope})).await.json;

    let first = dial(&switchboard, text(&short, "token"), "one", &origin);
    first.ready().await.unwrap();
    // Each of them has a reason of its own: the first that there is one of this short-lived token, the other that there are
    // two of the token.
    let same = dial(&switchboard, text(&short, "token"), "two", &origin);
    assert!(refusal(&same).await.contains("may have 1 telephones"));
    same.shutdown().await;
    let second = dial(&switchboard, text(&token, "token"), "two", &origin);
    second.ready().await.unwrap();
    let third = dial(&switchboard, text(&token, "token"), "three", &origin);
    assert!(refusal(&third).await.contains("may have 2 telephones"));
    // It goes on trying, and gets in when there is room.
    second.shutdown().await;
    third.ready().await.unwrap();
    assert_eq!(switchboard.visitor("three").text("/").await.0, 200);
    first.shutdown().await;
    third.shutdown().await;
}

/// What the telephone is told when it may not come in yet.
async fn refusal(telephone: &AgentHandle) -> String {
    let mut events = telephone.events();
    loop {
        match events.recv().await.unwrap() {
            Event::Refused { code: ErrorCode::LimitExceeded, message } => return message,
            Event::Refused { code, message } => panic!("{code}: {message}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_telephone_signs_in_with_what_a_token_was_exchanged_for() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let (id, secret) = switchboard.token().await;
    let scope = json!({"type": "subdomains", "subdomains": ["short"]});
    let asked = json!({"expires_in": 600, "scope": scope});
    let holder = switchboard.client().bearer(&secret);
    let short = call(&holder, "POST", "/api/v1/tokens/exchange", asked).await;
    assert_eq!((short.status, &short.json["scope"]), (201, &scope));
    let short = text(&short.json, "token");

    let telephone = dial(&switchboard, short, "short", &origin);
    telephone.ready().await.unwrap();
    assert_eq!(switchboard.visitor("short").text("/").await.0, 200);
    assert_eq!(refused(dial(&switchboard, short, "other", &origin)).await.0, ErrorCode::TokenScope);
    // Neither kind is taken for the other.
    assert_eq!(call(&client.clone().bearer(short), "GET", "/api/v1/me", Value::Null).await.status, 401);
    assert_eq!(call(&client.clone().bearer(short), "POST", "/api/v1/tokens/exchange", json!({})).await.status, 401);
    let access = dial(&switchboard, &switchboard.bearer, "short", &origin);
    assert_eq!(refused(access).await.0, ErrorCode::TokenInvalid);
    // With the token ends what it was exchanged for.
    assert_eq!(client.delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    assert_eq!(refused(telephone).await.0, ErrorCode::TokenRevoked);
    assert_eq!(refused(dial(&switchboard, short, "short", &origin)).await.0, ErrorCode::TokenRevoked);
}

#[tokio::test]
async fn a_short_lived_token_ends_by_itself() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let ends = chrono::Utc::now() + chrono::TimeDelta::seconds(25);
    let token = create(&client, "tokens", json!({"name": "soon", "expires_at": ends})).await;
    let short = call(&client, "POST", &format!("/api/v1/tokens/{}/exchange", text(&token, "id")), json!({})).await;
    let telephone = dial(&switchboard, text(&short.json, "token"), "soon", &origin);
    telephone.ready().await.unwrap();
    let (code, message) = refused(telephone).await;
    assert_eq!(code, ErrorCode::TokenExpired);
    assert!(message.contains("short-lived"), "{message}");
    assert_eq!(
        refused(dial(&switchboard, text(&short.json, "token"), "soon", &origin)).await.0,
        ErrorCode::TokenExpired
    );
}

#[tokio::test]
async fn a_session_that_renews_in_time_goes_on_beyond_the_end_of_its_first_token() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let (id, _) = switchboard.token().await;
    let exchange = format!("/api/v1/tokens/{id}/exchange");
    let short = async |asked: Value| call(&client, "POST", &exchange, asked).await.json;
    let first = short(json!({"expires_in": 60})).await;
    let ends: chrono::DateTime<chrono::Utc> = text(&first, "expires_at").parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, text(&first, "token")).unwrap();
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), text(&first, "token")).target(target).subdomain("renewed");
    let telephone = agent.token_file(&file).start().unwrap();
    let session = telephone.ready().await.unwrap().session_id;
    // The token that it was exchanged for goes on being good.
    let not_renewed = dial(&switchboard, text(&first, "token"), "not-renewed", &origin);
    not_renewed.ready().await.unwrap();

    let mut events = telephone.events();
    let mut renewed = async |with: &Value| {
        std::fs::write(&file, text(with, "token")).unwrap();
        loop {
            match events.recv().await.unwrap() {
                Event::Renewed { refused } => break refused,
                Event::Disconnected { reason, .. } => panic!("{reason}"),
                _ => {}
            }
        }
    };
    // What allows less than the session was let in with does not carry it on, and does not end it.
    let less = short(json!({"scope": {"type": "subdomains", "subdomains": ["other"]}})).await;
    assert!(renewed(&less).await.is_some());
    assert_eq!(renewed(&short(json!({"expires_in": 600})).await).await, None);
    let visitor = switchboard.visitor("renewed");
    until(SOON, "the first token's end", async || {
        assert_eq!(visitor.text("/").await.0, 200);
        tokio::time::sleep(Duration::from_millis(250)).await;
        chrono::Utc::now() > ends + chrono::TimeDelta::seconds(2)
    })
    .await;
    assert_eq!(refused(not_renewed).await.0, ErrorCode::TokenExpired, "it has ended by itself");
    let tunnel = switchboard.tunnel("renewed").await;
    let sessions = client.get(&format!("/api/v1/tunnels/{}/sessions", text(&tunnel, "id"))).await.1;
    assert_eq!(text(&sessions["items"][0], "id"), session);
    telephone.shutdown().await;
}

#[tokio::test]
async fn an_old_secret_ends_when_it_is_time_and_who_has_the_new_one_stays() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let (id, old) = switchboard.token().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{old}\n")).unwrap();

    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), &*old).target(target).subdomain("stays").token_file(&file);
    let stays = agent.connections(2).start().unwrap();
    let session = stays.ready().await.unwrap().session_id;
    let leaves = dial(&switchboard, &old, "leaves", &origin);
    leaves.ready().await.unwrap();

    let mut events = stays.events();
    let rotate = format!("/api/v1/tokens/{id}/rotate?overlap_seconds=30");
    let rotated = call(&client, "POST", &rotate, Value::Null).await;
    assert_eq!(rotated.status, 200);
    assert!(rotated.json["previous_until"].is_string());
    std::fs::write(&file, text(&rotated.json, "token")).unwrap();
    loop {
        match events.recv().await.unwrap() {
            Event::Renewed { refused } => break assert_eq!(refused, None),
            Event::Disconnected { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
    // Whoever did not hear of the new secret goes with the old one.
    let (code, message) = refused(leaves).await;
    assert_eq!(code, ErrorCode::TokenRevoked);
    assert!(message.contains("another secret"), "{message}");
    let (code, _) = refused(dial(&switchboard, &old, "leaves", &origin)).await;
    assert_eq!(code, ErrorCode::TokenRevoked);
    assert_eq!(client.get("/api/v1/tokens").await.1["items"][0]["previous_until"], Value::Null);
    let tunnel = switchboard.tunnel("stays").await;
    let sessions = client.get(&format!("/api/v1/tunnels/{}/sessions", text(&tunnel, "id"))).await.1;
    let sessions = sessions["items"].as_array().unwrap();
    assert_eq!((sessions.len(), text(&sessions[0], "id")), (1, &*session), "{sessions:?}");
    assert_eq!(switchboard.visitor("stays").text("/").await.0, 200);
    stays.shutdown().await;
}

#[tokio::test]
async fn a_telephone_that_is_sent_away_looks_for_another_token_in_its_file() {
    let switchboard = Switchboard::start().await;
    let (client, origin) = (switchboard.client(), Origin::mirror().await);
    let (id, old) = switchboard.token().await;
    let (_, other) = switchboard.token().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, &old).unwrap();
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), &*old).target(target).subdomain("file").token_file(&file);
    let telephone = agent.start().unwrap();
    telephone.ready().await.unwrap();
    std::fs::write(&file, &other).unwrap();
    assert_eq!(client.delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    let visitor = switchboard.visitor("file");
    until(SOON, "it is back", async || visitor.text("/").await.0 == 200).await;
    // And when there is none, it ends.
    let tokens = client.get("/api/v1/tokens").await.1;
    let id = text(&tokens["items"][0], "id");
    assert_eq!(client.delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    assert_eq!(refused(telephone).await.0, ErrorCode::TokenRevoked);
}
