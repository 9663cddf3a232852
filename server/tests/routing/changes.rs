//! Many changes at once, and what a table is after them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use telephone::Event;

use super::setup::{make, until_served, visitor};
use super::support::{Client, Origin, Switchboard, full};

/// Whatever is not told of is not seen during a test.
const TOLD_ONLY: &[(&str, &str)] = &[("SWITCHBOARD_UPDATE_INTERVAL", "1h")];

/// More than what follows changes may ever have been behind.
const CHANGES: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_changes_costs_no_telephone_its_session() {
    let switchboard = Switchboard::start_with(TOLD_ONLY).await;
    let origin = Origin::start(|_| async { Response::new(full("here")) }).await;
    let kept = switchboard.telephone("kept", &origin).await;
    let (id, token) = switchboard.token().await;
    let revoked = switchboard.telephone_with(&token, "revoked", &origin).await;
    let mut events = kept.events();
    make(&switchboard, "domains", json!({"domain": "app.example.com"})).await;

    let (next, client) = (Arc::new(AtomicUsize::new(0)), switchboard.client());
    let writers = (0..8).map(|_| {
        let (next, client) = (next.clone(), client.clone());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= CHANGES {
                    return;
                }
                let to = json!({"to": format!("https://{number}.example")});
                let route = json!({"domain": "app.example.com", "mount": format!("/r{number}"), "redirect": to});
                let (status, made) = client.post("/api/v1/routes", &route).await;
                assert_eq!(status, 201, "{made}");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    // In the midst of it.
    assert_eq!(switchboard.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    assert!(revoked.ended().await.to_string().contains("revoked"));
    for writer in writers {
        writer.await.unwrap();
    }
    let visitor = visitor(&switchboard, "app.example.com");
    for number in (0..CHANGES).rev().step_by(100) {
        leads(&visitor, &format!("/r{number}"), &format!("https://{number}.example")).await;
    }
    until_served(&switchboard.visitor("kept"), "/", "here").await;
    while let Ok(event) = events.try_recv() {
        let lost = matches!(event, Event::Connecting | Event::Connected(_) | Event::Disconnected { .. });
        assert!(!lost, "the telephone lost its connection: {event:?}");
    }
}

/// Asks until it leads there.
async fn leads(client: &Client, path: &str, to: &str) {
    let arrives = async {
        loop {
            let request = client.request(http::Method::GET, path).body(super::support::Body::default()).unwrap();
            let response = client.send(request).await.unwrap();
            if response.headers().get("location").is_some_and(|location| location.as_bytes().starts_with(to.as_bytes()))
            {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), arrives).await.unwrap();
}

/// Changes everything that there is to change, at random but always in the same way.
struct Changing<'s> {
    switchboard: &'s Switchboard,
    rng: StdRng,
    refused: usize,
}

const HOSTS: [&str; 7] =
    ["a.test", "b.test", "*.test", "*.b.test", "c.b.test", "long.name.example.org", "*.example.org"];
const MOUNTS: [&str; 7] = ["/", "/a", "/a/b", "/b", "/b/c/d", "/c", "/c/d"];
const SERVICES: [&str; 3] = ["one", "two", "three"];
const TAGS: [&str; 3] = ["x", "y", "z"];

impl Changing<'_> {
    fn one<'l>(&mut self, of: &[&'l str]) -> &'l str {
        of.choose(&mut self.rng).unwrap()
    }

    /// The id of something that is there, or was.
    async fn id(&mut self, what: &str) -> String {
        let deleted = self.rng.random_ratio(1, 3);
        let (_, list) = self.switchboard.client().get(&format!("/api/v1/{what}?limit=100&deleted={deleted}")).await;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let key = if what == "backends" { "key" } else { "id" };
        let ids: Vec<_> = items.iter().filter_map(|item| item[key].as_str().or(item["id"].as_str())).collect();
        ids.choose(&mut self.rng).copied().unwrap_or("none").to_owned()
    }

    fn target(&mut self) -> Value {
        match self.rng.random_range(0..4) {
            0 => json!({"redirect": {"to": "https://elsewhere.example"}}),
            1 => json!({"tunnel": self.one(&["t1", "t2", "t3"])}),
            2 => json!({"service": self.one(&SERVICES)}),
            _ => json!({"service": self.one(&SERVICES), "enabled_backends_tag": self.one(&TAGS)}),
        }
    }

    fn with_target(&mut self, mut fields: Value) -> Value {
        let target = self.target();
        fields.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        fields
    }

    async fn change(&mut self) {
        let what = self.one(&["domains", "domains", "routes", "routes", "routes", "backends", "services", "tunnels"]);
        let client = self.switchboard.client();
        let (status, answer) = match self.rng.random_range(0..10) {
            0..=3 => {
                let fields = self.fields(what);
                client.post(&format!("/api/v1/{what}"), &fields).await
            }
            4..=6 => {
                let (id, fields) = (self.id(what).await, self.changes(what));
                client.patch(&format!("/api/v1/{what}/{id}"), &fields).await
            }
            7 => client.delete(&format!("/api/v1/{what}/{}", self.id(what).await)).await,
            8 => client.post(&format!("/api/v1/{what}/{}/restore", self.id(what).await), &json!({})).await,
            _ => {
                let (id, tag) = (self.id("domains").await, self.one(&TAGS));
                let plan = json!({"steps": [{"percent": 30, "after_seconds": 600}]});
                let plan = if self.rng.random() { plan } else { Value::Null };
                let switch = json!({"new_tag": tag, "force": true, "plan": plan});
                client.post(&format!("/api/v1/domains/{id}/switch"), &switch).await
            }
        };
        assert!(status < 500, "{what}: {status} {answer}");
        self.refused += usize::from(status >= 400);
    }

    fn fields(&mut self, what: &str) -> Value {
        match what {
            "domains" => {
                let fields = json!({"domain": self.one(&HOSTS), "http_to_https": self.rng.random_ratio(1, 4)});
                self.with_target(fields)
            }
            "routes" => {
                let mount = self.one(&MOUNTS);
                let fields = if self.rng.random_ratio(1, 5) {
                    json!({"mount": mount})
                } else {
                    json!({"mount": mount, "domain": self.one(&HOSTS)})
                };
                self.with_target(fields)
            }
            "backends" => {
                let name = self.one(&["b1", "b2", "b3", "b4", "b5"]);
                let fields = json!({"id": name, "service": self.one(&SERVICES), "tags": [self.one(&TAGS)]});
                let mut fields = fields.as_object().unwrap().clone();
                if self.rng.random() {
                    fields.insert("address".to_owned(), json!("127.0.0.1:9"));
                } else {
                    fields.insert("tunnel".to_owned(), json!(self.one(&["t1", "t2", "t3"])));
                }
                fields.into()
            }
            "services" => json!({"name": self.one(&SERVICES), "health_check": {"enabled": false}}),
            _ => json!({"name": "t", "subdomain": self.one(&["t1", "t2", "t3"])}),
        }
    }

    fn changes(&mut self, what: &str) -> Value {
        match what {
            "domains" => match self.rng.random() {
                true => json!({"http_to_https": self.rng.random::<bool>()}),
                false => self.target(),
            },
            "routes" => match self.rng.random_range(0..3) {
                0 => json!({"enabled": self.rng.random::<bool>()}),
                1 => json!({"mount": self.one(&MOUNTS)}),
                _ => self.target(),
            },
            "backends" => match self.rng.random_range(0..3) {
                0 => json!({"tags": [self.one(&TAGS)]}),
                1 => json!({"state": self.one(&["running", "draining", "stopped"])}),
                _ => json!({"service": self.one(&SERVICES)}),
            },
            "services" => json!({"balance": self.one(&["round_robin", "weighted", "two_choices"])}),
            _ => json!({"subdomain": self.one(&["t1", "t2", "t3", "t4"])}),
        }
    }
}

