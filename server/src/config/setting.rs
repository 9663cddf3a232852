//! The table of settings: every flag, variable and key of the file comes from here.

/// One setting: how it is named, what it is for, what it is when nobody says anything.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file. The flag has hyphens instead of underscores, the variable is `SWITCHBOARD_` and the key
    /// in capitals.
    pub key: &'static str,
    /// What a value looks like.
    pub value: &'static str,
    /// What it is for, in one sentence without a full stop.
    pub help: &'static str,
    /// What applies when it is set nowhere, as people would write it.
    pub default: &'static str,
    /// Under which heading `--help` lists it.
    pub heading: &'static str,
    /// A secret has no flag: every user of a machine can read the command line of every process.
    pub secret: bool,
}

impl Setting {
    const fn new(
        heading: &'static str,
        key: &'static str,
        value: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self { key, value, help, default, heading, secret: false }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The flag without its two hyphens.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The environment variable; with `_FILE` after it, the variable that names a file holding the value.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_ascii_uppercase())
    }
}

/// What every variable of ours begins with.
pub const PREFIX: &str = "SWITCHBOARD_";

const ADDRESSES: &str = "Addresses";
const STORAGE: &str = "Storage";
const ACCOUNTS: &str = "Accounts";
const OIDC: &str = "Sign-in with OpenID Connect";
const LIMITS: &str = "Limits";
const CAPTURE: &str = "Recorded requests";
const ALERTS: &str = "Alerts";
const NODE: &str = "This node";
const LOGS: &str = "Logs";

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident = $setting:expr;)*) => {
        $($(#[$doc])* pub const $name: Setting = $setting;)*

        /// Every setting, in the order in which `--help` lists them.
        pub static ALL: &[Setting] = &[$($name),*];
    };
}

settings! {
    /// The one public listener.
    LISTEN = Setting::new(ADDRESSES, "listen", "ADDRESS:PORT", "127.0.0.1:8080",
        "Where browsers, API clients and telephones connect; port 0 takes a free one");
    /// The address people type.
    PUBLIC_URL = Setting::new(ADDRESSES, "public_url", "URL", "http://localhost:PORT",
        "The address under which people reach the dashboard");
    /// Below which tunnels get their names.
    TUNNEL_DOMAIN = Setting::new(ADDRESSES, "tunnel_domain", "DOMAIN", "localhost",
        "Tunnels are reached at SUBDOMAIN.DOMAIN");
    /// The listener for Prometheus.
    METRICS_LISTEN = Setting::new(ADDRESSES, "metrics_listen", "ADDRESS:PORT", "127.0.0.1:9090",
        "Where Prometheus metrics are served; `off` serves none");
    /// Whose word is taken for who the client is.
    TRUSTED_PROXIES = Setting::new(ADDRESSES, "trusted_proxies", "CIDR,...", "none",
        "Proxies in front of this server whose forwarded headers are believed");
    /// Who is asked about the records of domains.
    DNS_RESOLVER = Setting::new(ADDRESSES, "dns_resolver", "ADDRESS,...", "the system's",
        "Name servers that are asked whose a domain is; port 53 unless another is given");
    /// Who is asked where backends are.
    UPSTREAM_RESOLVER = Setting::new(ADDRESSES, "upstream_resolver", "ADDRESS,...", "the system's",
        "Name servers that are asked where backends, webhooks and the sign-in provider are, beside the hosts file");

    /// Where the server keeps its files.
    DATA_DIR = Setting::new(STORAGE, "data_dir", "FOLDER", "./data",
        "Folder for the database and the keys; made when missing");
    /// Where the database is.
    DATABASE_URL = Setting::new(STORAGE, "database_url", "URL", "switchboard.db in the data folder",
        "The database: sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME");

    /// Who may make an account.
    SIGNUP = Setting::new(ACCOUNTS, "signup", "open|closed|invite", "open until the first account, then closed",
        "Who may create an account");
    /// How long somebody stays signed in.
    SESSION_LIFETIME = Setting::new(ACCOUNTS, "session_lifetime", "DURATION", "30d",
        "How long a browser stays signed in, however much it is used; one that is not used for 7 days is signed out before");
    /// For how long a name is kept for who had it.
    NAME_COOLDOWN = Setting::new(ACCOUNTS, "name_cooldown", "DURATION", "7d",
        "How long the name of a deleted tunnel is kept from other members, but no longer than the tunnel was there; 0s: not at all");
    /// What API access tokens are signed with.
    JWT_SECRET = Setting::new(ACCOUNTS, "jwt_secret", "TEXT", "jwt.key in the data folder, made at the first start",
        "Key that signs API access tokens, at least 32 characters").secret();
    /// What is encrypted at rest is encrypted with.
    SEALING_KEY = Setting::new(ACCOUNTS, "sealing_key", "TEXT", "sealing.key in the data folder, made at the first start",
        "Key that encrypts secrets in the database, at least 32 characters; nodes on one database have the same").secret();
    /// Where what members enter may lead.
    MEMBER_NETWORKS = Setting::new(ACCOUNTS, "member_networks", "CIDR,...", "none",
        "Private networks in which members' backends and webhooks may be, besides the Internet; administrators' may be anywhere");

    /// By which provider people sign in.
    OIDC_ISSUER = Setting::new(OIDC, "oidc_issuer", "URL", "none",
        "Provider by which people sign in, as it names itself: without /.well-known/openid-configuration");
    /// What this server is called there.
    OIDC_CLIENT_ID = Setting::new(OIDC, "oidc_client_id", "TEXT", "none",
        "What the provider calls this server");
    /// How it shows there that it is itself.
    OIDC_CLIENT_SECRET = Setting::new(OIDC, "oidc_client_secret", "TEXT", "none",
        "Secret that the provider has given to this server").secret();
    /// What people call the provider.
    OIDC_NAME = Setting::new(OIDC, "oidc_name", "TEXT", "the host in oidc_issuer",
        "What the sign-in page calls the provider");
    /// Who gets an account by it.
    OIDC_SIGN_UP = Setting::new(OIDC, "oidc_sign_up", "off|anyone|DOMAIN,...", "off",
        "Who gets an account by signing in there: nobody, or whose e-mail address is verified, perhaps of these domains only");

    /// How many connections at once.
    MAX_CONNECTIONS = Setting::new(LIMITS, "max_connections", "NUMBER", "20000",
        "Connections served at one time; further ones are answered 503. The limit of open files lowers it");
    /// How many of one client.
    CLIENT_CONNECTIONS = Setting::new(LIMITS, "client_connections", "NUMBER|off", "1000",
        "Connections of one address (IPv6: of one /64) at one time; this machine's own and trusted_proxies' are not counted");
    /// How long a request's head may take.
    HEADER_TIMEOUT = Setting::new(LIMITS, "header_timeout", "DURATION", "10s",
        "How long a client may take to send the head of a request");
    /// How long a connection may do nothing.
    IDLE_TIMEOUT = Setting::new(LIMITS, "idle_timeout", "DURATION", "60s",
        "How long a connection may be silent, between two requests or within a body");
    /// How long an origin may take.
    RESPONSE_TIMEOUT = Setting::new(LIMITS, "response_timeout", "DURATION", "120s",
        "How long a local server may take to begin its response");
    /// How long requests wait for a telephone.
    HOLD_TIMEOUT = Setting::new(LIMITS, "hold_timeout", "DURATION", "10s",
        "How long requests wait for a telephone that broke off; 0s refuses them at once");
    /// How many of them.
    HOLD_LIMIT = Setting::new(LIMITS, "hold_limit", "NUMBER", "100",
        "Requests that wait for the telephone of one tunnel at one time");
    /// How often telephones are asked whether they are there.
    HEARTBEAT = Setting::new(LIMITS, "heartbeat", "DURATION", "2s",
        "How often a silent telephone is asked whether it is there; after two of these it is given up");
    /// How often backends are checked.
    HEALTH_INTERVAL = Setting::new(LIMITS, "health_interval", "DURATION", "10s",
        "How often a backend is checked whose service does not say how often");
    /// How long a check waits.
    HEALTH_TIMEOUT = Setting::new(LIMITS, "health_timeout", "DURATION", "2s",
        "How long a backend may take to answer a check when its service does not say how long");
    /// How large a request may be.
    BODY_LIMIT = Setting::new(LIMITS, "body_limit", "SIZE|off", "off",
        "How large the body of a request may be where its owner has not said anything");
    /// How long a shutdown waits.
    SHUTDOWN_GRACE = Setting::new(LIMITS, "shutdown_grace", "DURATION", "30s",
        "How long requests in flight may go on after a stop signal");

    /// How much is recorded.
    CAPTURE_LEVEL = Setting::new(CAPTURE, "capture_level", "off|metadata|headers|bodies", "metadata",
        "How much is recorded of requests whose owner does not say how much");
    /// How many of them.
    CAPTURE_RATE = Setting::new(CAPTURE, "capture_rate", "NUMBER", "1000",
        "Requests that are recorded in a second, and two seconds' worth at once after a quiet time; 0 records none");
    /// How much room they take.
    CAPTURE_DISK = Setting::new(CAPTURE, "capture_disk", "SIZE", "2GiB",
        "How much recorded requests may take in the database, all together; the oldest go first");

    /// Who sends mail.
    SMTP_URL = Setting::new(ALERTS, "smtp_url", "URL", "none, no mail is sent",
        "Mail server: smtp://USER@HOST:PORT with STARTTLS, smtps:// with TLS, or smtp://HOST?tls=none");
    /// Whom mail is from.
    SMTP_FROM = Setting::new(ALERTS, "smtp_from", "ADDRESS", "none",
        "Address of e-mail that mail is from");
    /// What the mail server's user signs in with.
    SMTP_PASSWORD = Setting::new(ALERTS, "smtp_password", "TEXT", "none",
        "Password of the user in smtp_url").secret();
    /// The threads of the data plane.
    DATA_THREADS = Setting::new(NODE, "data_threads", "NUMBER", "half the cores, at most 8",
        "Threads that carry requests");
    /// How often the routing table is read anew.
    UPDATE_INTERVAL = Setting::new(NODE, "update_interval", "DURATION", "10s",
        "How often the routing table is read anew, besides whenever something changes");
    /// Where this process lives.
    REGION = Setting::new(NODE, "region", "NAME", "none",
        "Where this server lives; shown in its metrics");
    /// What this process is called.
    NODE_NAME = Setting::new(NODE, "node", "NAME", "the host name",
        "What this server is called in its metrics and in the list of nodes; on one database no two have the same");

    /// What is logged.
    LOG_LEVEL = Setting::new(LOGS, "log_level", "LEVEL", "info",
        "error, warn, info, debug or trace; also by part: info,server::proxy=debug");
    /// How it is written.
    LOG_FORMAT = Setting::new(LOGS, "log_format", "text|json", "text",
        "Lines for people, or one JSON object a line for machines");
}

/// The setting whose key is closest to a mistyped one, when one is close enough to be meant.
pub fn nearest(key: &str) -> Option<&'static Setting> {
    let key = key.to_ascii_lowercase().replace('-', "_");
    ALL.iter()
        .map(|setting| (strsim::damerau_levenshtein(&key, setting.key), setting))
        .filter(|(distance, setting)| *distance <= 1 + setting.key.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, setting)| setting)
}
