//! How long it takes from the API's answer to a change until requests are routed anew, by the number of rules.
//!
//! `cargo bench -p server --profile quick --bench changes`. A twentieth of the rules are domains, all others their routes, and
//! a hundred lead to one service. One change sends a domain elsewhere, one gives a backend another address, and one makes
//! a route. The database is SQLite.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

#[expect(unused_imports, reason = "each user has use for a part of this")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use http::{Method, Response};
use hyper::client::conn::http1::SendRequest;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use support::{Body, Client, Home, Origin, Switchboard, full, whole};

const ROUNDS: usize = 20;

#[tokio::main]
async fn main() {
    println!("{:>8}  {:<28} {:>8} {:>8} {:>8}", "rules", "change, milliseconds", "least", "median", "most");
    for rules in [1_000, 10_000, 100_000] {
        let switchboard = filled(rules).await;
        measure(&switchboard, rules).await;
        switchboard.stop().await;
    }
}

async fn make(switchboard: &Switchboard, what: &str, fields: Value) {
    let (status, made) = switchboard.client().post(&format!("/api/v1/{what}"), &fields).await;
    assert_eq!(status, 201, "{what} {fields}: {made}");
}

/// One with so many rules. What there is a lot of is copied within the database.
async fn filled(rules: usize) -> Switchboard {
    let switchboard = Switchboard::start().await;
    make(&switchboard, "services", json!({"name": "one", "health_check": {"enabled": false}})).await;
    make(&switchboard, "backends", json!({"id": "one", "address": "127.0.0.1:9", "service": "one"})).await;
    make(&switchboard, "domains", json!({"domain": "one.example.com", "service": "one"})).await;
    make(&switchboard, "routes", json!({"domain": "one.example.com", "mount": "/one", "service": "one"})).await;
    let home = switchboard.stop().await;
    copy(&home, rules).await;
    let mut switchboard = Switchboard::start_in(home, &[]).await;
    switchboard.sign_in().await;
    switchboard
}

async fn copy(home: &Home, rules: usize) {
    let (services, domains) = (rules / 100, rules / 20);
    let count =
        |most: usize| format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})");
    // Ids are made of numbers, so that rows find each other: a letter for the table, then which one.
    let id = |table: u8, number: &str| format!("unhex(printf('{table:02x}%030x', {number}))");
    let database = Database::connect(format!("sqlite://{}", home.path().join("switchboard.db").display())).await;
    let database = database.unwrap();
    for statement in [
        format!(
            "{} INSERT INTO services (id, owner_id, created_at, updated_at, name, balance, affinity, health_check, \
             resilience) SELECT {}, owner_id, created_at, updated_at, 's' || i, balance, affinity, health_check, \
             resilience FROM n, services WHERE name = 'one'",
            count(services),
            id(1, "i")
        ),
        format!(
            "{} INSERT INTO backends (id, owner_id, created_at, updated_at, service_id, name, address, tls_verify, tags, \
             weight, state, announced) SELECT {}, owner_id, created_at, updated_at, {}, 'b' || i, address, tls_verify, tags, \
             weight, state, announced FROM n, backends WHERE name = 'one'",
            count(services),
            id(2, "i"),
            id(1, "i")
        ),
        format!(
            "{} INSERT INTO domains (id, owner_id, created_at, updated_at, host, target_kind, service_id, header_rules, \
             http_to_https, verification_token, verified_at) SELECT {}, owner_id, created_at, updated_at, \
             'shop-' || i || '.example.org', target_kind, {}, header_rules, http_to_https, verification_token, \
             verified_at FROM n, domains WHERE host = 'one.example.com'",
            count(domains),
            id(3, "i"),
            id(1, "1 + (i - 1) / 10"),
        ),
        format!(
            "{} INSERT INTO routes (id, owner_id, created_at, updated_at, domain_id, mount, strip_prefix, enabled, \
             target_kind, service_id, header_rules) SELECT {}, owner_id, created_at, updated_at, {}, '/r' || i, \
             strip_prefix, enabled, target_kind, {}, header_rules FROM n, routes WHERE mount = '/one'",
            count(rules - domains - 9),
            id(4, "i"),
            id(3, "1 + (i - 1) / 19"),
            id(1, "1 + i / 100"),
        ),
    ] {
        database.execute_unprepared(&statement).await.unwrap();
    }
    database.close().await.unwrap();
}

async fn measure(switchboard: &Switchboard, rules: usize) {
    let origins = [named("first").await, named("second").await];
    let address = |round: usize| origins[round % 2].address.to_string();
    make(switchboard, "backends", json!({"id": "moved", "address": address(1), "service": "s1", "tags": ["moved"]}))
        .await;
    let domain = json!({"domain": "measured.example.com", "service": "s1", "enabled_backends_tag": "moved"});
    make(switchboard, "domains", domain).await;
    let visitor = Client::new(switchboard.address, "measured.example.com");
    let mut connection = visitor.connect().await;
    routed(&visitor, &mut connection, "/", "second").await;
    let (mut elsewhere, mut moved, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = ["first", "second"][round % 2];
        patch(switchboard, "backends/moved", json!({"address": address(round)})).await;
        moved.push(routed(&visitor, &mut connection, "/", name).await);
        let to = format!("https://{round}.example");
        let mount = format!("/made-{round}");
        let fields = json!({"domain": "measured.example.com", "mount": mount, "redirect": {"to": to}});
        make(switchboard, "routes", fields).await;
        made.push(routed(&visitor, &mut connection, &mount, &to).await);
        patch(switchboard, "domains/measured.example.com", json!({"redirect": {"to": to}, "service": null})).await;
        elsewhere.push(routed(&visitor, &mut connection, "/", &to).await);
        let back = json!({"service": "s1", "enabled_backends_tag": "moved", "redirect": null});
        patch(switchboard, "domains/measured.example.com", back).await;
        routed(&visitor, &mut connection, "/", name).await;
    }
    for (what, mut times) in [("a domain's target", elsewhere), ("a backend's address", moved), ("a new route", made)] {
        times.sort();
        let [least, median, most] =
            [times[0], times[ROUNDS / 2], times[ROUNDS - 1]].map(|time| time.as_secs_f64() * 1e3);
        println!("{rules:>8}  {what:<28} {least:>8.1} {median:>8.1} {most:>8.1}");
    }
}

async fn patch(switchboard: &Switchboard, path: &str, fields: Value) {
    let (status, changed) = switchboard.client().patch(&format!("/api/v1/{path}"), &fields).await;
    assert_eq!(status, 200, "{path} {fields}: {changed}");
}

async fn named(name: &'static str) -> Origin {
    Origin::start(move |_| async move { Response::new(full(name)) }).await
}

/// Asks again and again until the answer is the expected text or leads to it; how long that took.
async fn routed(client: &Client, connection: &mut SendRequest<Body>, path: &str, expected: &str) -> Duration {
    let begin = Instant::now();
    loop {
        connection.ready().await.unwrap();
        let response = connection.send_request(client.request(Method::GET, path).body(Body::default()).unwrap()).await;
        let response = response.unwrap();
        let location = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let leads = location.starts_with(expected);
        if leads || whole(response).await == expected {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{path} never led to {expected}");
    }
}
