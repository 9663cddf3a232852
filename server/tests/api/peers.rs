//! Whose guesses are counted together: those of the other end of the connection, or of whom a trusted proxy names.

use http::{Method, header};
use serde_json::json;

use crate::support::{Client, Switchboard, full, text};

/// What a client may say of where it comes from.
const CLAIMS: [&str; 5] = ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip"];

/// More than may be tried from one address without waiting.
const MANY: u16 = 60;

/// Tries an account of which nothing was heard before, as one who says that it comes from there.
async fn guess(client: &Client, number: u16, from: &[(&str, String)]) -> u16 {
    let mut request =
        client.request(Method::POST, "/api/v1/auth/login").header(header::CONTENT_TYPE, "application/json");
    for (name, value) in from {
        request = request.header(*name, value);
    }
    let account = json!({"email": format!("nobody{number}@example.com"), "password": "wrong horse battery"});
    let response = client.send(request.body(full(account.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    text(response).await;
    assert!([401, 429].contains(&status), "{status}");
    status
}

/// Guesses again and again, each of another account; whether that was slowed down.
async fn is_slowed_down(client: &Client, from: impl Fn(u16) -> Vec<(&'static str, String)>) -> bool {
    for number in 0..MANY {
        if guess(client, number, &from(number)).await == 429 {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn who_changes_what_it_says_of_itself_is_slowed_down_as_one_address() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client().bearer("");
    let claims = |number: u16| {
        let claim = |name: &'static str| {
            let address = format!("203.0.113.{number}");
            (name, if name == "forwarded" { format!("for={address}") } else { address })
        };
        CLAIMS.map(claim).to_vec()
    };
    assert!(is_slowed_down(&client, claims).await, "{MANY} guesses were answered");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_address_counts_for_itself() {
    let home = Switchboard::start().await.stop().await;
    let switchboard = Switchboard::start_in(home, &[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let client = switchboard.client();
    let each = |number: u16| vec![("x-forwarded-for", format!("203.0.113.{number}"))];
    assert!(!is_slowed_down(&client, each).await, "others had to wait for what each tried once");
    // The proxy has added the last one; what stands before it may be made up.
    let made_up = |number: u16| vec![("x-forwarded-for", format!("198.51.100.{number}, 203.0.113.250"))];
    assert!(is_slowed_down(&client, made_up).await, "{MANY} guesses were answered");
}
