//! What the server decides for the services.

use crate::{Outside, Secret};
use domain::{CaptureLevel, Email, Hostname, MountPath};
use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};
use url::Url;

/// Settings of the services.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the data is.
    pub database_url: DatabaseUrl,
    /// Where the dashboard is reached; scheme and port of tunnels' public addresses come from it.
    pub public_url: Url,
    /// The host name below which each tunnel has its subdomain.
    pub tunnel_domain: Hostname,
    /// Who may create an account.
    pub signup: SignupPolicy,
    /// How long somebody stays signed in in a browser, however much it is used.
    pub session_lifetime: Duration,
    /// The key that signs API access tokens, at least 32 bytes (RFC 7518 section 3.2).
    pub jwt_secret: Secret,
    /// What is encrypted in the database is encrypted with, at least 32 bytes. All nodes on a database have the same.
    pub sealing_key: Secret,
    /// Whether this is for a server, whose key becomes that of a database that has none yet. A command may be run before any
    /// server, and elsewhere: it only has to have the right key once there is one.
    pub serves: bool,
    /// Whether only this machine reaches the server; then the first account needs no set-up code.
    pub loopback_only: bool,
    /// How many tunnels a user may have that are not deleted.
    pub max_tunnels_per_user: u32,
    /// For how long the name of a deleted tunnel is kept from others, at most: never longer than the tunnel was there.
    pub name_cooldown: Duration,
    /// Bounds and reserved paths of what is routed by.
    pub routing: RoutingSettings,
    /// What is kept of exchanges.
    pub inspector: InspectorSettings,
    /// Where what members enter may lead.
    pub outside: Arc<Outside>,
    /// The OpenID Connect provider by which people sign in.
    pub oidc: Option<OidcSettings>,
}

/// An OpenID Connect provider, as far as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// What it is called on the sign-in page.
    pub name: String,
    /// How it names itself; part of what tells people apart.
    pub issuer: String,
    /// Who gets an account by signing in there.
    pub sign_up: OidcSignUp,
}

/// Who gets an account by signing in at the provider for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OidcSignUp {
    /// Nobody. The default.
    #[default]
    Off,
    /// Everybody whose e-mail address it has verified.
    Anyone,
    /// Those of them whose address is in one of these domains.
    Domains(Vec<Hostname>),
}

impl OidcSignUp {
    /// Whether whoever has this address gets an account.
    pub fn lets_in(&self, email: &Email) -> bool {
        let domain = email.as_str().rsplit_once('@').and_then(|(_, domain)| domain.parse::<Hostname>().ok());
        match self {
            Self::Off => false,
            Self::Anyone => true,
            Self::Domains(domains) => domain.is_some_and(|domain| domains.contains(&domain)),
        }
    }
}

/// What is kept of exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectorSettings {
    /// How much is kept where the owner has not said anything.
    pub level: CaptureLevel,
    /// How many exchanges are recorded in a second, and five times as many at once after a quiet time; 0: none.
    pub rate: u32,
    /// How much all exchanges together may take in the database, bytes.
    pub disk: u64,
    /// What this process is called; what was open when it was stopped is closed by the next one of this name.
    pub node: String,
}

impl Default for InspectorSettings {
    fn default() -> Self {
        Self { level: CaptureLevel::default(), rate: 1_000, disk: 2 << 30, node: "switchboard".to_owned() }
    }
}

/// Bounds and reserved paths of what is routed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingSettings {
    /// What a member may have.
    pub members: Limits,
    /// What an administrator may have.
    pub administrators: Limits,
    /// Paths of the dashboard's host that are the dashboard's: no route there may overlap them.
    pub reserved_mounts: Vec<MountPath>,
}

/// How much of each a user may have that is not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Services.
    pub services: u32,
    /// Backends.
    pub backends: u32,
    /// Domains.
    pub domains: u32,
    /// Routes.
    pub routes: u32,
}

/// What the dashboard, the API and the tunnel endpoint serve under.
const RESERVED_MOUNTS: [&str; 11] = [
    "/.well-known",
    "/api",
    "/favicon.ico",
    "/favicon.svg",
    "/healthz",
    "/metrics",
    "/pkg",
    "/readyz",
    "/tunnel",
    "/web",
    "/ws",
];

impl Default for RoutingSettings {
    fn default() -> Self {
        Self {
            members: Limits { services: 100, backends: 1_000, domains: 100, routes: 1_000 },
            administrators: Limits { services: 10_000, backends: 100_000, domains: 10_000, routes: 1_000_000 },
            reserved_mounts: RESERVED_MOUNTS.iter().filter_map(|mount| mount.parse().ok()).collect(),
        }
    }
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignupPolicy {
    /// Whoever makes the first account; then nobody. The default.
    #[default]
    FirstAccount,
    /// Everybody.
    Open,
    /// Nobody, except for the first account.
    Closed,
    /// Who was invited.
    Invite,
}

impl SignupPolicy {
    /// The name used in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstAccount => "first-account",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Invite => "invite",
        }
    }
}

