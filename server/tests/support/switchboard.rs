use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use server::App;
use server::config::{Config, Flags};
use telephone::{Agent, AgentHandle, Target};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Client, Home, Origin, figure};

/// A whole switchboard in this process, on free ports, with its data in a temporary folder.
pub struct Switchboard {
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    /// The first account's bearer token.
    pub bearer: String,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    home: Home,
}

impl Switchboard {
    pub const EMAIL: &str = "ada@example.com";
    pub const PASSWORD: &str = "correct horse battery";

    /// With an account.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these settings and an account.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut switchboard = Self::start_in(Home::new(), settings).await;
        let account = json!({"email": Self::EMAIL, "password": Self::PASSWORD});
        let created = switchboard.client().post("/api/v1/auth/register", &account).await;
        assert_eq!(created.0, 201, "{}", created.1);
        switchboard.sign_in().await;
        switchboard
    }

    /// On what an earlier one has left.
    pub async fn start_in(home: Home, settings: &[(&str, &str)]) -> Self {
        let mut environment = BTreeMap::from([
            ("SWITCHBOARD_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("SWITCHBOARD_METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("SWITCHBOARD_DATA_DIR".to_owned(), home.path().display().to_string()),
            // Nobody is there: tests ask no name server of the outside.
            ("SWITCHBOARD_DNS_RESOLVER".to_owned(), "127.0.0.1:9".to_owned()),
        ]);
        environment.extend(home.setting());
        environment.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let config = Config::load_from(&Flags::default(), &environment, PathBuf::from(home.path())).unwrap();
        let app = App::build(config).await.unwrap();
        let (address, metrics) = (app.address(), app.metrics_address().unwrap());
        let stop = CancellationToken::new();
        let task = tokio::spawn(app.run(stop.clone()));
        Self { address, metrics, bearer: String::new(), stop, task, home }
    }

    /// Another node with these settings, which has been given the key that this one seals with.
    pub async fn start_beside(&self, settings: &[(&str, &str)]) -> Self {
        let home = Home::new();
        let key = "sealing.key";
        std::fs::copy(self.home.path().join(key), home.path().join(key)).unwrap();
        Self::start_in(home, settings).await
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Takes a bearer token for the account.
    pub async fn sign_in(&mut self) {
        let account = json!({"email": Self::EMAIL, "password": Self::PASSWORD});
        let (status, tokens) = self.client().post("/api/v1/auth/login", &account).await;
        assert_eq!(status, 200, "{tokens}");
        self.bearer = tokens["access_token"].as_str().unwrap().to_owned();
    }

    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// A client of the dashboard's host.
    pub fn client(&self) -> Client {
        Client::new(self.address, &format!("localhost:{}", self.address.port())).bearer(&self.bearer)
    }

    /// A client of a tunnel.
    pub fn visitor(&self, subdomain: &str) -> Client {
        Client::new(self.address, &format!("{subdomain}.localhost:{}", self.address.port()))
    }

    /// Creates a token; its id and its secret.
    pub async fn token(&self) -> (String, String) {
        let (status, token) = self.client().post("/api/v1/tokens", &json!({"name": "test"})).await;
        assert_eq!(status, 201, "{token}");
        let text = |key: &str| token[key].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    /// A telephone with a new token, once it is connected.
    pub async fn telephone(&self, subdomain: &str, origin: &Origin) -> AgentHandle {
        let (_, token) = self.token().await;
        self.telephone_with(&token, subdomain, origin).await
    }

    /// A telephone with this token, once it is connected.
    pub async fn telephone_with(&self, token: &str, subdomain: &str, origin: &Origin) -> AgentHandle {
        let target = Target::parse(&origin.address.to_string()).unwrap();
        let agent = Agent::builder(self.url(), token).target(target).subdomain(subdomain).start().unwrap();
        agent.ready().await.unwrap();
        agent
    }

    /// A figure of its metrics.
    pub async fn figure(&self, name: &str) -> f64 {
        figure(self.metrics, name).await
    }

    /// The tunnel with this subdomain.
    pub async fn tunnel(&self, subdomain: &str) -> Value {
        let (status, list) = self.client().get("/api/v1/tunnels").await;
        assert_eq!(status, 200, "{list}");
        let tunnels = list["items"].as_array().unwrap();
        tunnels.iter().find(|tunnel| tunnel["subdomain"] == subdomain).unwrap().clone()
    }

    /// Stops it properly and gives back what it has stored.
    pub async fn stop(self) -> Home {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        self.home
    }

    /// Begins to stop.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }
}
