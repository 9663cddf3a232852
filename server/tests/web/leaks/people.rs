//! Secrets of people and programs who sign in.

use http::{Method, header};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use super::{Stage, part, said};
use crate::support::{Provider, Switchboard, full, text};

const PASSWORD: &str = "leaktest of an invited person";
const NEW_PASSWORD: &str = "leaktest after the old one";

pub(super) async fn come_and_go(stage: &mut Stage, provider: &Provider) {
    sign_in(stage).await;
    programs(stage).await;
    invited(stage).await;
    second_factor(stage).await;
    by_provider(stage, provider).await;
}

/// With a password, as a program and as a browser.
async fn sign_in(stage: &mut Stage) {
    stage.secrets.add("a password", Switchboard::PASSWORD);
    let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
    let tokens = stage.post("/auth/login", &account).await;
    let (access, refresh) = (said(&tokens, "access_token"), said(&tokens, "refresh_token"));
    let renewed = stage.post("/auth/refresh", &json!({"refresh_token": refresh})).await;
    stage.secrets.add("an access token", access.clone());
    stage.secrets.add("the signature of an access token", part(&access, "."));
    stage.secrets.add("a refresh token", refresh);
    stage.secrets.add("a renewed refresh token", said(&renewed, "refresh_token"));
    let form = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    assert_eq!(stage.browser.submit("/web/action/sign_in", &form).await.goes_to(), "/web");
    let cookie = stage.browser.cookie.clone().unwrap();
    stage.secrets.add("a session's cookie", part(&cookie, "="));
    // What is wrong is told without what was said.
    for (path, body) in [
        ("/auth/login", json!({"email": "ada@example.com", "password": [Switchboard::PASSWORD]}).to_string()),
        ("/auth/login", json!({"email": Switchboard::PASSWORD, "password": "x"}).to_string()),
        ("/auth/login", format!("{{\"email\": \"{}", Switchboard::PASSWORD)),
        ("/auth/refresh", json!({"refresh_token": said(&renewed, "refresh_token"), "x": 1}).to_string()),
    ] {
        stage.refused(path, "", body).await;
    }
    stage.refused("/tokens", &format!("Bearer {access}x"), "{}".to_owned()).await;
}

/// A personal token, asked for so that the answer is kept for whoever asks again.
async fn programs(stage: &mut Stage) {
    let client = stage.programs.client();
    let key = "leaktest-of-an-idempotency-key";
    let ask = async || {
        let request = client.request(Method::POST, "/api/v1/me/tokens");
        let request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", key);
        let body = json!({"name": "robot", "scopes": ["read"]}).to_string();
        text(client.send(request.body(full(body)).unwrap()).await.unwrap()).await
    };
    let (made, again) = (ask().await, ask().await);
    assert_eq!(made, again);
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = said(&made, "token");
    assert_eq!(client.bearer(&token).get("/api/v1/me").await.0, 200);
    stage.refused("/tunnels", &format!("Bearer {token}"), "{}".to_owned()).await;
    stage.secrets.add("a personal token", token);
}

/// By a link, which is opened in a browser; and another one for a new password.
async fn invited(stage: &mut Stage) {
    let invited = stage.post("/invitations", &json!({"email": "bob@example.com", "role": "member"})).await;
    let link = said(&invited, "link");
    stage.secrets.add("an invitation", part(&link, "token="));
    stage.secrets.add("an invited person's password", PASSWORD);
    let mut bob = stage.new_browser();
    let page = &link[link.find("/web/").unwrap()..];
    assert_eq!(bob.open(page).await.status, 200);
    let token = part(&link, "token=");
    let weak = [("token", token.as_str()), ("password", "short")];
    assert!(bob.submit("/web/action/accept_invitation", &weak).await.goes_to().contains("error="));
    let form = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(bob.submit("/web/action/accept_invitation", &form).await.goes_to(), "/web");
    stage.secrets.add("an invited person's cookie", part(&bob.cookie.clone().unwrap(), "="));

    let users = stage.programs.client().get("/api/v1/users?search=bob").await.1;
    let link =
        said(&stage.post(&format!("/users/{}/reset", said(&users["items"][0], "id")), &Value::Null).await, "link");
    stage.secrets.add("a link for a new password", part(&link, "token="));
    stage.secrets.add("a new password", NEW_PASSWORD);
    assert_eq!(stage.new_browser().open(&link[link.find("/web/").unwrap()..]).await.status, 200);
    let reset = json!({"token": part(&link, "token="), "password": NEW_PASSWORD});
    let anyone = stage.programs.client().bearer("");
    assert_eq!(anyone.post("/api/v1/auth/reset", &reset).await.0, 204);
    stage.refused("/auth/reset", "", reset.to_string()).await;
}

