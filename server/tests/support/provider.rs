use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING as P256, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::rand_core::OsRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

use super::{Body, Client, Origin, full, streamed};

/// Somebody who is signed in at the provider.
#[derive(Clone)]
pub struct Person {
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    /// How they have shown there who they are (`amr`).
    pub amr: Vec<String>,
}

impl Person {
    pub fn new(name: &str) -> Self {
        let email = Some(format!("{name}@example.com"));
        Self { subject: format!("{name}-at-the-provider"), email, email_verified: true, amr: vec!["pwd".to_owned()] }
    }

    pub fn with_mfa(mut self) -> Self {
        self.amr.push("mfa".to_owned());
        self
    }
}

/// What is wrong with the ID token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Twist {
    #[default]
    Nothing,
    Nonce,
    NoNonce,
    Audience,
    OneMoreAudience,
    OtherParty,
    Issuer,
    Expired,
    /// `alg: none`, and no signature.
    Unsigned,
    /// HS256 with what everybody can read of the public key.
    SignedWithPublicKey,
    /// HS256 with the client's secret.
    SignedWithSecret,
    /// With another key under the name of the right one.
    OtherKey,
    AccessToken,
    NoSubject,
    Missing,
}

/// What is wrong with the provider itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    Nothing,
    /// It takes connections and requests, and says nothing.
    Silent,
    Garbage,
    Endless,
    Error,
    /// It sends whoever asks to another address.
    Redirect(String),
    /// It says that it is somebody else.
    OtherIssuer,
    /// Its keys are at another address.
    KeysAt(String),
    /// Its tokens are.
    TokensAt(String),
    /// Browsers are to go to another address.
    BrowsersTo(String),
    /// Only what it gives for codes is odd.
    OddTokens,
}

struct Grant {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    person: Person,
}

struct State {
    person: Person,
    twist: Twist,
    fault: Fault,
    /// Whether it tells e-mail addresses when it is asked about people only.
    by_userinfo: bool,
    keys: Keys,
    grants: BTreeMap<String, Grant>,
    people: BTreeMap<String, Person>,
    asked: Vec<String>,
    secrets: Vec<String>,
}

/// What it signs with, under a name.
struct Keys {
    name: String,
    pair: Pair,
}

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Edwards(Ed25519KeyPair),
}

/// A small OpenID Connect provider: authorization codes with PKCE, signed ID tokens, its keys, and what it knows of people.
/// Whoever comes is signed in already, as one person.
pub struct Provider {
    pub address: SocketAddr,
    issuer: String,
    state: Arc<Mutex<State>>,
    _origin: Origin,
}

impl Provider {
    pub const CLIENT: &str = "switchboard-of-the-tests";
    pub const SECRET: &str = "a secret: of the client / 100%";

    pub async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn on(listener: TcpListener) -> Self {
        let issuer = issuer(listener.local_addr().unwrap());
        Self::called(&issuer, listener)
    }

    /// The same behind something that is reached under another address.
    pub fn called(issuer: &str, listener: TcpListener) -> Self {
        let (address, issuer) = (listener.local_addr().unwrap(), issuer.to_owned());
        let state = Arc::new(Mutex::new(State {
            person: Person::new("grace"),
            twist: Twist::Nothing,
            fault: Fault::Nothing,
            by_userinfo: false,
            keys: Keys { name: "first".to_owned(), pair: Pair::p256() },
            grants: BTreeMap::new(),
            people: BTreeMap::new(),
            asked: Vec::new(),
            secrets: Vec::new(),
        }));
        let (own, name) = (state.clone(), issuer.clone());
        let origin = Origin::on(listener, move |request| answer(own.clone(), name.clone(), request));
        Self { address, issuer, state, _origin: origin }
    }

    pub fn issuer(&self) -> String {
        self.issuer.clone()
    }

    /// The settings of a switchboard by which people sign in here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SWITCHBOARD_OIDC_ISSUER", self.issuer()),
            ("SWITCHBOARD_OIDC_CLIENT_ID", Self::CLIENT.to_owned()),
            ("SWITCHBOARD_OIDC_CLIENT_SECRET", Self::SECRET.to_owned()),
            ("SWITCHBOARD_OIDC_NAME", "Example ID".to_owned()),
        ]
    }

    /// Who is signed in here from now on.
    pub fn is(&self, person: Person) {
        self.state.lock().unwrap().person = person;
    }

    pub fn twist(&self, twist: Twist) {
        self.state.lock().unwrap().twist = twist;
    }

    pub fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// Tells e-mail addresses only to who asks about people.
    pub fn tell_by_userinfo(&self) {
        self.state.lock().unwrap().by_userinfo = true;
    }

    /// Signs with a new key, of another kind, from now on.
    pub fn rotate(&self, name: &str) {
        self.sign_with(name, Pair::edwards());
    }

    /// Signs with RSA from now on, as most providers do. To make such a key takes a while.
    pub fn sign_with_rsa(&self, name: &str) {
        self.sign_with(name, Pair::rsa());
    }

    fn sign_with(&self, name: &str, pair: Pair) {
        self.state.lock().unwrap().keys = Keys { name: name.to_owned(), pair };
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }

    /// The codes and tokens it has given away.
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().unwrap().secrets.clone()
    }

    /// Goes there as a browser does that was sent; where it is sent then.
    pub async fn visit(&self, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        assert_eq!(url.origin().ascii_serialization(), self.issuer());
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let client = Client::new(self.address, &self.address.to_string());
        let response = client.send(client.request(Method::GET, &path).body(Body::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 302, "the request for authorization is as it should be");
        response.headers()[header::LOCATION].to_str().unwrap().to_owned()
    }
}