impl fmt::Display for SignupPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no [`SignupPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown sign-up policy; use open, closed or invite")]
pub struct UnknownSignupPolicy;

impl FromStr for SignupPolicy {
    type Err = UnknownSignupPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownSignupPolicy> {
        [Self::FirstAccount, Self::Open, Self::Closed, Self::Invite]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or(UnknownSignupPolicy)
    }
}

/// Where the data is: `sqlite://PATH` or `postgres://…`. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Sqlite(PathBuf),
    Postgres(Url),
}

/// Why a text is not accepted as a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Neither SQLite nor PostgreSQL.
    #[error("a database is given as sqlite://path/to/file or postgres://user:password@host:5432/name")]
    Scheme,
    /// SQLite without a file.
    #[error("sqlite:// wants the path of a file, such as sqlite://data/switchboard.db")]
    NoFile,
    /// PostgreSQL without a host or database.
    #[error("this is not a PostgreSQL address ({0}); it should look like postgres://user:password@host:5432/name")]
    Postgres(String),
}

impl DatabaseUrl {
    /// A SQLite database in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Sqlite(path.into()))
    }

    /// The file, when it is SQLite.
    pub fn sqlite_path(&self) -> Option<&std::path::Path> {
        match &self.0 {
            Kind::Sqlite(path) => Some(path),
            Kind::Postgres(_) => None,
        }
    }

    pub(crate) fn postgres_url(&self) -> Option<&Url> {
        match &self.0 {
            Kind::Sqlite(_) => None,
            Kind::Postgres(url) => Some(url),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains([':', '?']) {
                return Err(DatabaseUrlError::NoFile);
            }
            return Ok(Self::sqlite(path));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let url = Url::parse(text).map_err(|error| DatabaseUrlError::Postgres(error.to_string()))?;
        if url.path().trim_matches('/').is_empty() {
            return Err(DatabaseUrlError::Postgres("the name of the database is missing".into()));
        }
        Ok(Self(Kind::Postgres(url)))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Kind::Postgres(url) => {
                let mut url = url.clone();
                // Refused only for addresses without a host, which then have no password either.
                if url.password().is_some() && url.set_password(Some("***")).is_err() {
                    return f.write_str("postgres://***");
                }
                // The password may also be a query parameter.
                url.set_query(None);
                url.fmt(f)
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn all_reserved_mounts_are_mounts() {
        assert_eq!(RoutingSettings::default().reserved_mounts.len(), RESERVED_MOUNTS.len());
    }

    #[test]
    fn addresses_of_a_domain_are_its_own_and_of_no_other() {
        let here = OidcSignUp::Domains(vec!["example.com".parse().unwrap()]);
        for (email, lets_in) in [
            ("ada@example.com", true),
            ("ada@EXAMPLE.com", true),
            ("ada@sub.example.com", false),
            ("ada@badexample.com", false),
            ("ada@example.com.evil.example", false),
        ] {
            let email: Email = email.parse().unwrap();
            assert_eq!(here.lets_in(&email), lets_in, "{email}");
            assert!(OidcSignUp::Anyone.lets_in(&email) && !OidcSignUp::Off.lets_in(&email));
        }
    }

    #[test]
    fn databases_are_told_apart() {
        let sqlite: DatabaseUrl = "sqlite://data/switchboard.db".parse().unwrap();
        assert_eq!(sqlite.sqlite_path(), Some(std::path::Path::new("data/switchboard.db")));
        let postgres: DatabaseUrl = "postgresql://me:hidden@db:5432/name?password=hidden".parse().unwrap();
        assert_eq!((postgres.sqlite_path(), postgres.to_string().as_str()), (None, "postgresql://me:***@db:5432/name"));
        assert_eq!("mysql://me@db/name".parse::<DatabaseUrl>(), Err(DatabaseUrlError::Scheme));
        assert_eq!("sqlite://".parse::<DatabaseUrl>(), Err(DatabaseUrlError::NoFile));
        assert!(matches!("postgres://db".parse::<DatabaseUrl>(), Err(DatabaseUrlError::Postgres(_))));
    }

    proptest::proptest! {
        #[test]
        fn a_password_is_never_shown(password in "[a-zA-Z0-9%!]{3,20}", rest in "[a-z0-9:@/?=]{0,30}") {
            if let Ok(url) = format!("postgres://u:zz{password}zz@{rest}").parse::<DatabaseUrl>() {
                let shown = format!("{url:?} {url}");
                proptest::prop_assert!(!shown.contains(&format!("zz{password}zz")), "{}", shown);
            }
        }
    }
}
