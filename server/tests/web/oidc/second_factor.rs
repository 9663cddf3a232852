//! What a second factor there is worth here.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use super::setup::{ANYONE, both, is_in, link, sign_in_from};
use crate::browser::Browser;
use crate::support::{Client, Person, Switchboard};

const NEXT: &str = "/web/login/oidc?next=%2Fweb%2Ftokens";

/// Turns the account's second factor on; the seed.
async fn turn_on(client: &Client) -> String {
    let begun = client.post("/api/v1/me/second-factor", &Value::Null).await.1;
    let seed = begun["seed"].as_str().unwrap().to_owned();
    let confirmation = json!({
        "enrolment": begun["enrolment"], "code": code(&seed, 0), "current_password": Switchboard::PASSWORD,
    });
    assert_eq!(client.post("/api/v1/me/second-factor/confirm", &confirmation).await.0, 200);
    seed
}

fn code(seed: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(seed).unwrap()).build().unwrap();
    totp.generate(u64::try_from(chrono::Utc::now().timestamp() + 30 * steps).unwrap()).to_string()
}

#[tokio::test]
async fn a_code_is_asked_for_unless_the_provider_has() {
    let (switchboard, provider) = both(&[]).await;
    let mut ada = Browser::signed_in(&switchboard).await;
    link(&mut ada, &provider, Switchboard::PASSWORD).await;
    let seed = turn_on(&switchboard.client()).await;

    let mut browser = Browser::new(&switchboard);
    let step = sign_in_from(&mut browser, &provider, NEXT).await.goes_to().to_owned();
    assert_eq!(step, "/web/login/code?next=%2Fweb%2Ftokens");
    assert!(!is_in(&mut browser).await, "the provider alone is not enough");
    let typed = [("code", code(&seed, 1)), ("next", "/web/tokens".to_owned())];
    let typed: Vec<_> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.submit("/web/action/sign_in_with_code", &typed).await.goes_to(), "/web/tokens");
    assert!(is_in(&mut browser).await);

    provider.is(Person::new("grace").with_mfa());
    let mut browser = Browser::new(&switchboard);
    assert_eq!(sign_in_from(&mut browser, &provider, NEXT).await.goes_to(), "/web/tokens");
    let log = switchboard.client().get("/api/v1/audit?kind=signed_in").await.1.to_string();
    assert!(log.contains("with Example ID, which asked for a second factor"), "{log}");
}

#[tokio::test]
async fn where_everybody_needs_one_it_is_there_or_set_up_here() {
    let (switchboard, provider) = both(ANYONE).await;
    let admin = switchboard.client();
    turn_on(&admin).await;
    let required = admin.request(http::Method::PUT, "/api/v1/security").header("content-type", "application/json");
    let required = required.body(crate::support::full(r#"{"require_second_factor": true}"#)).unwrap();
    assert_eq!(admin.send(required).await.unwrap().status(), 200);

    let mut grace = Browser::new(&switchboard);
    let step = sign_in_from(&mut grace, &provider, "/web/login/oidc").await.goes_to().to_owned();
    assert_eq!(step, "/web/login/second-factor");
    assert!(grace.open(&step).await.body.contains("Set up a second factor"));
    assert!(!is_in(&mut grace).await);
    provider.is(Person::new("grace").with_mfa());
    let mut grace = Browser::new(&switchboard);
    assert_eq!(sign_in_from(&mut grace, &provider, "/web/login/oidc").await.goes_to(), "/web");
}
