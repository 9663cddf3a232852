//! Who may do what: each call of the API and each live socket, asked for by nobody, by a member about what another
//! member has, by that member, and by an administrator, beside the statuses in `matrix.txt`. A route without a row fails
//! (`listed.rs`). Nobody and another member have changed nothing of the owner's, and nothing at all where they are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Method, header};
use serde_json::{Value, json};

use crate::answer::{OPEN, call};
use crate::matrix_web::{Names, OF_ALL, OF_OWNER, PASSWORD, browser, id, seen};
use crate::setup::create;
use crate::support::{Body, Client, Switchboard, text, until};

/// Method, path and the four statuses.
const TABLE: &str = include_str!("matrix.txt");

/// A deadline for a test that hangs.
const RECORDED: Duration = Duration::from_secs(60);

/// How long a domain may be looked at already.
const VERIFIED: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) switchboard: Switchboard,
    callers: [Client; 4],
    made: AtomicU32,
}

impl World {
    pub(crate) async fn start() -> Self {
        // Requests need not wait for telephones: there are none.
        let switchboard = Switchboard::start_with(&[OPEN[0], ("SWITCHBOARD_HOLD_TIMEOUT", "0s")]).await;
        let anonymous = switchboard.client().bearer("");
        let mut members = Vec::new();
        for email in ["carol@example.com", "bob@example.com"] {
            let account = json!({"email": email, "password": "a different long one"});
            assert_eq!(call(&anonymous, "POST", "/api/v1/auth/register", account.clone()).await.status, 201);
            let tokens = call(&anonymous, "POST", "/api/v1/auth/login", account).await.json;
            members.push(anonymous.clone().bearer(tokens["access_token"].as_str().unwrap()));
        }
        let [other, owner] = members.try_into().ok().unwrap();
        let callers = [anonymous, other, owner, switchboard.client()];
        let world = Self { switchboard, callers, made: AtomicU32::new(0) };
        for tag in ["v1", "v2"] {
            create(world.owner(), "backends", json!({"id": tag, "address": "backend.example.com:80", "tags": [tag]}))
                .await;
        }
        create(world.owner(), "domains", json!({"domain": "base.example.com"})).await;
        world
    }

    pub(crate) fn owner(&self) -> &Client {
        &self.callers[2]
    }

    pub(crate) fn admin(&self) -> &Client {
        &self.callers[3]
    }

