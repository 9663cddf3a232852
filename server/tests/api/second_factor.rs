//! Signing in with a second factor.

use http::{Method, header};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::answer::{Answer, OPEN, call, member, send};
use crate::support::{Client, Switchboard, full};

const PASSWORD: &str = "a different long one";

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    call(client, "POST", &format!("/api/v1{path}"), body).await
}

async fn login(client: &Client) -> Answer {
    post(client, "/auth/login", json!({"email": "bob@example.com", "password": PASSWORD})).await
}

/// An app that was given a seed.
struct App(Totp);

impl App {
    fn new(seed: &str) -> Self {
        Self(Builder::new().with_secret(Secret::try_from_base32(seed).unwrap()).build().unwrap())
    }

    /// What it shows, as if its clock were so many steps ahead.
    fn code(&self, steps: i64) -> String {
        let at = chrono::Utc::now().timestamp() + 30 * steps;
        self.0.generate(u64::try_from(at).unwrap()).to_string()
    }
}

/// Turns it on; the app, and the recovery codes.
async fn turn_on(client: &Client, password: &str) -> (App, Vec<String>) {
    let begun = post(client, "/me/second-factor", Value::Null).await;
    assert_eq!(begun.status, 201);
    let app = App::new(begun.json["seed"].as_str().unwrap());
    let body = |code: &str, password: &str| json!({"enrolment": begun.json["enrolment"], "code": code, "current_password": password});
    let wrong = post(client, "/me/second-factor/confirm", body("not it", password)).await;
    assert_eq!(wrong.at_fault(), (422, "code"));
    let stranger = post(client, "/me/second-factor/confirm", body(&app.code(0), "not the password")).await;
    assert_eq!(stranger.at_fault(), (422, "current_password"));
    let done = post(client, "/me/second-factor/confirm", body(&app.code(0), password)).await;
    assert_eq!(done.status, 200, "{done:?}");
    let codes = done.json["recovery_codes"].as_array().unwrap();
    (app, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn recovery_codes_are_replaced_once_and_shown_twice() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let (_, first) = turn_on(&bob, PASSWORD).await;
    let replace = async || {
        let request = bob.request(Method::POST, "/api/v1/me/second-factor/recovery-codes");
        let request = request.header("idempotency-key", "once").header(header::CONTENT_TYPE, "application/json");
        send(&bob, request.body(full(json!({"current_password": PASSWORD}).to_string())).unwrap()).await
    };
    let (replaced, again) = (replace().await, replace().await);
    assert_eq!((replaced.status, again.status), (200, 200), "{again:?}");
    assert_eq!(replaced.json, again.json);
    assert!(!replaced.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");

    let continued = login(&bob.clone().bearer("")).await.json;
    let challenge = continued["challenge"].as_str().unwrap();
    let second = async |code: &str| {
        let body = json!({"challenge": challenge, "code": code});
        post(&bob.clone().bearer(""), "/auth/second-factor", body).await.status
    };
    assert_eq!(second(&first[0]).await, 401, "replaced");
    assert_eq!(second(replaced.json["recovery_codes"][0].as_str().unwrap()).await, 200, "and not replaced again");
}

#[tokio::test]
async fn a_code_ends_the_sign_in_and_works_once() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let anyone = bob.clone().bearer("");
    let (app, recovery) = turn_on(&bob, PASSWORD).await;
    assert_eq!(recovery.len(), 10);
    let state = call(&bob, "GET", "/api/v1/me/second-factor", Value::Null).await.json;
    assert_eq!((&state["recovery_codes"], &state["required"]), (&json!(10), &json!(false)));
    assert_eq!(post(&bob, "/me/second-factor", Value::Null).await.refusal(), (409, "second_factor_on"));

    let first = login(&anyone).await;
    assert_eq!((first.status, &first.json["access_token"]), (202, &Value::Null));
    let second = async |challenge: &Answer, code: &str| {
        let body = json!({"challenge": challenge.json["challenge"], "code": code});
        post(&anyone, "/auth/second-factor", body).await
    };
    assert_eq!(second(&first, "000000").await.refusal(), (401, "unauthorized"));
    let code = app.code(1);
    let (one, other) = tokio::join!(second(&first, &code), second(&first, &code));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "of two with the same code one gets in");
    let granted = if one.status == 200 { one } else { other };
    let signed_in = anyone.clone().bearer(granted.json["access_token"].as_str().unwrap());
    assert_eq!(signed_in.get("/api/v1/me").await.1["email"], "bob@example.com");
    let next = login(&anyone).await;
    assert_eq!(second(&next, &code).await.status, 401, "replayed");
    assert_eq!(second(&next, &app.code(0)).await.status, 401, "older than the last one");

    let lower = recovery[0].to_lowercase().replace('-', " ");
    assert_eq!(second(&next, &lower).await.status, 200, "however it is typed");
    assert_eq!(second(&next, &recovery[0]).await.status, 401, "used");
    let state = call(&bob, "GET", "/api/v1/me/second-factor", Value::Null).await.json;
    assert_eq!(state["recovery_codes"], 9);
    let renewed = post(&bob, "/me/second-factor/recovery-codes", json!({"current_password": PASSWORD})).await;
    assert_eq!(renewed.status, 200);
    assert_eq!(second(&next, &recovery[1]).await.status, 401, "replaced");
    assert_eq!(second(&next, renewed.json["recovery_codes"][0].as_str().unwrap()).await.status, 200);

    let log = call(&bob, "GET", "/api/v1/audit?kind=signed_in&limit=4", Value::Null).await.json;
    let how: Vec<_> = log["items"].as_array().unwrap().iter().map(|event| event["detail"].clone()).collect();
    assert_eq!(how, [json!("with a recovery code"), json!("with a recovery code"), json!("with a code"), Value::Null]);
    let refused = call(&bob, "GET", "/api/v1/audit?kind=second_factor_failed", Value::Null).await.json;
    assert_eq!(refused["items"][0]["times"], 6);
    for (method, outcome, count) in [("password", "continued", 2.0), ("code", "done", 3.0), ("code", "refused", 6.0)] {
        let figure = format!("switchboard_sign_ins_total{{method=\"{method}\",outcome=\"{outcome}\"}}");
        assert_eq!(switchboard.figure(&figure).await, count, "{figure}");
    }
    let end = json!({"current_password": PASSWORD});
    assert_eq!(post(&bob, "/me/second-factor/end", end.clone()).await.status, 204);
    assert_eq!(post(&bob, "/me/second-factor/end", end).await.refusal(), (409, "no_second_factor"));
    assert_eq!(login(&anyone).await.status, 200);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_and_a_new_password_ends_a_challenge() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let bob = member(&switchboard).await;
    let anyone = bob.clone().bearer("");
    turn_on(&bob, PASSWORD).await;
    let guess = async |challenge: &Answer, n: u32| {
        let body = json!({"challenge": challenge.json["challenge"], "code": format!("{n:06}")});
        post(&anyone, "/auth/second-factor", body).await.status
    };
    let challenge = login(&anyone).await;
    let mut statuses = Vec::new();
    for n in 0..20 {
        if n == 3 {
            // A right password forgives no wrong codes.
            assert_eq!(login(&anyone).await.status, 202);
        }
        statuses.push(guess(&challenge, n).await);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(!statuses.contains(&200));
    let list = switchboard.client().get("/api/v1/users?search=bob").await.1;
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let link = post(&switchboard.client(), &format!("/users/{id}/reset"), Value::Null).await.json;
    let token = link["link"].as_str().unwrap().split_once("token=").unwrap().1;
    assert_eq!(post(&anyone, "/auth/reset", json!({"token": token, "password": "yet another one"})).await.status, 204);
    assert_eq!(guess(&challenge, 0).await, 401, "it has ended, which is found before anything is counted");
}

#[tokio::test]
async fn administrators_require_it_of_everybody_and_reset_it_for_one() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let anyone = bob.clone().bearer("");
    let require = async |required: bool| {
        call(&admin, "PUT", "/api/v1/security", json!({"require_second_factor": required})).await
    };
    assert_eq!(require(true).await.refusal(), (409, "second_factor_first"));
    turn_on(&admin, Switchboard::PASSWORD).await;
    assert_eq!(require(true).await.status, 200);
    assert_eq!(bob.get("/api/v1/me").await.0, 401, "signed out");
    assert_eq!(admin.get("/api/v1/me").await.0, 200);
    let (challenge, app, codes) = enrol(&anyone).await;
    let listed = admin.get("/api/v1/users?search=bob").await.1;
    assert_eq!(listed["items"][0]["second_factor"], true);
    // What has ended does not begin again, and the next sign-in wants a code.
    let again = post(&anyone, "/auth/second-factor/enrolment", json!({"challenge": challenge})).await;
    assert!(matches!(again.refusal(), (401, _) | (409, "second_factor_on")), "{again:?}");
    let next = login(&anyone).await.json;
    assert_eq!(next["next"], "code");
    let body = json!({"challenge": next["challenge"], "code": app.code(1)});
    assert_eq!(post(&anyone, "/auth/second-factor", body).await.status, 200);
    let next = login(&anyone).await.json;
    let body = json!({"challenge": next["challenge"], "code": codes[0]});
    assert_eq!(post(&anyone, "/auth/second-factor", body).await.status, 200);
    let reset = format!("/api/v1/users/{}/second-factor", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(call(&admin, "DELETE", &reset, Value::Null).await.status, 204);
    let own = post(&admin, "/me/second-factor/end", json!({"current_password": Switchboard::PASSWORD})).await;
    assert_eq!(own.refusal(), (409, "second_factor_required"));
    assert_eq!(require(false).await.json, json!({"require_second_factor": false}));

    let tokens = login(&anyone).await.json;
    let bob = anyone.clone().bearer(tokens["access_token"].as_str().unwrap());
    turn_on(&bob, PASSWORD).await;
    assert_eq!(login(&anyone).await.status, 202);
    let listed = admin.get("/api/v1/users?search=bob").await.1;
    assert_eq!(listed["items"][0]["second_factor"], true);
    let path = format!("/api/v1/users/{}/second-factor", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(call(&admin, "DELETE", &path, Value::Null).await.refusal(), (409, "no_second_factor"));
    assert_eq!(login(&anyone).await.status, 200);
}

/// Signs in where everybody needs a second factor and this account has none. The challenge, the app, and the recovery codes.
async fn enrol(anyone: &Client) -> (String, App, Vec<Value>) {
    let begun = login(anyone).await;
    assert_eq!((begun.status, &begun.json["next"]), (202, &json!("enrolment")));
    let challenge = begun.json["challenge"].as_str().unwrap().to_owned();
    // The challenge alone lets nobody in, neither as it is nor with a code.
    assert_eq!(anyone.clone().bearer(&challenge).get("/api/v1/me").await.0, 401);
    let code = json!({"challenge": challenge, "code": "000000"});
    assert_eq!(post(anyone, "/auth/second-factor", code).await.status, 401);
    let seed = post(anyone, "/auth/second-factor/enrolment", json!({"challenge": challenge})).await;
    assert_eq!(seed.status, 201);
    let app = App::new(seed.json["seed"].as_str().unwrap());
    let confirm = async |enrolment: &Value, code: &str| {
        let body = json!({"challenge": challenge, "enrolment": enrolment, "code": code});
        post(anyone, "/auth/second-factor/enrolment/confirm", body).await
    };
    assert_eq!(confirm(&seed.json["enrolment"], "not it").await.at_fault(), (422, "code"));
    assert_eq!(confirm(&json!("none"), &app.code(0)).await.refusal(), (400, "enrolment_ended"));
    let done = confirm(&seed.json["enrolment"], &app.code(0)).await;
    assert_eq!(done.status, 200, "{done:?}");
    let token = done.json["access_token"].as_str().unwrap();
    assert_eq!(anyone.clone().bearer(token).get("/api/v1/me").await.1["email"], "bob@example.com");
    (challenge, app, done.json["recovery_codes"].as_array().unwrap().clone())
}

#[tokio::test]
async fn how_somebody_signs_in_does_not_change_unnoticed() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let id = bob.get("/api/v1/me").await.1["id"].as_str().unwrap().to_owned();
    turn_on(&bob, PASSWORD).await;
    let password = json!({"current_password": PASSWORD});
    assert_eq!(post(&bob, "/me/second-factor/recovery-codes", password.clone()).await.status, 200);
    assert_eq!(post(&bob, "/me/second-factor/end", password).await.status, 204);
    let email = json!({"email": "robert@example.com", "password": PASSWORD});
    assert!(post(&bob, "/me/email", email).await.status < 300);
    let password = json!({"current_password": PASSWORD, "password": "yet another long one"});
    assert!(post(&bob, "/me/password", password).await.status < 300);
    turn_on(&admin, Switchboard::PASSWORD).await;
    for required in [true, false] {
        let policy = json!({"require_second_factor": required});
        assert_eq!(call(&admin, "PUT", "/api/v1/security", policy).await.status, 200);
    }
    assert_eq!(post(&admin, &format!("/users/{id}/deactivate"), Value::Null).await.status, 200);
    assert_eq!(call(&admin, "DELETE", &format!("/api/v1/users/{id}"), Value::Null).await.status, 204);

    let log = call(&admin, "GET", "/api/v1/audit?limit=100", Value::Null).await.json;
    let of = |kind: &str| -> Vec<(String, String)> {
        let events = log["items"].as_array().unwrap().iter().filter(|event| event["kind"] == kind);
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        events.map(|event| (text(event, "actor_email"), text(event, "account_email"))).collect()
    };
    let both = |actor: &str, account: &str| (actor.to_owned(), account.to_owned());
    let (bob, robert, ada) = ("bob@example.com", "robert@example.com", Switchboard::EMAIL);
    assert_eq!(of("second_factor_on"), [both(ada, ada), both(bob, bob)]);
    assert_eq!(of("recovery_codes_renewed"), [both(bob, bob)]);
    assert_eq!(of("second_factor_off"), [both(bob, bob)]);
    assert_eq!(of("email_changed"), [both(bob, bob)]);
    assert_eq!(of("password_changed"), [both(robert, robert)]);
    assert_eq!(of("second_factor_policy"), [both(ada, ada), both(ada, ada)]);
    assert_eq!(of("account_deleted"), [both(ada, robert)]);
    for secret in [PASSWORD, "yet another long one"] {
        assert!(!log.to_string().contains(secret));
    }
}
