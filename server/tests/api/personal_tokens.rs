//! Personal tokens: what each scope is good for, and their ends.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::answer::{OPEN, call, member};
use crate::setup::{create, delete, get, post};
use crate::support::{Client, Switchboard};

async fn token(client: &Client, scopes: &[&str]) -> Client {
    let made = create(client, "me/tokens", json!({"name": "robot", "scopes": scopes})).await;
    client.clone().bearer(made["token"].as_str().unwrap())
}

#[tokio::test]
async fn one_lives_and_ends() {
    let switchboard = Switchboard::start().await;
    let ada = switchboard.client();
    let made = create(&ada, "me/tokens", json!({"name": "robot", "scopes": ["write", "read"]})).await;
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with(made["prefix"].as_str().unwrap()) && secret.len() == 47, "{made}");
    assert_eq!((&made["scopes"], &made["expires_at"]), (&json!(["read", "write"]), &Value::Null));
    let robot = ada.clone().bearer(secret);
    assert_eq!(get(&robot, "me").await.json["email"], Switchboard::EMAIL);
    create(&robot, "tunnels", json!({"subdomain": "shop"})).await;

    let listed = get(&ada, "me/tokens").await.json;
    let item = &listed["items"][0];
    assert_eq!((&item["id"], item["last_used_at"].is_string()), (&made["id"], true));
    assert_eq!(item.get("token"), None, "the secret is shown once");
    let id = made["id"].as_str().unwrap();
    assert_eq!(delete(&ada, &format!("me/tokens/{id}")).await.status, 204);
    assert_eq!(get(&robot, "me").await.refusal(), (401, "unauthorized"));
    assert_eq!(delete(&ada, &format!("me/tokens/{id}")).await.refusal(), (404, "not_found"));
}

#[tokio::test]
async fn each_call_is_open_to_the_scopes_that_the_document_names_and_to_no_others() {
    let switchboard = Switchboard::start().await;
    let ada = switchboard.client();
    let document = get(&ada, "openapi.json").await.json;
    for scope in ["read", "write", "tunnels"] {
        let robot = token(&ada, &[scope]).await;
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in ["get", "post", "put", "patch", "delete"] {
                let Some(security) = item.get(method).map(|operation| &operation["security"][0]) else { continue };
                let Some(scopes) = security["bearer"].as_array() else { continue };
                // What is asked for is nowhere: nothing changes, and who may ask is told so.
                let nowhere = "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00";
                let place: Vec<_> =
                    path.split('/').map(|part| if part.starts_with('{') { nowhere } else { part }).collect();
                let answer =
                    call(&robot, &method.to_ascii_uppercase(), &format!("/api/v1{}", place.join("/")), Value::Null)
                        .await;
                let refused = answer.refusal() == (403, "insufficient_scope");
                assert_eq!(!refused, scopes.contains(&json!(scope)), "{scope}: {method} {path}: {answer:?}");
                if refused {
                    assert_eq!(answer.headers["www-authenticate"], r#"Bearer error="insufficient_scope""#);
                }
            }
        }
    }
}

#[tokio::test]
async fn an_administrators_token_is_a_members_unless_it_says_otherwise() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (ada, bob) = (switchboard.client(), member(&switchboard).await);
    let tunnel = create(&bob, "tunnels", json!({"subdomain": "bobs"})).await;
    let path = format!("tunnels/{}", tunnel["id"].as_str().unwrap());
    let region = json!({"name": "eu", "public_url": "https://eu.example.com"});
    let plain = token(&ada, &["write"]).await;
    assert_eq!(get(&plain, &path).await.refusal(), (404, "not_found"));
    assert_eq!(post(&plain, "regions", region.clone()).await.refusal(), (403, "admin_only"));
    let admin = token(&ada, &["write", "admin"]).await;
    assert_eq!(get(&admin, &path).await.status, 200);
    assert_eq!(post(&admin, "regions", region).await.status, 201);
    // A scope gives nobody what the account has not.
    let members = token(&bob, &["write", "admin"]).await;
    assert_eq!(
        post(&members, "regions", json!({"name": "us", "public_url": "https://us.example.com"})).await.refusal(),
        (403, "admin_only")
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let switchboard = Switchboard::start().await;
    let ada = switchboard.client();
    let past = Utc::now() - TimeDelta::days(1);
    for (body, field) in [
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["admin"]}), "scopes"),
        (json!({"name": "", "scopes": ["read"]}), "name"),
        (json!({"name": "a", "scopes": ["read"], "expires_at": past}), "expires_at"),
    ] {
        assert_eq!(post(&ada, "me/tokens", body.clone()).await.at_fault(), (422, field), "{body}");
    }
    let unknown = post(&ada, "me/tokens", json!({"name": "a", "scopes": ["everything"]})).await;
    assert_eq!(unknown.refusal(), (400, "wrong_shape"));
    for wrong in ["sbp_", "sbp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(get(&ada.clone().bearer(wrong), "me").await.refusal(), (401, "unauthorized"));
    }
}

#[tokio::test]
async fn a_new_password_ends_programs_that_signed_in_and_leaves_personal_tokens() {
    let switchboard = Switchboard::start().await;
    let ada = switchboard.client();
    let robot = token(&ada, &["read"]).await;
    let change = |current: &str| json!({"current_password": current, "password": "another long enough one"});
    assert_eq!(post(&ada, "me/password", change("not this")).await.at_fault(), (422, "current_password"));
    assert_eq!(post(&ada, "me/password", change(Switchboard::PASSWORD)).await.status, 204);
    assert_eq!(get(&ada, "me").await.refusal(), (401, "unauthorized"));
    assert_eq!(get(&robot, "me").await.status, 200);
}