    /// A word that was not used yet.
    pub(crate) fn word(&self) -> String {
        format!("w{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// Something new of the owner's, by the collection that it is in; its id.
    pub(crate) async fn make(&self, collection: &str) -> String {
        let word = self.word();
        let (client, body) = match collection {
            "regions" => (self.admin(), json!({"name": word, "public_url": "https://eu.example.com"})),
            "domains" => (self.owner(), json!({"domain": format!("{word}.example.com"), "enabled_backends_tag": "v1"})),
            "invitations" => (self.admin(), self.body(&Method::POST, "/invitations", &word)),
            "me" => return self.personal_token(&word).await,
            "revisions" => return self.revision(&word).await,
            "users" => return self.account(&word).await,
            _ => (self.owner(), self.body(&Method::POST, &format!("/{collection}"), &word)),
        };
        let made = create(client, collection, body).await;
        let id = if collection == "backends" { &made["key"] } else { &made["id"] };
        id.as_str().unwrap().to_owned()
    }

    /// Somebody's account.
    async fn account(&self, word: &str) -> String {
        let invitation = create(self.admin(), "invitations", json!({"email": format!("{word}@example.com")})).await;
        let (_, token) = invitation["link"].as_str().unwrap().split_once("token=").unwrap();
        let used = json!({"token": token, "password": "a different long one"});
        let made = call(&self.callers[0], "POST", "/api/v1/auth/accept", used).await;
        assert_eq!(made.status, 201);
        made.json["id"].as_str().unwrap().to_owned()
    }

    async fn owners_id(&self) -> String {
        self.owner().get("/api/v1/me").await.1["id"].as_str().unwrap().to_owned()
    }

    /// A browser in which the owner has just signed in.
    pub(crate) async fn session(&self) -> String {
        browser(self, 2).await;
        id(self.owner(), "me/sessions").await
    }

    /// A program in which the owner has just signed in.
    pub(crate) async fn program(&self) -> String {
        let account = json!({"email": "bob@example.com", "password": PASSWORD});
        assert_eq!(call(self.owner(), "POST", "/api/v1/auth/login", account).await.status, 200);
        id(self.owner(), "me/programs").await
    }

    async fn personal_token(&self, word: &str) -> String {
        let made = create(self.owner(), "me/tokens", json!({"name": word, "scopes": ["read"]})).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// A change of a service.
    async fn revision(&self, word: &str) -> String {
        let service = create(self.owner(), "services", json!({"name": word})).await;
        let id = service["id"].as_str().unwrap();
        let changed =
            call(self.owner(), "PUT", &format!("/api/v1/services/{id}"), json!({"balance": "weighted"})).await;
        assert_eq!(changed.status, 200);
        let revisions = self.owner().get(&format!("/api/v1/revisions?object={id}")).await.1;
        revisions["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Something of the owner's that leads to a tunnel, and a recorded request to it.
    pub(crate) async fn recorded(&self, collection: &str) -> (String, String) {
        let word = self.word();
        let tunnel = create(self.owner(), "tunnels", json!({"subdomain": word})).await;
        let (mut host, mut path) = (format!("{word}.localhost"), "/".to_owned());
        let mut id = tunnel["id"].as_str().unwrap().to_owned();
        if collection != "tunnels" {
            host = format!("{word}.example.com");
            let mut domain = json!({"domain": host});
            if collection == "domains" {
                domain["tunnel"] = json!(word);
            }
            let domain = create(self.owner(), "domains", domain).await;
            id = domain["id"].as_str().unwrap().to_owned();
            let trusted = format!("/api/v1/domains/{id}/verify?skip_check=true");
            assert_eq!(call(self.admin(), "POST", &trusted, Value::Null).await.status, 200);
        }
        if collection == "routes" {
            path = "/mount".to_owned();
            let route = create(self.owner(), "routes", json!({"domain": host, "mount": path, "tunnel": word})).await;
            id = route["id"].as_str().unwrap().to_owned();
        }
        let capture = format!("/api/v1/{collection}/{id}/capture");
        assert_eq!(call(self.owner(), "PUT", &capture, json!({"level": "bodies"})).await.status, 200);
        let visitor = crate::setup::visitor(&self.switchboard, &host);
        let list = format!("/api/v1/{collection}/{id}/requests");
        let mut request = None;
        until(RECORDED, &format!("a request to {host}{path} is recorded"), async || {
            visitor.text(&path).await;
            let found = self.owner().get(&list).await.1;
            request = found["items"][0]["id"].as_str().map(str::to_owned);
            request.is_some()
        })
        .await;
        (id, request.unwrap())
    }

    fn body(&self, method: &Method, path: &str, word: &str) -> Value {
        match (method.as_str(), path) {
            ("POST", "/auth/register") => {
                json!({"email": format!("{word}@example.com"), "password": "a long enough one"})
            }
            ("POST", "/auth/login") => json!({"email": "bob@example.com", "password": "a different long one"}),
            ("POST", "/auth/accept" | "/auth/reset") => json!({"token": "none", "password": "a long enough one"}),
            ("POST", "/auth/second-factor") => json!({"challenge": "none", "code": "000000"}),
            ("POST", "/auth/second-factor/enrolment") => json!({"challenge": "none"}),
            ("POST", "/auth/second-factor/enrolment/confirm") => {
                json!({"challenge": "none", "enrolment": "none", "code": "000000"})
            }
            ("POST", "/me/second-factor/confirm") => {
                json!({"enrolment": "none", "code": "000000", "current_password": "not it"})
            }
            ("POST", path) if path.starts_with("/me/second-factor/") => json!({"current_password": "not it"}),
            ("PUT", "/security") => json!({"require_second_factor": false}),
            ("POST", "/invitations") => json!({"email": format!("{word}@example.com")}),
            ("POST", "/auth/refresh" | "/auth/logout") => json!({"refresh_token": "sbr_none.none"}),
            ("POST", "/tokens" | "/services") => json!({"name": word}),
            ("POST", "/me/tokens") => json!({"name": word, "scopes": ["read"]}),
            ("POST", "/me/email") => json!({"email": "dora@example.com", "password": "not the right one"}),
            ("POST", "/me/password") => {
                json!({"current_password": "not the right one", "password": "yet another long one"})
            }
            ("POST", path) if path.ends_with("/front/links") => json!({"name": word, "expires_in": 600}),
            ("POST", "/tunnels") => json!({"subdomain": word}),
            ("POST", "/backends") => json!({"id": word, "address": "backend.example.com:80", "tags": ["v1"]}),
            ("POST", "/domains") => json!({"domain": format!("{word}.example.com")}),
            ("POST", "/routes") => json!({"domain": "base.example.com", "mount": format!("/{word}"),
                                          "enabled_backends_tag": "v1"}),
            ("POST", "/routes/explain") => json!({"url": "http://base.example.com/"}),
            ("POST", "/alerts") => json!({"name": word, "kind": "tunnel_offline",
                                          "webhook": "https://hooks.example.com/switchboard"}),
            ("POST", "/regions") => json!({"name": word, "public_url": "https://eu.example.com"}),
            ("POST", path) if path.ends_with("/switch") => json!({"new_tag": "v2", "force": true}),
            ("POST", path) if path.ends_with("/replay") || path.ends_with("/exchange") => json!({}),
            ("PUT", "/limits") => json!({"rate_limit": {"requests": 1_000_000, "seconds": 1}}),
            ("POST", "/security/keys/rotate") => json!({}),
            ("PUT" | "PATCH", path) if path.ends_with("/capture") => json!({"level": "off"}),
            ("PUT" | "PATCH", path) if path.ends_with("/front") => json!({"body_limit": 1000}),
            ("PUT" | "PATCH", "/services/{id}") => json!({"balance": "weighted"}),
            ("PUT" | "PATCH", "/backends/{id}") => json!({"weight": 2}),
            ("PUT" | "PATCH", "/domains/{domain}") => json!({"http_to_https": false}),
            ("PUT" | "PATCH", "/routes/{id}") => json!({"enabled": false}),
            ("PUT" | "PATCH", "/regions/{id}") => json!({"public_url": "https://us.example.com"}),
            ("PUT" | "PATCH", "/users/{id}") => json!({"role": "member"}),
            ("PUT" | "PATCH", "/alerts/{id}") => json!({"enabled": false}),
            ("PATCH", "/tunnels/{id}") => json!({"name": "another"}),
            ("PATCH", _) => json!({"pinned": true}),
            _ => Value::Null,
        }
    }

    /// The path with the ids of something new of the owner's, made ready for this call.
    async fn place(&self, path: &str) -> String {
        let collection = path.split('/').nth(1).unwrap();
        if !path.contains('{') {
            return path.to_owned();
        }
        match path {
            "/me/sessions/{id}" => return path.replace("{id}", &self.session().await),
            "/me/programs/{id}" => return path.replace("{id}", &self.program().await),
            "/users/{id}/sessions/{session}" => {
                return path.replace("{id}", &self.owners_id().await).replace("{session}", &self.session().await);
            }
            "/users/{id}/programs/{program}" => {
                return path.replace("{id}", &self.owners_id().await).replace("{program}", &self.program().await);
            }
            _ => {}
        }
        let (id, request) = match path.contains("{rid}") {
            true => self.recorded(collection).await,
            false => (self.make(collection).await, String::new()),
        };
        let place = path.replace("{id}", &id).replace("{domain}", &id).replace("{rid}", &request);
        let place = place.replace("{side}", "request");
        if path == "/users/{id}" {
            // What is active cannot be deleted.
            let deactivated = call(self.admin(), "POST", &format!("/api/v1{place}/deactivate"), Value::Null).await;
            assert_eq!(deactivated.status, 200);
        }
        if path.ends_with("/front/links") {
            let link = json!({"name": "made", "expires_in": 600});
            let made = call(self.owner(), "POST", &format!("/api/v1{place}"), link).await;
            assert_eq!(made.status, 201, "{}", made.json);
        }
        if path.ends_with("/restore") && collection != "revisions" {
            let it = place.trim_end_matches("/restore");
            assert_eq!(
                call(self.owner_of(collection), "DELETE", &format!("/api/v1{it}"), Value::Null).await.status,
                204
            );
        }
        place
    }

    pub(crate) fn owner_of(&self, collection: &str) -> &Client {
        if collection == "regions" { self.admin() } else { self.owner() }
    }

    /// What each caller is told.
    async fn statuses(&self, method: &Method, path: &str) -> Vec<u16> {
        let mut statuses = Vec::new();
        for (who, caller) in self.callers.iter().enumerate() {
            let place = self.place(path).await;
            let names = names(path, &place);
            // Who signs in does it with the owner's password here.
            let is_watched = who < 2 && *method != Method::GET && !path.starts_with("/auth/");
            let before = if is_watched { Some(self.seen(&names).await) } else { None };
            let query = match *method {
                Method::GET if path.ends_with("/switch") => "?new_tag=v2",
                Method::DELETE if path.ends_with("/front/links") => "?name=made",
                _ => "",
            };
            let body = self.body(method, path, &self.word());
            let (method, address) = (method.as_str(), format!("/api/v1{place}{query}"));
            let mut status = call(caller, method, &address, body.clone()).await.status;
            if path.ends_with("/verify") {
                // Of its own accord the server may be looking at the new domain just now.
                until(VERIFIED, "a domain can be looked at", async || {
                    if status == 429 {
                        status = call(caller, method, &address, body.clone()).await.status;
                    }
                    status != 429
                })
                .await;
            }
            if let Some((of_owner, of_all)) = before {
                let after = self.seen(&names).await;
                assert_eq!(of_owner, after.0, "{method} {path} by {who} changes what the owner has");
                assert!(status < 400 || of_all == after.1, "{method} {path} by {who}, {status}, changes what there is");
            }
            statuses.push(status);
        }
        statuses
    }

    /// What the owner sees, and what an administrator does.
    async fn seen(&self, names: &Names) -> (Vec<Value>, Vec<Value>) {
        (seen(self.owner(), &OF_OWNER, names).await, seen(self.admin(), &OF_ALL, names).await)
    }
}

/// What stands where the path has names.
fn names(path: &str, place: &str) -> Names {
    let named = |word: &str| match word {
        "{id}" | "{domain}" => Some("{id}"),
        "{rid}" => Some("{request}"),
        _ => None,
    };
    path.split('/').zip(place.split('/')).filter_map(|(word, is)| Some((named(word)?, is.to_owned()))).collect()
}

type Rows = BTreeMap<(String, String), Vec<u16>>;

fn rows() -> Rows {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let place = (words.next().unwrap(), words.next().unwrap());
            (place, words.map(|status| status.parse().unwrap()).collect())
        })
        .collect()
}

fn told(rows: &Rows) -> String {
    let line = |((method, path), statuses): (&(String, String), &Vec<u16>)| {
        let statuses: Vec<_> = statuses.iter().map(ToString::to_string).collect();
        format!("{method:<6} {path:<44} {}", statuses.join(" "))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_call_of_the_api_has_a_row_that_holds() {
    let mut world = World::start().await;
    let document = world.admin().get("/api/v1/openapi.json").await.1;
    let mut seen = Rows::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // Nobody may have any number of things.
        if world.made.load(Ordering::Relaxed) > 80 {
            world = World::start().await;
        }
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_some() {
                let method: Method = method.to_ascii_uppercase().parse().unwrap();
                let statuses = world.statuses(&method, path).await;
                seen.insert((method.to_string(), path.clone()), statuses);
            }
        }
    }
    let mut expected = rows();
    expected.retain(|(_, path), _| !path.starts_with("/web/") && !path.starts_with("/ws/"));
    let differing: Rows = seen.iter().filter(|(place, found)| expected.get(place) != Some(found)).map(clone).collect();
    assert!(differing.is_empty(), "these are not as matrix.txt says:\n{}", told(&differing));
    let gone: BTreeSet<_> = expected.keys().filter(|place| !seen.contains_key(place)).collect();
    assert!(gone.is_empty(), "matrix.txt has rows for what is not there: {gone:?}");
}

fn clone((place, statuses): (&(String, String), &Vec<u16>)) -> ((String, String), Vec<u16>) {
    (place.clone(), statuses.clone())
}

/// The dashboard's own addresses take the same bearer tokens. That each of its routes has a row, `listed.rs` tests.
#[tokio::test]
async fn live_sockets_and_data_of_pages_have_rows_that_hold() {
    let world = World::start().await;
    let mut seen = Rows::new();
    for ((method, path), _) in rows().into_iter().filter(|((_, path), _)| path.starts_with("/w")) {
        let mut statuses = Vec::new();
        for caller in &world.callers {
            let (tunnel, request) = world.recorded("tunnels").await;
            let place = match path.as_str() {
                "/web/data/history" | "/web/data/breakdown" => format!("{path}?subject={tunnel}&range=live"),
                path if path.starts_with("/web/data/requests") => {
                    format!("{path}?of=tunnel:{tunnel}").replace("{id}", &request).replace("{side}", "request")
                }
                path => {
                    let collection = path.split('/').nth(2).unwrap();
                    let id = if path.contains("{id}") { world.make(collection).await } else { String::new() };
                    path.replace("{id}", &id)
                }
            };
            let request = caller.request(method.parse().unwrap(), &place);
            let request = match path.starts_with("/ws/") {
                false => request,
                true => request
                    .header(header::CONNECTION, "upgrade")
                    .header(header::UPGRADE, "websocket")
                    .header(header::SEC_WEBSOCKET_VERSION, "13")
                    .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            };
            let response = caller.send(request.body(Body::default()).unwrap()).await.unwrap();
            statuses.push(response.status().as_u16());
            if response.status() != 101 {
                text(response).await;
            }
        }
        seen.insert((method, path), statuses);
    }
    let expected = rows();
    let differing: Rows = seen.iter().filter(|(place, found)| expected.get(place) != Some(found)).map(clone).collect();
    assert!(differing.is_empty(), "these are not as matrix.txt says:\n{}", told(&differing));
}