fn issuer(address: SocketAddr) -> String {
    format!("http://{address}")
}

impl Pair {
    fn p256() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&P256, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(&P256, document.as_ref(), &random).unwrap())
    }

    /// Of 2048 bits, the fewest that anybody takes.
    fn rsa() -> Self {
        let document = RsaPrivateKey::new(&mut OsRng, 2048).unwrap().to_pkcs1_der().unwrap();
        Self::Rsa(RsaKeyPair::from_der(document.as_bytes()).unwrap())
    }

    fn edwards() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Edwards(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    /// What its signatures are called (RFC 7518 section 3.1, RFC 8037 section 3.1).
    fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
            Self::Edwards(_) => "EdDSA",
        }
    }

    fn sign(&self, signed: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => key.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature).unwrap();
                signature
            }
            Self::Edwards(key) => key.sign(signed).as_ref().to_vec(),
        }
    }

    /// The public key (RFC 7517).
    fn public(&self, name: &str) -> Value {
        let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Self::P256(key) => {
                // Uncompressed: a byte that says so, and two coordinates.
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)})
            }
            Self::Rsa(key) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "n": encoded(&n), "e": encoded(&e)})
            }
            Self::Edwards(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(key.public_key().as_ref())})
            }
        };
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm());
        key["kid"] = json!(name);
        key
    }
}

async fn answer(state: Arc<Mutex<State>>, issuer: String, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let fault = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.clone());
        state.fault.clone()
    };
    match fault {
        Fault::Silent => std::future::pending().await,
        Fault::Garbage => return Response::new(full("<html>Whoops</html>")),
        Fault::Error => return status(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Endless => return endless(),
        Fault::Redirect(to) => {
            let response = Response::builder().status(302).header(header::LOCATION, to);
            return response.body(Body::default()).unwrap();
        }
        Fault::OddTokens if path == "/token" => return json_of(&json!({"access_token": {"secret": 1}})),
        _ => {}
    }
    let mut state = state.lock().unwrap();
    match (parts.method.as_str(), path.as_str()) {
        ("GET", "/.well-known/openid-configuration") => json_of(&description(&issuer, &state.fault)),
        ("GET", "/keys") => json_of(&json!({"keys": [state.keys.pair.public(&state.keys.name)]})),
        ("GET", "/authorize") => authorize(&mut state, parts.uri.query().unwrap_or_default()),
        ("POST", "/token") => {
            let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            token(&mut state, &issuer, authorization.unwrap_or_default(), &body)
        }
        ("GET", "/userinfo") => {
            let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let token = bearer.and_then(|bearer| bearer.strip_prefix("Bearer ")).unwrap_or_default();
            match state.people.get(token) {
                Some(person) => json_of(&json!({
                    "sub": person.subject, "email": person.email, "email_verified": person.email_verified,
                })),
                None => status(StatusCode::UNAUTHORIZED),
            }
        }
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn description(issuer: &str, fault: &Fault) -> Value {
    let mut description = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // More than it should, as some do: who believes it takes anything.
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "HS256", "none"],
        "code_challenge_methods_supported": ["S256"],
    });
    match fault {
        Fault::OtherIssuer => description["issuer"] = json!("https://somebody-else.example.com"),
        Fault::KeysAt(at) => description["jwks_uri"] = json!(at),
        Fault::TokensAt(at) => description["token_endpoint"] = json!(at),
        Fault::BrowsersTo(at) => description["authorization_endpoint"] = json!(at),
        _ => {}
    }
    description
}

