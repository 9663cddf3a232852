//! The programs that an account is signed in with: listed, and ended.

use futures_util::StreamExt;
use http::{Method, header};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

use crate::answer::{Answer, OPEN, member, send};
use crate::setup::{delete, get, post};
use crate::support::{Client, Switchboard, full, within};

/// A deadline for a test that hangs.
const SOON: std::time::Duration = std::time::Duration::from_secs(60);

/// Signs in as a program of this name: its access token and its refresh token.
async fn program(switchboard: &Switchboard, name: &str) -> (Client, String) {
    let anonymous = switchboard.client().bearer("");
    let request = anonymous.request(Method::POST, "/api/v1/auth/login");
    let request = request.header(header::CONTENT_TYPE, "application/json").header(header::USER_AGENT, name);
    let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
    let tokens = send(&anonymous, request.body(full(account.to_string())).unwrap()).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let text = |name: &str| tokens.json[name].as_str().unwrap();
    (anonymous.bearer(text("access_token")), text("refresh_token").to_owned())
}

fn items(list: &Answer) -> &Vec<Value> {
    list.json["items"].as_array().unwrap()
}

fn id_of<'a>(list: &'a Answer, name: &str) -> &'a str {
    items(list).iter().find(|item| item["user_agent"] == name).unwrap()["id"].as_str().unwrap()
}

#[tokio::test]
async fn each_program_is_listed_with_what_it_is_recognised_by() {
    let switchboard = Switchboard::start().await;
    let (one, _) = program(&switchboard, "exporter/1.0").await;
    let (_, refresh) = program(&switchboard, "deploy/2.0").await;
    // What goes on with a refresh token is the same session.
    assert_eq!(post(&one, "auth/refresh", json!({"refresh_token": refresh})).await.status, 200);
    let list = get(&one, "me/programs").await;
    assert_eq!(items(&list).len(), 3, "with the one of the test's own: {list:?}");
    let (newest, own) = (&items(&list)[0], &items(&list)[1]);
    assert_eq!((&newest["user_agent"], &newest["current"]), (&json!("deploy/2.0"), &json!(false)));
    assert_eq!((&own["user_agent"], &own["current"]), (&json!("exporter/1.0"), &json!(true)));
    assert_eq!((&own["address"], own["last_seen_at"].is_string()), (&json!("127.0.0.1"), true));
    // In pages, as every list.
    let page = get(&one, "me/programs?limit=2").await;
    let cursor = page.json["next_cursor"].as_str().unwrap();
    let rest = get(&one, &format!("me/programs?limit=2&cursor={cursor}")).await;
    assert_eq!((items(&page).len(), items(&rest).len(), &rest.json["next_cursor"]), (2, 1, &Value::Null));
    assert_eq!(items(&rest)[0], items(&list)[2]);
}

#[tokio::test]
async fn a_program_that_is_ended_gets_in_nowhere_any_more() {
    let switchboard = Switchboard::start().await;
    let ((here, _), (there, refresh)) = (program(&switchboard, "here").await, program(&switchboard, "there").await);
    let mut request = format!("ws://{}/ws/user", here_host(&switchboard)).into_client_request().unwrap();
    let bearer = format!("Bearer {}", there.token().unwrap());
    request.headers_mut().insert(header::AUTHORIZATION, bearer.parse().unwrap());
    let stream = TcpStream::connect(switchboard.address).await.unwrap();
    let (mut live, _) = client_async(request, stream).await.unwrap();

    let id = id_of(&get(&here, "me/programs").await, "there").to_owned();
    assert_eq!(delete(&here, &format!("me/programs/{id}")).await.status, 204);
    assert_eq!(get(&there, "me").await.refusal(), (401, "unauthorized"));
    let again = post(&here, "auth/refresh", json!({"refresh_token": refresh})).await;
    assert_eq!(again.refusal(), (401, "unauthorized"));
    within(SOON, "the live socket is closed", async { while let Some(Ok(_)) = live.next().await {} }).await;
    assert_eq!(delete(&here, &format!("me/programs/{id}")).await.refusal(), (404, "not_found"));
    assert_eq!(get(&here, "me").await.status, 200);
    let events = get(&here, "audit?kind=sessions_ended").await;
    assert_eq!(items(&events)[0]["detail"], "one program", "{events:?}");
}

fn here_host(switchboard: &Switchboard) -> String {
    format!("localhost:{}", switchboard.address.port())
}

#[tokio::test]
async fn all_programs_but_the_one_that_asks_are_ended_at_once() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let ((here, _), (there, _)) = (program(&switchboard, "here").await, program(&switchboard, "there").await);
    assert_eq!(delete(&here, "me/programs").await.status, 204);
    assert_eq!(get(&there, "me").await.status, 401);
    let list = get(&here, "me/programs").await;
    assert_eq!((items(&list).len(), &items(&list)[0]["current"]), (1, &json!(true)));
    // Those of others are nobody else's business, an administrator's neither.
    let theirs = get(&bob, "me/programs").await;
    assert_eq!(items(&theirs).len(), 1);
    let place = format!("me/programs/{}", items(&theirs)[0]["id"].as_str().unwrap());
    assert_eq!(delete(&here, &place).await.refusal(), (404, "not_found"));
    assert_eq!(get(&bob, "me").await.status, 200);
}

#[tokio::test]
async fn who_only_uses_programs_was_seen_too() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let admin = switchboard.client();
    let seen = async || {
        let found = get(&admin, "users?search=bob").await;
        items(&found)[0]["last_seen_at"].clone()
    };
    let by_program = seen().await;
    assert!(by_program.is_string(), "{by_program}");
    // What a personal token is used for counts, also when nobody is signed in any more.
    let token = post(&bob, "me/tokens", json!({"name": "export", "scopes": ["read"]})).await;
    assert_eq!(token.status, 201, "{token:?}");
    let by_token = bob.clone().bearer(token.json["token"].as_str().unwrap());
    assert_eq!(get(&by_token, "me").await.status, 200);
    let own = get(&bob, "me/programs").await;
    assert_eq!(delete(&bob, &format!("me/programs/{}", items(&own)[0]["id"].as_str().unwrap())).await.status, 204);
    assert_eq!(get(&bob, "me").await.status, 401, "one may end one's own");
    assert!(seen().await.is_string());
}