async fn second_factor(stage: &mut Stage) {
    let anyone = stage.programs.client().bearer("");
    let account = json!({"email": "bob@example.com", "password": NEW_PASSWORD});
    let bob = anyone.clone().bearer(&said(&anyone.post("/api/v1/auth/login", &account).await.1, "access_token"));
    let begun = bob.post("/api/v1/me/second-factor", &Value::Null).await.1;
    let seed = said(&begun, "seed");
    let secret = Secret::try_from_base32(&seed).unwrap();
    stage.secrets.add("the seed of a second factor, as bytes", secret.as_bytes());
    stage.secrets.add("the seed of a second factor", &seed);
    stage.secrets.add("an enrolment", said(&begun, "enrolment"));
    let app: Totp = Builder::new().with_secret(secret).build().unwrap();
    let code = app.generate(u64::try_from(chrono::Utc::now().timestamp()).unwrap()).to_string();
    let confirm = json!({"enrolment": begun["enrolment"], "code": code, "current_password": NEW_PASSWORD});
    let (status, done) = bob.post("/api/v1/me/second-factor/confirm", &confirm).await;
    assert_eq!(status, 200, "{done}");
    let codes: Vec<_> = done["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    for code in &codes {
        stage.secrets.add("a recovery code", code);
        stage.secrets.add("a recovery code without its hyphens", code.replace('-', ""));
    }
    let challenge = said(&anyone.post("/api/v1/auth/login", &account).await.1, "challenge");
    let answer = json!({"challenge": challenge, "code": codes[0]});
    let (status, tokens) = anyone.post("/api/v1/auth/second-factor", &answer).await;
    assert_eq!(status, 200, "{tokens}");
    stage.secrets.add("a challenge", challenge);
    stage.secrets.add("an access token after a second factor", said(&tokens, "access_token"));
    stage.refused("/auth/second-factor", "", answer.to_string()).await;
}

async fn by_provider(stage: &mut Stage, provider: &Provider) {
    stage.secrets.add("the client's secret at the provider", Provider::SECRET);
    let mut grace = stage.new_browser();
    let out = grace.open("/web/login/oidc").await.goes_to().to_owned();
    stage.secrets.add("what a browser keeps on its way", part(&grace.journey.clone().unwrap(), "="));
    let back = provider.visit(&out).await;
    for (name, value) in url::Url::parse(&back).unwrap().query_pairs() {
        if matches!(name.as_ref(), "code" | "state") {
            stage.secrets.add(&format!("the {name} of a sign-in with a provider"), value.as_bytes());
        }
    }
    let back = &back[back.find("/web/login/oidc/callback?").unwrap()..];
    assert_eq!(grace.open(back).await.goes_to(), "/web");
    stage.secrets.add("the cookie of who signed in with a provider", part(&grace.cookie.clone().unwrap(), "="));
    // What somebody sends a second time is refused, and the log says why.
    assert!(grace.open(back).await.goes_to().contains("error="));
    for secret in provider.secrets() {
        stage.secrets.add("what the provider gave", secret);
    }
}