/// Why requests go where they go, without what is left to chance.
async fn explained(switchboard: &Switchboard) -> Vec<Value> {
    let mut all = Vec::new();
    let hosts =
        ["a.test", "b.test", "x.test", "c.b.test", "d.b.test", "long.name.example.org", "y.example.org", "other"];
    for host in hosts.into_iter().chain(["t1.localhost", "t2.localhost", "t3.localhost", "t4.localhost"]) {
        for path in ["/", "/a/x", "/a/b", "/b", "/b/c/d/e", "/c/d/", "/d"] {
            let question = json!({"url": format!("http://{host}{path}")});
            let (status, mut told) = switchboard.client().post("/api/v1/routes/explain", &question).await;
            assert_eq!(status, 200, "{told}");
            told["steps"].as_array_mut().unwrap().retain(|step| step["about"] != "backend" && step["about"] != "tag");
            let candidates = told["outcome"]["candidates"].as_array_mut().into_iter().flatten();
            for candidate in candidates.filter_map(Value::as_object_mut) {
                candidate.remove("chosen");
                candidate.remove("reason");
            }
            all.push(told);
        }
    }
    all
}

#[tokio::test]
async fn a_table_that_was_changed_again_and_again_is_as_one_made_at_once() {
    // Nor is anybody waited for, as telephones are for a while after a start.
    let settings = [TOLD_ONLY[0], ("SWITCHBOARD_HOLD_TIMEOUT", "0s")];
    let mut switchboard = Switchboard::start_with(&settings).await;
    for (seed, changes) in [(1, 150), (2, 150)] {
        let mut changing = Changing { switchboard: &switchboard, rng: StdRng::seed_from_u64(seed), refused: 0 };
        for _ in 0..changes {
            changing.change().await;
        }
        assert!(changing.refused < changes * 3 / 4, "{} of {changes} were refused", changing.refused);
        // What was told before this is in the table as well when this is.
        let marker = format!("marker-{seed}.example.net");
        let to = format!("https://{marker}");
        make(&switchboard, "domains", json!({"domain": marker, "redirect": {"to": to}})).await;
        leads(&visitor(&switchboard, &marker), "/", &to).await;
        let changed = explained(&switchboard).await;
        let home = switchboard.stop().await;
        switchboard = Switchboard::start_in(home, &settings).await;
        switchboard.sign_in().await;
        for (changed, at_once) in changed.into_iter().zip(explained(&switchboard).await) {
            assert_eq!(changed, at_once, "with seed {seed}");
        }
    }
}
