//! Two switchboards on one PostgreSQL database: signed in at one is signed in at both.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::guest::{BADGE, Guest, SOON, Seen, anybody};
use crate::browser::Browser;
use crate::support::{Client, Home, Origin, Switchboard, until};

const HOST: &str = "app.example.com";
const FRONT: &str = "/api/v1/domains/app.example.com/front";
const KEY: &str = "a key that both of the nodes have been given";

/// Two nodes, each of a region of its own, and a backend of the second one's.
struct Nodes {
    eu: Switchboard,
    us: Switchboard,
    _database: test_postgres::Server,
    _origin: Origin,
}

impl Nodes {
    async fn start(of_eu: &[(&str, &str)]) -> Self {
        let database = test_postgres::Server::start().unwrap();
        let url = database.new_database("nodes").unwrap();
        let both = [
            ("SWITCHBOARD_DATABASE_URL", url.as_str()),
            ("SWITCHBOARD_SEALING_KEY", KEY),
            ("SWITCHBOARD_SIGNUP", "open"),
        ];
        let us = Switchboard::start_with(&[&both[..], &[("SWITCHBOARD_REGION", "us")]].concat()).await;
        let mut eu =
            Switchboard::start_in(Home::new(), &[&both[..], &[("SWITCHBOARD_REGION", "eu")], of_eu].concat()).await;
        eu.sign_in().await;
        let origin = Origin::mirror().await;
        let client = us.client();
        let made = async |what: &str, body: Value| {
            let (status, made) = client.post(&format!("/api/v1/{what}"), &body).await;
            assert_eq!(status, 201, "{made}");
        };
        made("regions", json!({"name": "us", "public_url": us.url()})).await;
        made("services", json!({"name": "far", "health_check": {"enabled": false}})).await;
        let backend = json!({"address": origin.address.to_string(), "service": "far", "region": "us"});
        made("backends", backend).await;
        made("domains", json!({"domain": HOST, "service": "far"})).await;
        let nodes = Self { eu, us, _database: database, _origin: origin };
        nodes.until(200, "").await;
        nodes
    }

    /// Waits until both nodes answer strangers so.
    async fn until(&self, status: u16, code: &str) {
        for node in [&self.us, &self.eu] {
            let mut guest = Guest::of(node, HOST);
            until(SOON, code, async || guest.ask(Method::GET, "/", &[]).await.code() == (status, code)).await;
        }
    }

    async fn set(&self, front: Value) {
        let (status, said) = self.us.client().delete(FRONT).await;
        assert!(status < 300, "{said}");
        let (status, said) = self.us.client().patch(FRONT, &front).await;
        assert_eq!(status, 200, "{said}");
    }

    async fn bob(&self, node: &Switchboard) -> Browser {
        let mut bob = Browser::new(node);
        let account = [("email", "bob@example.com"), ("password", "a different long one")];
        if !bob.submit("/web/action/sign_up", &account).await.goes_to().ends_with("/web") {
            bob.submit("/web/action/sign_in", &account).await.goes_to();
        }
        bob
    }
}

/// A browser at a node that is behind something which listens on port 80.
fn behind(node: &Switchboard, jar: &BTreeMap<String, String>) -> Guest {
    Guest { client: Client::new(node.address, HOST), jar: jar.clone() }
}

