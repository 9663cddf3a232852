//! Everybody's accounts: invitations, roles, deactivation, new passwords by link.

use std::time::Duration;

use serde_json::{Value, json};
use telephone::AgentError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wire::control::ErrorCode;

use crate::answer::{Answer, OPEN, call, member};
use crate::live;
use crate::support::{Client, Origin, Switchboard, within};

const SOON: Duration = Duration::from_secs(60);
/// Until whoever has lost the right to be there is gone: much sooner than anybody looks of their own accord.
const GONE: Duration = Duration::from_secs(5);
const PASSWORD: &str = "a password of one's own";

async fn get(client: &Client, path: &str) -> Answer {
    call(client, "GET", &format!("/api/v1{path}"), Value::Null).await
}

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    call(client, "POST", &format!("/api/v1{path}"), body).await
}

/// The secret of a link.
fn token(link: &Answer) -> &str {
    link.json["link"].as_str().unwrap().split_once("token=").unwrap().1
}

async fn login(client: &Client, email: &str, password: &str) -> Answer {
    post(client, "/auth/login", json!({"email": email, "password": password})).await
}

async fn id_of(client: &Client, email: &str) -> String {
    let found = get(client, &format!("/users?search={email}")).await;
    found.json["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_is_invited_makes_the_account_once() {
    let switchboard = Switchboard::start().await;
    let (admin, anyone) = (switchboard.client(), switchboard.client().bearer(""));
    let invited = post(&admin, "/invitations", json!({"email": " Bob@Example.com", "role": "member"})).await;
    assert_eq!((invited.status, &invited.json["email"]), (201, &json!("bob@example.com")));
    assert_eq!(invited.json["mailed"], false, "no mail server is set");
    let link = invited.json["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/web/invitation?token=sbi_", switchboard.url())), "{link}");
    let listed = get(&admin, "/invitations").await;
    assert_eq!(listed.json["items"][0]["id"], invited.json["id"]);
    assert!(!listed.json.to_string().contains("sbi_"));

    let weak = post(&anyone, "/auth/accept", json!({"token": token(&invited), "password": "short"})).await;
    assert_eq!(weak.at_fault(), (422, "password"));
    let reset = post(&anyone, "/auth/reset", json!({"token": token(&invited), "password": PASSWORD})).await;
    assert_eq!(reset.refusal(), (400, "link_ended"), "it is no link for a password");
    let accepted = post(&anyone, "/auth/accept", json!({"token": token(&invited), "password": PASSWORD})).await;
    assert_eq!((accepted.status, &accepted.json["role"]), (201, &json!("member")));
    assert_eq!(login(&anyone, "bob@example.com", PASSWORD).await.status, 200);
    let again = post(&anyone, "/auth/accept", json!({"token": token(&invited), "password": PASSWORD})).await;
    assert_eq!(again.refusal(), (400, "link_ended"));
    assert_eq!(get(&admin, "/invitations").await.json["items"], json!([]));
    let taken = post(&admin, "/invitations", json!({"email": "bob@example.com"})).await;
    assert_eq!(taken.refusal(), (409, "email_taken"));
}

#[tokio::test]
async fn of_many_who_use_an_invitation_at_once_one_has_it() {
    let switchboard = Switchboard::start().await;
    let (admin, anyone) = (switchboard.client(), switchboard.client().bearer(""));
    let invited = post(&admin, "/invitations", json!({"email": "bob@example.com"})).await;
    let uses = (0..8).map(|_| post(&anyone, "/auth/accept", json!({"token": token(&invited), "password": PASSWORD})));
    let answers = futures_util::future::join_all(uses).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test]
