//! What the scenarios have in common.

use domain::{NewToken, Role, TelephoneSession, TelephoneSessionId, TokenScope, TunnelId};
use sea_orm::{ConnectionTrait, Statement};
use server_core::{OpenError, Outside, Secret, Services, Settings, SignupPolicy, TokenHolder, Viewer};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const PASSWORD: &str = "correct horse battery";

/// An empty database, to be opened as often as wanted.
pub struct Db {
    pub url: String,
}

impl Db {
    pub fn new(url: &str) -> Self {
        Self { url: url.into() }
    }

    pub async fn open(&self) -> Services {
        self.try_open().await.unwrap()
    }

    pub async fn try_open(&self) -> Result<Services, OpenError> {
        self.open_with(|_| {}).await
    }

    pub async fn open_with(&self, change: impl FnOnce(&mut Settings)) -> Result<Services, OpenError> {
        let mut settings = Settings {
            database_url: self.url.parse().unwrap(),
            public_url: "http://localhost:8080".parse().unwrap(),
            tunnel_domain: "localhost".parse().unwrap(),
            signup: SignupPolicy::Open,
            session_lifetime: std::time::Duration::from_secs(30 * 86_400),
            jwt_secret: Secret::new([7; 32]),
            sealing_key: Secret::new([9; 32]),
            serves: true,
            loopback_only: true,
            max_tunnels_per_user: 200,
            name_cooldown: std::time::Duration::from_secs(7 * 86_400),
            routing: server_core::RoutingSettings::default(),
            inspector: server_core::InspectorSettings::default(),
            outside: Arc::new(Outside { own: Vec::new(), allowed: vec!["10.0.0.0/24".parse().unwrap()] }),
            oidc: None,
        };
        change(&mut settings);
        Services::open(settings).await
    }
}

impl Db {
    /// The text is nowhere in the files of the database; of PostgreSQL's, which are the server's, nothing is looked at.
    pub async fn has_no(&self, text: &str) {
        let Some(file) = self.url.strip_prefix("sqlite://") else { return };
        let folder = std::path::Path::new(file).parent().unwrap();
        for entry in std::fs::read_dir(folder).unwrap() {
            let bytes = tokio::fs::read(entry.unwrap().path()).await.unwrap();
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} was stored");
        }
    }
}

/// What the services have no words for.
impl Db {
    /// Runs a statement beside the services.
    pub async fn run(&self, statement: &str) {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Writes so many rows at once, each with an id that is greater than all before.
    pub async fn insert(&self, table: &str, columns: &str, rows: usize, row: impl Fn(&str, usize) -> String) {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        let numbers: Vec<_> = (1..=rows).collect();
        for numbers in numbers.chunks(500) {
            let rows: Vec<_> =
                numbers.iter().map(|n| format!("({})", row(&self.id(uuid::Uuid::now_v7()), *n))).collect();
            let insert = format!("INSERT INTO {table} ({columns}) VALUES {}", rows.join(", "));
            connection.execute_unprepared(&insert).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// The one number that a question has for an answer.
    pub async fn number(&self, question: &str) -> i64 {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        let question = Statement::from_string(connection.get_database_backend(), question);
        let number = connection.query_one_raw(question).await.unwrap().unwrap().try_get_by_index(0).unwrap();
        connection.close().await.unwrap();
        number
    }

    /// An id as it stands in a statement.
    pub fn id(&self, id: uuid::Uuid) -> String {
        match self.url.starts_with("sqlite:") {
            true => format!("x'{}'", id.simple()),
            false => format!("'{id}'"),
        }
    }

    /// A moment so many days ago, as it stands in a statement.
    pub fn ago(days: i64) -> String {
        format!("'{}'", (chrono::Utc::now() - chrono::TimeDelta::days(days)).to_rfc3339())
    }
}

/// A new member; the first account of a database is best an [`admin`].
pub async fn member(services: &Services, name: &str) -> Viewer {
    account(services, name, Role::Member).await
}

pub async fn admin(services: &Services, name: &str) -> Viewer {
    account(services, name, Role::Admin).await
}

async fn account(services: &Services, name: &str, role: Role) -> Viewer {
    let user = services.accounts().add(&format!("{name}@example.com"), PASSWORD, role).await.unwrap();
    services.accounts().viewer(user.id).await.unwrap().unwrap()
}

pub fn new_token(name: &str) -> NewToken {
    NewToken { name: name.parse().unwrap(), scope: TokenScope::default(), expires_at: None }
}

pub async fn holder(services: &Services, viewer: &Viewer, new: NewToken) -> TokenHolder {
    let (_, secret) = services.tokens().create(viewer, new).await.unwrap();
    services.tokens().authenticate(secret.expose()).await.unwrap()
}

pub fn telephone(holder: &TokenHolder, tunnel_id: TunnelId) -> TelephoneSession {
    TelephoneSession {
        id: TelephoneSessionId(uuid::Uuid::now_v7()),
        tunnel_id,
        token_id: holder.token_id(),
        address: CLIENT,
        agent: "telephone/test".into(),
        machine: None,
        protocol: "2".into(),
        lines: 1,
        round_trip_ms: None,
        connected_at: chrono::Utc::now(),
        quality: domain::LineQuality::default(),
    }
}

/// What the JSON of a request means.
pub fn from<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

/// A service with one backend at an address, which carries a tag.
pub async fn pool(services: &Services, viewer: &Viewer, name: &str, tag: &str) -> domain::Service {
    let pools = services.pools();
    let service = pools.create_service(viewer, from(serde_json::json!({ "name": name }))).await.unwrap();
    backend(services, viewer, name, &format!("{name}-{tag}"), tag).await;
    service
}

/// A backend at an address, which carries a tag.
pub async fn backend(services: &Services, viewer: &Viewer, service: &str, id: &str, tag: &str) -> domain::Backend {
    let spec = serde_json::json!({"service": service, "id": id, "address": "10.0.0.1:80", "tags": [tag]});
    services.pools().create_backend(viewer, from(spec)).await.unwrap()
}
