//! Whoever tries a password hears the same, and costs the server the same, whether there is such an account or not. What
//! takes the time is the hash, so hashes are counted rather than times measured.

use http::{Method, Request, header};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::answer::{OPEN, call, member};
use crate::setup::{get, post};
use crate::support::{Body, Client, Origin, Switchboard, full, until};

const HASHES: &str = "switchboard_password_hashes_total";
const WRONG: &str = "wrong horse battery";
const BOBS: &str = "a different long one";
const SOON: std::time::Duration = std::time::Duration::from_secs(60);

/// Addresses that nobody gets in with, and what is tried.
const TRIED: [(&str, &str, &str); 5] = [
    ("a wrong password", Switchboard::EMAIL, WRONG),
    ("nobody's address", "nobody@example.com", WRONG),
    ("an invited one's", "invited@example.com", WRONG),
    ("a deactivated one's, wrong", "bob@example.com", WRONG),
    ("a deactivated one's, right", "bob@example.com", BOBS),
];

/// Somebody who is invited and somebody who is deactivated.
async fn start() -> Switchboard {
    let switchboard = Switchboard::start_with(OPEN).await;
    let admin = switchboard.client();
    member(&switchboard).await;
    assert_eq!(post(&admin, "invitations", json!({"email": "invited@example.com"})).await.status, 201);
    let bob = get(&admin, "users?search=bob").await.json["items"][0]["id"].clone();
    let deactivate = format!("users/{}/deactivate", bob.as_str().unwrap());
    assert_eq!(post(&admin, &deactivate, Value::Null).await.status, 200);
    switchboard
}

fn form(client: &Client, origin: &str, email: &str, password: &str) -> Request<Body> {
    let fields = [("email", email), ("password", password)];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    client
        .request(Method::POST, "/web/action/sign_in")
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(full(body))
        .unwrap()
}

#[tokio::test]
async fn a_refused_sign_in_says_and_costs_the_same_whatever_the_account() {
    let switchboard = start().await;
    let anyone = switchboard.client().bearer("");
    let mut heard = Vec::new();
    for (what, email, password) in TRIED {
        let before = switchboard.figure(HASHES).await;
        let account = json!({"email": email, "password": password});
        let answer = call(&anyone, "POST", "/api/v1/auth/login", account).await;
        assert_eq!(answer.refusal(), (401, "unauthorized"), "{what}");
        assert_eq!(switchboard.figure(HASHES).await - before, 1.0, "{what}, API");

        let response = anyone.send(form(&anyone, &switchboard.url(), email, password)).await.unwrap();
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        let page = location.replace(&form_urlencoded::byte_serialize(email.as_bytes()).collect::<String>(), "…");
        assert!(page.starts_with("/web/login?") && page.contains("…"), "{what}: {location}");
        assert_eq!(switchboard.figure(HASHES).await - before, 2.0, "{what}, page");
        let cookies = response.headers().get_all(header::SET_COOKIE).iter().count();
        heard.push((response.status(), page, cookies, answer.json["error"]["message"].clone()));
    }
    assert!(heard.iter().all(|one| *one == heard[0]), "{heard:?}");
}

#[tokio::test]
async fn guesses_are_slowed_down_before_any_hash_whatever_the_account() {
    let switchboard = start().await;
    let anyone = switchboard.client().bearer("");
    let mut messages = Vec::new();
    for email in [Switchboard::EMAIL, "nobody@example.com", "bob@example.com"] {
        let before = switchboard.figure(HASHES).await;
        let mut guesses = 0;
        let slowed = loop {
            let answer = call(&anyone, "POST", "/api/v1/auth/login", json!({"email": email, "password": WRONG})).await;
            if answer.status == 429 {
                break answer;
            }
            assert_eq!(answer.refusal(), (401, "unauthorized"), "{email}");
            guesses += 1;
            assert!(guesses < 50, "{email}: fifty guesses were answered");
        };
        assert!(slowed.headers.contains_key(header::RETRY_AFTER));
        assert_eq!(switchboard.figure(HASHES).await - before, f64::from(guesses), "{email}");
        messages.push(slowed.json["error"]["code"].clone());
    }
    assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
}

#[tokio::test]
async fn what_cannot_be_a_password_costs_no_hash_whatever_the_account() {
    let switchboard = start().await;
    let anyone = switchboard.client().bearer("");
    let before = switchboard.figure(HASHES).await;
    for (what, email, _) in TRIED {
        let account = json!({"email": email, "password": "x".repeat(1_000)});
        let answer = call(&anyone, "POST", "/api/v1/auth/login", account).await;
        assert_eq!(answer.refusal(), (401, "unauthorized"), "{what}");
    }
    assert_eq!(switchboard.figure(HASHES).await, before);
}

#[tokio::test]
async fn at_the_front_nobodys_name_costs_what_a_wrong_password_does() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("shop", &origin).await;
    let tunnel = switchboard.tunnel("shop").await;
    let users = json!([{"name": "eve", "password": "a password of visitors"}]);
    let path = format!("/api/v1/tunnels/{}/front", tunnel["id"].as_str().unwrap());
    assert_eq!(call(&client, "PUT", &path, json!({"basic_auth": {"users": users}})).await.status, 200);
    let visitor = switchboard.visitor("shop");
    until(SOON, "a password is asked for", async || visitor.text("/").await.0 == 401).await;
    let mut heard = Vec::new();
    for said in ["ZXZlOndyb25n", "bm9ib2R5Ondyb25n"] {
        let before = switchboard.figure(HASHES).await;
        let request = visitor.request(Method::GET, "/").header(header::AUTHORIZATION, format!("Basic {said}"));
        let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
        heard.push((response.status().as_u16(), response.headers()[header::WWW_AUTHENTICATE].clone()));
        assert_eq!(switchboard.figure(HASHES).await - before, 1.0, "{said}");
    }
    assert!(heard[0].0 == 401 && heard[0] == heard[1], "{heard:?}");
    drop(telephone);
}