fn authorize(state: &mut State, query: &str) -> Response<Body> {
    let asked: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let said = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let good = said("response_type") == "code"
        && said("client_id") == Provider::CLIENT
        && said("scope").split(' ').any(|scope| scope == "openid")
        && said("code_challenge_method") == "S256"
        && said("code_challenge").len() == 43
        && said("state").len() >= 16
        && said("nonce").len() >= 16;
    let Some(mut back) = Url::parse(&said("redirect_uri")).ok().filter(|_| good) else {
        return status(StatusCode::BAD_REQUEST);
    };
    let code = format!("code-{:032x}", rand::random::<u128>());
    let (nonce, challenge) = (said("nonce"), said("code_challenge"));
    let person = state.person.clone();
    state.secrets.push(code.clone());
    state.grants.insert(code.clone(), Grant { nonce, challenge, redirect_uri: said("redirect_uri"), person });
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &said("state"));
    let response = Response::builder().status(302).header(header::LOCATION, back.as_str());
    response.body(Body::default()).unwrap()
}

fn token(state: &mut State, issuer: &str, authorization: &str, body: &[u8]) -> Response<Body> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = BASE64_STANDARD.encode(format!("{}:{}", encoded(Provider::CLIENT), encoded(Provider::SECRET)));
    if authorization != format!("Basic {expected}") {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let asked: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let said = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    // A code works once (RFC 6749 section 4.1.2).
    let Some(grant) = state.grants.remove(said("code")) else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(said("code_verifier").as_bytes()));
    if said("grant_type") != "authorization_code"
        || said("redirect_uri") != grant.redirect_uri
        || challenge != grant.challenge
    {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let access = format!("access-{:032x}", rand::random::<u128>());
    let id_token = id_token(state, issuer, &grant, &access);
    state.secrets.extend([access.clone(), id_token.clone()]);
    state.people.insert(access.clone(), grant.person);
    let mut granted = json!({"access_token": access, "token_type": "Bearer", "expires_in": 300});
    if state.twist != Twist::Missing {
        granted["id_token"] = json!(id_token);
    }
    json_of(&granted)
}

fn id_token(state: &State, issuer: &str, grant: &Grant, access: &str) -> String {
    let now = chrono::Utc::now().timestamp();
    let person = &grant.person;
    let half = &Sha256::digest(access.as_bytes())[..16];
    let mut claims = json!({
        "iss": issuer, "aud": Provider::CLIENT, "sub": person.subject, "nonce": grant.nonce,
        "iat": now, "exp": now + 300, "amr": person.amr,
    });
    if !state.by_userinfo {
        claims["email"] = json!(person.email);
        claims["email_verified"] = json!(person.email_verified);
    }
    // Of which hash it would be with EdDSA is not agreed upon.
    if !matches!(state.keys.pair, Pair::Edwards(_)) {
        claims["at_hash"] = json!(BASE64_URL_SAFE_NO_PAD.encode(half));
    }
    match state.twist {
        Twist::Nonce => claims["nonce"] = json!("another one, of somebody else"),
        Twist::NoNonce => claims["nonce"] = Value::Null,
        Twist::Audience => claims["aud"] = json!("another client"),
        Twist::OneMoreAudience => claims["aud"] = json!([Provider::CLIENT, "another client"]),
        Twist::OtherParty => claims["azp"] = json!("another client"),
        Twist::Issuer => claims["iss"] = json!("https://somebody-else.example.com"),
        Twist::Expired => claims["exp"] = json!(now - 1),
        Twist::AccessToken => claims["at_hash"] = json!(BASE64_URL_SAFE_NO_PAD.encode([0; 16])),
        Twist::NoSubject => claims["sub"] = json!(""),
        _ => {}
    }
    let algorithm = match state.twist {
        Twist::Unsigned => "none",
        Twist::SignedWithPublicKey | Twist::SignedWithSecret => "HS256",
        _ => state.keys.pair.algorithm(),
    };
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let signed =
        format!("{}.{}", part(&json!({"alg": algorithm, "kid": state.keys.name, "typ": "JWT"})), part(&claims));
    let signature = match state.twist {
        Twist::Unsigned => Vec::new(),
        Twist::SignedWithPublicKey => {
            let public = state.keys.pair.public(&state.keys.name);
            let number = public.get("n").unwrap_or(&public["x"]);
            shared(number.as_str().unwrap().as_bytes(), &signed)
        }
        Twist::SignedWithSecret => shared(Provider::SECRET.as_bytes(), &signed),
        Twist::OtherKey => vec![7; 256],
        _ => state.keys.pair.sign(signed.as_bytes()),
    };
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn shared(key: &[u8], signed: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn json_of(json: &Value) -> Response<Body> {
    let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    response.body(full(json.to_string())).unwrap()
}

fn status(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(full("no")).unwrap()
}

fn refuse(status: StatusCode, error: &str) -> Response<Body> {
    let mut response = json_of(&json!({"error": error}));
    *response.status_mut() = status;
    response
}

/// Says more and more until nobody listens.
fn endless() -> Response<Body> {
    let (pieces, body) = streamed();
    tokio::spawn(async move {
        let piece = Bytes::from(vec![b' '; 64 * 1024]);
        while pieces.send(Ok(Frame::data(piece.clone()))).await.is_ok() {}
    });
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}