async fn an_invitation_that_was_withdrawn_or_replaced_is_worth_nothing() {
    let switchboard = Switchboard::start().await;
    let (admin, anyone) = (switchboard.client(), switchboard.client().bearer(""));
    let body = json!({"email": "bob@example.com", "expires_in_hours": 1});
    let first = post(&admin, "/invitations", body.clone()).await;
    let second = post(&admin, "/invitations", body.clone()).await;
    let accept = async |link: &Answer| {
        post(&anyone, "/auth/accept", json!({"token": token(link), "password": PASSWORD})).await.status
    };
    assert_eq!(accept(&first).await, 400, "replaced");
    let path = format!("/api/v1/invitations/{}", second.json["id"].as_str().unwrap());
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.status, 404);
    assert_eq!(accept(&second).await, 400, "withdrawn");
    for hours in [0, 721] {
        let wrong = post(&admin, "/invitations", json!({"email": "bob@example.com", "expires_in_hours": hours})).await;
        assert_eq!(wrong.at_fault(), (422, "expires_in_hours"));
    }
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let mut admin = switchboard.client();
    let bob = member(&switchboard).await;
    let (ada_id, bob_id) = (id_of(&admin, "ada").await, id_of(&admin, "bob").await);
    let demote = |id: &str| (format!("/api/v1/users/{id}"), json!({"role": "member"}));
    let (path, body) = demote(&ada_id);
    assert_eq!(call(&admin, "PATCH", &path, body.clone()).await.refusal(), (409, "last_administrator"));
    let deactivated = post(&admin, &format!("/users/{ada_id}/deactivate"), Value::Null).await;
    assert_eq!(deactivated.refusal(), (409, "last_administrator"));

    let path_of_bob = demote(&bob_id).0;
    // Whose role is changed has to sign in again.
    let again = async |email: &str, password: &str| {
        let tokens = login(&switchboard.client(), email, password).await;
        switchboard.client().bearer(tokens.json["access_token"].as_str().unwrap())
    };
    drop(bob);
    for round in 0..8 {
        let made = call(&admin, "PATCH", &path_of_bob, json!({"role": "admin"})).await;
        assert_eq!((made.status, &made.json["role"]), (200, &json!("admin")), "{round}");
        let bob = again("bob@example.com", "a different long one").await;
        // Each takes it from the other.
        let (of_ada, of_bob) =
            tokio::join!(call(&bob, "PATCH", &path, body.clone()), call(&admin, "PATCH", &path_of_bob, body.clone()));
        let mut statuses = [of_ada.status, of_bob.status];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "{of_ada:?} {of_bob:?}");
        // Its session may have ended already.
        assert!(matches!(statuses[1], 401 | 403 | 409), "{of_ada:?} {of_bob:?}");
        if of_ada.status == 200 {
            assert_eq!(call(&bob, "PATCH", &path, json!({"role": "admin"})).await.status, 200);
            admin = again(Switchboard::EMAIL, Switchboard::PASSWORD).await;
            assert_eq!(call(&admin, "PATCH", &path_of_bob, body.clone()).await.status, 200);
        }
    }
}

#[tokio::test]
async fn another_role_ends_what_was_opened_with_the_old_one() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let session = login(&admin, "bob@example.com", "a different long one").await.json;
    let personal = post(&bob, "/me/tokens", json!({"name": "export", "scopes": ["read", "admin"]})).await;
    let robot = admin.clone().bearer(personal.json["token"].as_str().unwrap());
    let open = async |bearer: &str| live::open(&switchboard, live::request(&switchboard, "/ws/user", bearer)).await;
    let mut sockets = [open(bob.token().unwrap()).await.unwrap(), open(robot.token().unwrap()).await.unwrap()];
    for socket in &mut sockets {
        live::snapshot(socket).await;
    }
    let path = format!("/api/v1/users/{}", id_of(&admin, "bob").await);
    for same in [json!({"role": "member"}), json!({"rate_limit": {"requests": 1000, "seconds": 60}})] {
        assert_eq!(call(&admin, "PATCH", &path, same).await.status, 200);
        assert_eq!(bob.get("/api/v1/me").await.0, 200, "that changes no role");
    }

    assert_eq!(call(&admin, "PATCH", &path, json!({"role": "admin"})).await.status, 200);
    // A socket shows what one may see: that of a token which comes with the role of its owner ends, too. The token stays.
    for socket in &mut sockets {
        assert_eq!(within(GONE, "the socket is closed", live::end(socket)).await, Some(CloseCode::Policy));
    }
    assert_eq!(bob.get("/api/v1/me").await.0, 401);
    let refreshed = post(&admin, "/auth/refresh", json!({"refresh_token": session["refresh_token"]})).await;
    assert_eq!(refreshed.refusal(), (401, "unauthorized"));
    assert_eq!(robot.get("/api/v1/me").await.1["role"], "admin");
    let again = login(&admin, "bob@example.com", "a different long one").await;
    let bob = admin.clone().bearer(again.json["access_token"].as_str().unwrap());
    assert_eq!(get(&bob, "/users").await.status, 200, "with the new role");
    assert_eq!(call(&bob, "PATCH", &path, json!({"role": "member"})).await.status, 200, "one's own");
    assert_eq!(bob.get("/api/v1/me").await.0, 401, "as anybody's");
}

