use serde_json::{Value, json};

use crate::answer::{Answer, OPEN, call, member};
use crate::support::{Client, Home, Switchboard};

async fn register(client: &Client, email: &str, password: &str) -> Answer {
    call(client, "POST", "/api/v1/auth/register", json!({"email": email, "password": password})).await
}

async fn login(client: &Client, email: &str, password: &str) -> Answer {
    call(client, "POST", "/api/v1/auth/login", json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn the_first_account_is_the_administrator_and_then_sign_up_is_closed() {
    let switchboard = Switchboard::start_in(Home::new(), &[]).await;
    let client = switchboard.client();
    let first = register(&client, " Ada@Example.com ", Switchboard::PASSWORD).await;
    assert_eq!(
        (first.status, &first.json["role"], &first.json["email"]),
        (201, &json!("admin"), &json!("ada@example.com"))
    );
    assert!(first.json["id"].is_string() && first.json["created_at"].is_string());
    assert_eq!(first.json.as_object().unwrap().len(), 4, "nothing but id, email, role and created_at");

    let second = register(&client, "bob@example.com", Switchboard::PASSWORD).await;
    assert_eq!(second.refusal(), (403, "signup_closed"));
    assert_eq!(login(&client, "bob@example.com", Switchboard::PASSWORD).await.status, 401);
}

#[tokio::test]
async fn an_open_server_takes_each_address_once() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let client = switchboard.client().bearer("");
    let second = register(&client, "bob@example.com", "a different long one").await;
    assert_eq!((second.status, &second.json["role"]), (201, &json!("member")));
    let again = register(&client, "BOB@example.com", "a different long one").await;
    assert_eq!(again.refusal(), (409, "email_taken"));
    assert_eq!(register(&client, "not an address", "a different long one").await.at_fault(), (422, "email"));
    assert_eq!(register(&client, "eve@example.com", "short").await.at_fault(), (422, "password"));
    assert_eq!(login(&client, "eve@example.com", "short").await.status, 401);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client().bearer("");
    let wrong = login(&client, Switchboard::EMAIL, "wrong horse battery").await;
    let unknown = login(&client, "nobody@example.com", "wrong horse battery").await;
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.refusal(), (401, "unauthorized"));
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.json["error"]["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    }
    assert_eq!(wrong.json["error"]["message"], unknown.json["error"]["message"]);
}

#[tokio::test]
async fn many_wrong_passwords_are_slowed_down() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client().bearer("");
    for _ in 0..50 {
        let answer = login(&client, Switchboard::EMAIL, "wrong horse battery").await;
        if answer.status == 429 {
            let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(wait >= 1);
            return;
        }
        assert_eq!(answer.status, 401);
    }
    panic!("fifty guesses were answered");
}

#[tokio::test]
async fn a_refresh_token_is_good_for_once() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client().bearer("");
    let refresh =
        async |token: &Value| call(&client, "POST", "/api/v1/auth/refresh", json!({"refresh_token": token})).await;
    let first = login(&client, Switchboard::EMAIL, Switchboard::PASSWORD).await;
    assert_eq!((first.status, &first.json["token_type"]), (200, &json!("Bearer")));
    assert!(first.json["expires_in"].as_u64().unwrap() <= 900);
    assert_eq!(first.headers["cache-control"], "no-store");

    let second = refresh(&first.json["refresh_token"]).await;
    assert_eq!(second.status, 200);
    let access = client.clone().bearer(second.json["access_token"].as_str().unwrap());
    assert_eq!(access.get("/api/v1/me").await.1["email"], Switchboard::EMAIL);

    assert_eq!(refresh(&first.json["refresh_token"]).await.status, 401, "used before");
    assert_eq!(refresh(&second.json["refresh_token"]).await.status, 401, "its family ended with that");
    assert_eq!(refresh(&json!("made up")).await.status, 401);
}

#[tokio::test]
async fn after_logout_nothing_can_be_refreshed() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client().bearer("");
    let tokens = login(&client, Switchboard::EMAIL, Switchboard::PASSWORD).await.json;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    assert_eq!(call(&client, "POST", "/api/v1/auth/logout", body.clone()).await.status, 204);
    assert_eq!(call(&client, "POST", "/api/v1/auth/refresh", body.clone()).await.status, 401);
    assert_eq!(call(&client, "POST", "/api/v1/auth/logout", body).await.status, 204, "again changes nothing");
}

#[tokio::test]
async fn only_an_access_token_of_ours_opens_the_api() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let member = member(&switchboard).await;
    assert_eq!(member.get("/api/v1/me").await.1["email"], "bob@example.com");

    let (_, tunnel_token) = switchboard.token().await;
    let refresh =
        login(&switchboard.client(), Switchboard::EMAIL, Switchboard::PASSWORD).await.json["refresh_token"].clone();
    // {"alg":"none"} with the claims of a good one, and a good one whose signature is another's.
    let parts: Vec<&str> = switchboard.bearer.split('.').collect();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let foreign = format!("{}.{}.{}", parts[0], parts[1], "A".repeat(parts[2].len()));
    for bearer in ["garbage", "a.b.c", &tunnel_token, refresh.as_str().unwrap(), &unsigned, &foreign] {
        let client = switchboard.client().bearer(bearer);
        for path in ["/api/v1/me", "/api/v1/tokens", "/api/v1/tunnels"] {
            assert_eq!(client.get(path).await.0, 401, "{bearer} at {path}");
        }
    }
    assert_eq!(switchboard.client().bearer("").get("/api/v1/me").await.0, 401);
}
