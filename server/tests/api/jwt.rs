//! Access tokens that somebody made up: each is refused, whatever it claims.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use telephone::{Agent, AgentError, Target};
use wire::control::ErrorCode;

use crate::answer::{OPEN, member};
use crate::setup::{get, post};
use crate::support::{Client, Origin, Switchboard, within};

const SOON: Duration = Duration::from_secs(60);

/// The server's key.
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What an access token consists of.
struct Token {
    header: Value,
    claims: Value,
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn sign(text: &str, key: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

impl Token {
    fn read(token: &str) -> Self {
        let mut parts =
            token.split('.').map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default()));
        Self { header: parts.next().unwrap().unwrap(), claims: parts.next().unwrap().unwrap() }
    }

    fn signed_text(&self) -> String {
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    fn signed_with(&self, key: &[u8]) -> String {
        let text = self.signed_text();
        format!("{text}.{}", sign(&text, key))
    }

    fn with_claim(&self, name: &str, value: Value) -> Self {
        let mut token = Self { header: self.header.clone(), claims: self.claims.clone() };
        token.claims[name] = value;
        token
    }

    fn without_claim(&self, name: &str) -> Self {
        let mut token = Self { header: self.header.clone(), claims: self.claims.clone() };
        token.claims.as_object_mut().unwrap().remove(name);
        token
    }

    fn with_header(&self, name: &str, value: Value) -> Self {
        let mut token = Self { header: self.header.clone(), claims: self.claims.clone() };
        token.header[name] = value;
        token
    }
}

/// Tokens that the server did not give out, by what is wrong with them. Where it says nothing of the signature, that is
/// right: made with the server's own key.
fn crafted(good: &Token, key: &[u8], others: &Token) -> Vec<(&'static str, String)> {
    let now = Utc::now().timestamp();
    let good_text = good.signed_with(key);
    let (text, signature) = good_text.rsplit_once('.').unwrap();
    let mut hs512 = Hmac::<Sha512>::new_from_slice(key).unwrap();
    let as_hs512 = good.with_header("alg", json!("HS512"));
    hs512.update(as_hs512.signed_text().as_bytes());
    let hs512 = URL_SAFE_NO_PAD.encode(hs512.finalize().into_bytes());
    let none = |name: &str| format!("{}.", good.with_header("alg", json!(name)).signed_text());
    let mine = URL_SAFE_NO_PAD.encode([7; 32]);
    vec![
        ("no algorithm", none("none")),
        ("no algorithm, in capitals", none("NoNe")),
        ("no algorithm, signed all the same", good.with_header("alg", json!("none")).signed_with(key)),
        ("another algorithm of the same family", format!("{}.{hs512}", as_hs512.signed_text())),
        ("an asymmetric algorithm, signed with the key", good.with_header("alg", json!("RS256")).signed_with(key)),
        ("an algorithm that nobody knows", good.with_header("alg", json!("HS257")).signed_with(key)),
        ("no signature", format!("{text}.")),
        ("no signature and no dot", text.to_owned()),
        ("half a signature", format!("{text}.{}", &signature[..signature.len() / 2])),
        ("another signature", format!("{text}.{}", "A".repeat(signature.len()))),
        ("another's claims under the signature", format!("{}.{signature}", others.signed_text())),
        ("another key", good.signed_with(&[7; 32])),
        ("an empty key", good.signed_with(b"")),
        ("a key of its own", good.with_header("jwk", json!({"kty": "oct", "k": mine})).signed_with(&[7; 32])),
        ("a key from elsewhere", good.with_header("jku", json!("http://127.0.0.1:9/keys")).signed_with(&[7; 32])),
        ("the name of a file as key", good.with_header("kid", json!("../../../../dev/null")).signed_with(b"")),
        ("a key's name that is a statement", good.with_header("kid", json!("' OR 1=1 --")).signed_with(&[7; 32])),
        ("it has expired", good.with_claim("exp", json!(now - 60)).signed_with(key)),
        ("it never expires", good.without_claim("exp").signed_with(key)),
        ("its expiry is no number", good.with_claim("exp", json!("never")).signed_with(key)),
        ("it is not good yet", good.with_claim("nbf", json!(now + 600)).signed_with(key)),
        ("it was made for others", good.with_claim("aud", json!("switchboard-telephone")).signed_with(key)),
        ("it was made for nobody", good.without_claim("aud").signed_with(key)),
        ("it was made by others", good.with_claim("iss", json!("https://evil.example")).signed_with(key)),
        ("it was made by nobody", good.without_claim("iss").signed_with(key)),
        ("it is of another kind", good.with_claim("typ", json!("refresh")).signed_with(key)),
        ("it is of no kind", good.without_claim("typ").signed_with(key)),
        ("another's session", good.with_claim("sid", others.claims["sid"].clone()).signed_with(key)),
        ("a session that is none", good.with_claim("sid", json!(uuid::Uuid::now_v7())).signed_with(key)),
        ("a user who is none", good.with_claim("sub", json!(uuid::Uuid::now_v7())).signed_with(key)),
    ]
}

async fn is_refused(client: &Client, what: &str, token: &str) {
    let client = client.clone().bearer(token);
    for path in ["me", "me/sessions", "tunnels", "services"] {
        let answer = get(&client, path).await;
        assert_eq!(answer.refusal(), (401, "unauthorized"), "{what} at {path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{what} at {path}");
    }
    assert_eq!(post(&client, "tunnels", json!({})).await.refusal(), (401, "unauthorized"), "{what}");
}

#[tokio::test]
async fn whatever_is_made_up_is_refused() {
    let switchboard = Switchboard::start_with(&[OPEN[0], ("SWITCHBOARD_JWT_SECRET", KEY)]).await;
    let client = switchboard.client();
    member(&switchboard).await;
    let account = json!({"email": "bob@example.com", "password": "a different long one"});
    let bobs = post(&client, "auth/login", account).await.json;
    let good = Token::read(&switchboard.bearer);
    let others = Token::read(bobs["access_token"].as_str().unwrap());
    // What is crafted below is refused for what is wrong with it, and not for how it was put together.
    let same = client.clone().bearer(&good.signed_with(KEY.as_bytes()));
    assert_eq!(get(&same, "me").await.json["email"], Switchboard::EMAIL);
    for (what, token) in crafted(&good, KEY.as_bytes(), &others) {
        is_refused(&client, what, &token).await;
    }
    assert_eq!(get(&client, "tunnels").await.json["items"], json!([]));
}

/// A token's header.
fn key_of(token: &str) -> Value {
    Token::read(token).header["kid"].clone()
}

#[tokio::test]
async fn a_key_is_replaced_while_it_is_in_use() {
    let switchboard = Switchboard::start_with(&[OPEN[0], ("SWITCHBOARD_JWT_SECRET", KEY)]).await;
    let client = switchboard.client();
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("shop", &origin).await;
    let (id, _) = switchboard.token().await;
    let exchanged = post(&client, &format!("tokens/{id}/exchange"), json!({})).await;
    let short = exchanged.json["token"].as_str().unwrap().to_owned();
    assert_eq!((key_of(&switchboard.bearer), key_of(&short)), (json!("settings"), json!("settings")));
    // A version that knew one key named none.
    let mut nameless = Token::read(&switchboard.bearer);
    nameless.header.as_object_mut().unwrap().remove("kid");
    let nameless = nameless.signed_with(KEY.as_bytes());

    let rotated = post(&client, "security/keys/rotate", json!({})).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let new = rotated.json["items"][0]["id"].clone();
    assert_eq!(get(&client, "security/keys").await.json["items"], rotated.json["items"]);
    assert!(!rotated.json.to_string().contains(KEY));
    for token in [&switchboard.bearer, &nameless] {
        assert_eq!(get(&client.clone().bearer(token), "me").await.status, 200, "what was signed is good for its time");
    }
    let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
    let session = post(&client, "auth/login", account).await.json;
    let made = session["access_token"].as_str().unwrap();
    assert_eq!(key_of(made), new);
    let made_client = client.clone().bearer(made);
    assert_eq!(get(&made_client, "me").await.status, 200);
    let made = Token::read(made);
    for (what, token) in [
        ("the old key under the new one's name", made.signed_with(KEY.as_bytes())),
        ("no key under the new one's name", made.signed_with(b"")),
        ("its name as its key", made.signed_with(new.as_str().unwrap().as_bytes())),
        ("the new one's signature under the old one's name", {
            let (text, signature) = session["access_token"].as_str().unwrap().rsplit_once('.').unwrap();
            let renamed = made.with_header("kid", json!("settings")).signed_text();
            assert_ne!(text, renamed);
            format!("{renamed}.{signature}")
        }),
        ("a name that nobody knows", made.with_header("kid", json!(uuid::Uuid::now_v7())).signed_with(KEY.as_bytes())),
        ("a file", made.with_header("kid", json!("../jwt.key")).signed_with(KEY.as_bytes())),
        ("a file, from the root", made.with_header("kid", json!("/dev/null")).signed_with(b"")),
        ("an empty name", made.with_header("kid", json!("")).signed_with(KEY.as_bytes())),
        ("a statement", made.with_header("kid", json!("' OR ''='")).signed_with(KEY.as_bytes())),
        ("a name without end", made.with_header("kid", json!("k".repeat(8_000))).signed_with(KEY.as_bytes())),
        ("no name but a number", made.with_header("kid", json!(1)).signed_with(KEY.as_bytes())),
    ] {
        is_refused(&made_client, what, &token).await;
    }
    let by_short = switchboard.telephone_with(&short, "blog", &origin).await;

    let ended = post(&made_client, "security/keys/rotate", json!({"at_once": true})).await;
    assert_eq!((ended.status, ended.json["items"].as_array().unwrap().len()), (200, 1), "{ended:?}");
    for (what, token) in
        [("the first", switchboard.bearer.as_str()), ("the nameless", &nameless), ("the second", &made_text(&session))]
    {
        is_refused(&client, what, token).await;
    }
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let renewed = post(&client, "auth/refresh", refresh).await.json;
    let renewed = client.clone().bearer(renewed["access_token"].as_str().unwrap());
    assert_eq!(get(&renewed, "me").await.status, 200, "sessions go on");
    let log = get(&renewed, "audit?kind=signing_key_rotated").await.json;
    assert_eq!(log["items"].as_array().unwrap().len(), 2, "{log}");

    // Who is connected stays; who comes anew needs another.
    for tunnel in ["shop", "blog"] {
        assert_eq!(switchboard.visitor(tunnel).text("/").await.0, 200, "{tunnel}");
    }
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let late = Agent::builder(switchboard.url(), short).target(target).start().unwrap();
    let refused = within(SOON, "it is refused", late.ended()).await;
    assert!(matches!(&refused, AgentError::Refused { code: ErrorCode::TokenInvalid, .. }), "{refused}");
    drop((telephone, by_short));
}

fn made_text(session: &Value) -> String {
    session["access_token"].as_str().unwrap().to_owned()
}