#[tokio::test]
async fn who_is_deactivated_is_out_at_once() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let anyone = admin.clone().bearer("");
    let session = login(&anyone, "bob@example.com", "a different long one").await.json;
    let made = post(&bob, "/tokens", json!({"name": "laptop"})).await;
    let secret = made.json["token"].as_str().unwrap();
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone_with(secret, "shop", &origin).await;
    let other = switchboard.telephone("ours", &origin).await;
    assert_eq!(switchboard.visitor("shop").text("/").await.0, 200);
    let id = id_of(&admin, "bob").await;
    let reset = post(&admin, &format!("/users/{id}/reset"), Value::Null).await;

    let deactivated = post(&admin, &format!("/users/{id}/deactivate"), Value::Null).await;
    assert_eq!(deactivated.status, 200);
    assert!(deactivated.json["deactivated_at"].is_string());
    assert_eq!(bob.get("/api/v1/me").await.0, 401);
    let refreshed = post(&anyone, "/auth/refresh", json!({"refresh_token": session["refresh_token"]})).await;
    assert_eq!(refreshed.status, 401);
    assert_eq!(login(&anyone, "bob@example.com", "a different long one").await.refusal(), (401, "unauthorized"));
    let ended = within(GONE, "the telephone is sent away", telephone.ended()).await;
    assert!(matches!(&ended, AgentError::Refused { code: ErrorCode::AccountDeactivated, .. }), "{ended}");
    assert_eq!(switchboard.visitor("ours").text("/").await.0, 200, "others stay");
    drop(other);

    let target = telephone::Target::parse(&origin.address.to_string()).unwrap();
    let agent = telephone::Agent::builder(switchboard.url(), secret).target(target.clone()).start().unwrap();
    let refused = within(SOON, "it is refused", agent.ended()).await;
    assert!(matches!(&refused, AgentError::Refused { code: ErrorCode::AccountDeactivated, .. }), "{refused}");
    let used = post(&anyone, "/auth/reset", json!({"token": token(&reset), "password": PASSWORD})).await;
    assert_eq!(used.refusal(), (400, "link_ended"), "its links ended with it");
    let offered = post(&admin, &format!("/users/{id}/reset"), Value::Null).await;
    assert_eq!(offered.refusal(), (409, "account_deactivated"));
    let listed = get(&admin, "/users?active=false").await;
    assert_eq!(listed.json["items"][0]["email"], "bob@example.com");

    assert_eq!(post(&admin, &format!("/users/{id}/reactivate"), Value::Null).await.status, 200);
    assert_eq!(login(&anyone, "bob@example.com", "a different long one").await.status, 200);
    let telephone = switchboard.telephone_with(secret, "shop", &origin).await;
    assert_eq!(switchboard.visitor("shop").text("/").await.0, 200);
    drop(telephone);
}

#[tokio::test]
async fn an_administrators_link_leads_to_a_new_password() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let anyone = admin.clone().bearer("");
    let id = id_of(&admin, "bob").await;
    let earlier = post(&admin, &format!("/users/{id}/reset"), Value::Null).await;
    let link = post(&admin, &format!("/users/{id}/reset"), Value::Null).await;
    assert_eq!(link.status, 201);
    assert_eq!(bob.get("/api/v1/me").await.0, 200, "nothing has changed yet");
    let reset = async |link: &Answer, password: &str| {
        post(&anyone, "/auth/reset", json!({"token": token(link), "password": password})).await
    };
    assert_eq!(reset(&earlier, PASSWORD).await.refusal(), (400, "link_ended"));
    assert_eq!(reset(&link, "bob@example.com").await.at_fault(), (422, "password"));
    assert_eq!(reset(&link, PASSWORD).await.status, 204);
    assert_eq!(bob.get("/api/v1/me").await.0, 401, "all sessions have ended");
    assert_eq!(login(&anyone, "bob@example.com", "a different long one").await.status, 401);
    assert_eq!(login(&anyone, "bob@example.com", PASSWORD).await.status, 200);
    assert_eq!(reset(&link, PASSWORD).await.refusal(), (400, "link_ended"));
}

#[tokio::test]
async fn an_account_is_deleted_when_it_has_nothing() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let id = id_of(&admin, "bob").await;
    let path = format!("/api/v1/users/{id}");
    let tunnel = post(&bob, "/tunnels", json!({"subdomain": "shop"})).await;
    assert_eq!(post(&bob, "/tokens", json!({"name": "laptop"})).await.status, 201);
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.refusal(), (409, "still_active"));
    assert_eq!(post(&admin, &format!("/users/{id}/deactivate"), Value::Null).await.status, 200);
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.refusal(), (409, "owns_things"));
    let detail = get(&admin, &format!("/users/{id}")).await;
    let has = json!({"tunnels": 1, "services": 0, "domains": 0, "routes": 0, "tokens": 1});
    assert_eq!(detail.json["holdings"], has);
    let tunnel = format!("/api/v1/tunnels/{}", tunnel.json["id"].as_str().unwrap());
    assert_eq!(call(&admin, "DELETE", &tunnel, Value::Null).await.status, 204);
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(get(&admin, &format!("/users/{id}")).await.status, 404);
    let again = json!({"email": "bob@example.com", "password": PASSWORD});
    assert_eq!(post(&admin.clone().bearer(""), "/auth/register", again).await.status, 201, "the address is free");
}