#[tokio::test]
async fn who_is_let_in_is_let_in_by_a_backend_of_another_region() {
    let nodes = Nodes::start(&[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.1")]).await;
    nodes.set(anybody()).await;
    nodes.until(401, "sign_in_required").await;
    let mut bob = nodes.bob(&nodes.eu).await;
    let mut guest = Guest::of(&nodes.eu, HOST);
    assert_eq!(guest.enter(&mut bob, "/").await.status, 200);
    guest.jar.insert("theirs".to_owned(), "1".to_owned());
    let seen = guest.ask(Method::POST, "/form", &[("x-switchboard-user", "eve@example.com")]).await;
    assert!(seen.status == 200 && seen.body.contains("\nx-switchboard-user: bob@example.com\n"), "{}", seen.body);
    assert!(seen.body.contains("\ncookie: theirs=1\n") && !seen.body.contains("eve@"), "{}", seen.body);
    for ours in ["switchboard-visitor", "switchboard-entry", "x-switchboard-hop"] {
        assert!(!seen.body.contains(ours), "{}", seen.body);
    }
    bob.submit("/web/action/sign_out", &[]).await.goes_to();
    until(SOON, "Bob is out", async || guest.ask(Method::GET, "/", &[]).await.status == 401).await;

    // A password, and a link that lets in without.
    nodes.set(json!({"basic_auth": {"users": [{"name": "ada", "password": "correct horse"}]}})).await;
    nodes.until(401, "password_required").await;
    let basic = ("authorization", "Basic YWRhOmNvcnJlY3QgaG9yc2U=");
    let seen = Guest::of(&nodes.eu, HOST).ask(Method::GET, "/", &[basic]).await;
    assert!(seen.status == 200 && !seen.body.contains("authorization"), "{}", seen.body);
    let link = nodes.us.client().post(&format!("{FRONT}/links"), &json!({"name": "a", "expires_in": 600})).await.1;
    let path = format!("/?{}", link["query"].as_str().unwrap());
    let mut guest = Guest::of(&nodes.eu, HOST);
    until(SOON, "the link works", async || {
        guest.open(&path).await.status == 303 && guest.open("/").await.status == 200
    })
    .await;
    assert!(!guest.open("/").await.body.contains("switchboard-share"));

    // Who the client is, as the first node has found out; and https, of which the second has nothing.
    nodes.set(json!({"allow": ["203.0.113.0/24"]})).await;
    nodes.until(403, "network_denied").await;
    let from = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
    let seen = Guest::of(&nodes.eu, HOST).ask(Method::GET, "/", &from).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    assert!(seen.body.contains("\nx-forwarded-for: 203.0.113.9, 127.0.0.1, 127.0.0.1\n"), "{}", seen.body);
    assert!(seen.body.contains("\nx-forwarded-proto: https\n"), "{}", seen.body);
}

#[tokio::test]
async fn nobody_but_a_switchboard_says_whose_a_passed_on_request_is() {
    let nodes = Nodes::start(&[]).await;
    nodes.set(json!({"allow": ["203.0.113.0/24"]})).await;
    nodes.until(403, "network_denied").await;
    // What a node with another key says is worth as much as what anybody makes up.
    // Its first account is made while nobody else can reach it.
    let home = Switchboard::start().await.stop().await;
    let settings = [("SWITCHBOARD_REGION", "eu"), ("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.1")];
    let mut stranger = Switchboard::start_in(home, &settings).await;
    stranger.sign_in().await;
    let client = stranger.client();
    for (what, body) in [
        ("regions", json!({"name": "us", "public_url": nodes.us.url()})),
        ("services", json!({"name": "far", "health_check": {"enabled": false}})),
        ("backends", json!({"address": "192.0.2.1:9", "service": "far", "region": "us"})),
        ("domains", json!({"domain": HOST, "service": "far"})),
    ] {
        assert_eq!(client.post(&format!("/api/v1/{what}"), &body).await.0, 201);
    }
    let mut guest = Guest::of(&stranger, HOST);
    let from = [("x-forwarded-for", "203.0.113.9")];
    until(SOON, "it is passed on, and refused", async || {
        guest.ask(Method::GET, "/", &from).await.code() == (403, "network_denied")
    })
    .await;
    let claims = [
        ("x-switchboard-hop", "1"),
        ("x-switchboard-hop-for", "203.0.113.9"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
    ];
    let seen = Guest::of(&nodes.us, HOST).ask(Method::GET, "/", &claims).await;
    assert_eq!(seen.code(), (403, "network_denied"));
}

#[tokio::test]
async fn a_ticket_is_good_once_whichever_node_it_comes_to() {
    let nodes = Nodes::start(&[]).await;
    nodes.set(anybody()).await;
    nodes.until(401, "sign_in_required").await;
    let bob = nodes.bob(&nodes.us).await;
    let at = |node: &Switchboard| Browser { cookie: bob.cookie.clone(), ..Browser::new(node) };
    // Sent away by one node, and signed in at the other.
    for (first, second) in [(&nodes.eu, &nodes.us), (&nodes.us, &nodes.eu)] {
        let mut guest = behind(first, &BTreeMap::new());
        let ticket = guest.ticket(&mut at(second), "/x").await;
        let sent_away = guest.jar.clone();
        // At both at once.
        let mut other = behind(second, &sent_away);
        let (here, there) = tokio::join!(guest.open(&ticket), other.open(&ticket));
        let mut codes = [Seen::code(&here), Seen::code(&there)];
        codes.sort_unstable();
        assert_eq!(codes, [(303, ""), (403, "sign_in_failed")]);
        let badge = [&guest, &other].into_iter().find_map(|guest| guest.jar.get(BADGE)).unwrap().clone();
        for node in [first, second] {
            assert_eq!(behind(node, &sent_away).open(&ticket).await.code(), (403, "sign_in_failed"));
            let mut guest = behind(node, &BTreeMap::from([(BADGE.to_owned(), badge.clone())]));
            let seen = guest.open("/").await;
            assert!(
                seen.status == 200 && seen.body.contains("\nx-switchboard-user: bob@example.com\n"),
                "{}",
                seen.body
            );
        }
    }
    let mut guest = behind(&nodes.eu, &BTreeMap::new());
    let ticket = guest.ticket(&mut at(&nodes.us), "/").await;
    assert_eq!(guest.open(&ticket).await.location(), "/");
    assert_eq!(guest.open("/").await.status, 200);
    at(&nodes.us).submit("/web/action/sign_out", &[]).await.goes_to();
    for node in [&nodes.eu, &nodes.us] {
        let mut guest = behind(node, &guest.jar);
        until(SOON, "who signs out at one node is out at both", async || guest.open("/").await.status == 303).await;
    }
}
