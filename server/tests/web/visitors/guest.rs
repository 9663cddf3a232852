//! Browsers at hosts where one signs in with the dashboard's accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use telephone::AgentHandle;
use url::Url;

use crate::browser::Browser;
use crate::support::{Body, Client, Origin, Switchboard, text, until};

/// A deadline for a test that hangs.
pub(super) const SOON: Duration = Duration::from_secs(60);
pub(super) const OPEN: &[(&str, &str)] = &[("SWITCHBOARD_SIGNUP", "open")];
pub(super) const BADGE: &str = "switchboard-visitor";
pub(super) const ENTRY: &str = "switchboard-entry";

/// A browser at a host, which follows nothing by itself.
#[derive(Clone)]
pub(super) struct Guest {
    pub(super) client: Client,
    pub(super) jar: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn code(&self) -> (u16, &str) {
        (self.status, self.headers.get("x-switchboard-error").map_or("", |code| code.to_str().unwrap()))
    }

    pub(super) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

impl Guest {
    pub(super) fn of(switchboard: &Switchboard, host: &str) -> Self {
        let client = Client::new(switchboard.address, &format!("{host}:{}", switchboard.address.port()));
        Self { client, jar: BTreeMap::new() }
    }

    pub(super) async fn ask(&mut self, method: Method, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut request = self.client.request(method, path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response = self.client.send(request.body(Body::default()).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("; HttpOnly; SameSite=Lax") && !line.contains("Domain"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.jar.insert(name.to_owned(), value.to_owned());
        }
        Seen { status, headers, body: text(response).await }
    }

    pub(super) async fn open(&mut self, path: &str) -> Seen {
        self.ask(Method::GET, path, &[("accept", "text/html,*/*;q=0.8")]).await
    }

    /// Goes the whole way as somebody who is signed in to the dashboard; what is answered in the end.
    pub(super) async fn enter(&mut self, dashboard: &mut Browser, path: &str) -> Seen {
        let ticket = self.ticket(dashboard, path).await;
        let back = self.open(&ticket).await;
        assert!(back.location().starts_with('/'), "{back:?}");
        let back = back.location().to_owned();
        self.open(&back).await
    }

    /// The path and query that the dashboard sends somebody back with.
    pub(super) async fn ticket(&mut self, dashboard: &mut Browser, path: &str) -> String {
        let sent = self.open(path).await;
        assert_eq!(sent.code(), (303, "sign_in_required"));
        let question = dashboard.open(&on_dashboard(sent.location())).await;
        assert_eq!(question.status, 200, "{}", question.body);
        path_of(&link_on(&question.body))
    }
}

/// Path and query of an address.
pub(super) fn path_of(address: &str) -> String {
    let address = Url::parse(address).unwrap();
    format!("{}?{}", address.path(), address.query().unwrap())
}

pub(super) fn on_dashboard(address: &str) -> String {
    let path = path_of(address);
    assert!(path.starts_with("/web/enter?to=aHR0c"), "{path}");
    path
}

/// Where the page's link leads.
pub(super) fn link_on(page: &str) -> String {
    let start = page.find("<a href=\"http").unwrap_or_else(|| panic!("{page}"));
    page[start..].split('"').nth(1).unwrap().replace("&amp;", "&")
}

pub(super) struct Setting {
    pub(super) switchboard: Switchboard,
    pub(super) telephone: AgentHandle,
    pub(super) origin: Origin,
}

impl Setting {
    /// A tunnel `shop` and a domain `app.example.com` with a service, both with this in front.
    pub(super) async fn with(front: Value) -> Self {
        let switchboard = Switchboard::start_with(OPEN).await;
        let origin = Origin::mirror().await;
        let telephone = switchboard.telephone("shop", &origin).await;
        let client = switchboard.client();
        let made = async |what: &str, body: Value| {
            let (status, made) = client.post(&format!("/api/v1/{what}"), &body).await;
            assert_eq!(status, 201, "{made}");
        };
        made("services", json!({"name": "default", "health_check": {"enabled": false}})).await;
        made("backends", json!({"id": "web", "address": origin.address.to_string()})).await;
        made("domains", json!({"domain": "app.example.com", "service": "default"})).await;
        let setting = Self { switchboard, telephone, origin };
        setting.put(front).await;
        setting
    }

    pub(super) async fn put(&self, front: Value) {
        let client = self.switchboard.client();
        let tunnel = self.switchboard.tunnel("shop").await["id"].as_str().unwrap().to_owned();
        for place in [format!("tunnels/{tunnel}"), "domains/app.example.com".to_owned()] {
            let (status, said) = client.patch(&format!("/api/v1/{place}/front"), &front).await;
            assert_eq!(status, 200, "{said}");
        }
        for host in HOSTS {
            // The table has it when visitors are asked.
            until(SOON, "somebody is asked", async || Guest::of(&self.switchboard, host).open("/").await.status == 303)
                .await;
        }
    }

    /// A browser that is signed in to the dashboard with a second account, a member's.
    pub(super) async fn bob(&self) -> Browser {
        let mut bob = Browser::new(&self.switchboard);
        let account = [("email", "bob@example.com"), ("password", "a different long one")];
        assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
        bob
    }
}

pub(super) const HOSTS: [&str; 2] = ["shop.localhost", "app.example.com"];

pub(super) fn anybody() -> Value {
    json!({"sign_in": {"who": "anybody"}})
}
