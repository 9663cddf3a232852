//! The one handle on everything.

use crate::{
    Accounts, Alerts, ApiSessions, Audit, Changes, Connections, CoreError, Declared, Drafts, Engine, Hosts,
    Idempotency, Inspector, LinkSecret, Nodes, OpenError, Passes, PersonalTokens, Pools, Presence, Regions, Relays,
    Replayer, Result, Revisions, Routes, Routing, ServerLimits, Settings, SigningKeys, Switches, Tokens, Traffic,
    Tunnels, Verifier, WebSessions,
    accounts::{FirstAccount, SignIns},
    auth::{Passwords, Throttle},
    edit::Desk,
    news::News,
    resealing,
    sealing::Sealer,
    sessions::Lifetime,
    store::{self, Store, Vault},
    tokens::{Reveals, ShortTokens},
    tunnels::Addresses,
};
use sea_orm::ConnectionTrait;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The shortest key for HS256 (RFC 7518 section 3.2), bytes.
const MIN_KEY: usize = 32;

/// How often sessions that have ended are removed.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// All services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Services(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    store: Store,
    accounts: Accounts,
    audit: Audit,
    passes: Passes,
    drafts: Drafts,
    relays: Relays,
    tokens: Tokens,
    personal_tokens: PersonalTokens,
    link_reveals: Reveals<LinkSecret>,
    tunnels: Tunnels,
    pools: Pools,
    hosts: Hosts,
    routes: Routes,
    regions: Regions,
    nodes: Nodes,
    switches: Switches,
    revisions: Revisions,
    declared: Declared,
    routing: Routing,
    traffic: Arc<Traffic>,
    inspector: Inspector,
    alerts: Alerts,
    connections: Connections,
    web_sessions: WebSessions,
    api_sessions: ApiSessions,
    idempotency: Idempotency,
    signing_keys: Arc<SigningKeys>,
    server_limits: ServerLimits,
    presence: Presence,
    changes: Changes,
    news: News,
    engine: OnceLock<Arc<dyn Engine>>,
    verifier: OnceLock<Arc<dyn Verifier>>,
    replayer: OnceLock<Arc<dyn Replayer>>,
}

impl Services {
    /// Connects, brings the tables up to date and starts.
    ///
    /// # Errors
    /// See [`OpenError`]; the texts say what to do.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        if settings.jwt_secret.expose().len() < MIN_KEY || settings.sealing_key.expose().len() < MIN_KEY {
            return Err(OpenError::WeakKey);
        }
        let vault = Vault::new(&settings.sealing_key).map_err(|error| OpenError::Start(error.to_string()))?;
        let store = store::open(&settings.database_url, vault).await?;
        resealing::adopt(&store, &settings).await?;
        let started = Self::start(settings, store).await;
        started.map_err(|error| OpenError::Start(error.cause().map_or_else(|| error.to_string(), str::to_owned)))
    }

    async fn start(settings: Settings, store: Store) -> Result<Self> {
        let changes = Changes::new();
        let presence = Presence::new(changes.clone());
        let traffic = Arc::new(Traffic::new(store.clone(), presence.clone()));
        let alerts = Alerts::new(
            store.clone(),
            presence.clone(),
            Arc::clone(&traffic),
            changes.clone(),
            settings.outside.clone(),
        );
        let audit = Audit::new(store.clone());
        let accounts = Accounts {
            store: store.clone(),
            passwords: Passwords::new()?,
            throttle: Throttle::default(),
            changes: changes.clone(),
            signup: settings.signup,
            first: FirstAccount::new(!settings.loopback_only),
            public_url: settings.public_url.clone(),
            alerts: alerts.clone(),
            audit: audit.clone(),
            reveals: Reveals::default(),
            code_reveals: Reveals::default(),
            seal: crate::tickets::Seal::new(&settings.sealing_key)?,
            oidc: settings.oidc.clone(),
            sign_ins: SignIns::default(),
        };
        accounts.any_exist().await?;
        let addresses =
            Addresses { public_url: settings.public_url.clone(), tunnel_domain: settings.tunnel_domain.clone() };
        let desk = Desk::new(store.clone(), changes.clone(), &settings, Passwords::new()?);
        let tunnels = Tunnels {
            store: store.clone(),
            desk: desk.clone(),
            presence: presence.clone(),
            traffic: Arc::clone(&traffic),
            changes: changes.clone(),
            addresses: addresses.clone(),
            max_per_user: settings.max_tunnels_per_user,
            name_cooldown: settings.name_cooldown,
        };
        let lifetime = Lifetime::new(settings.session_lifetime);
        let web_sessions = WebSessions { store: store.clone(), changes: changes.clone(), lifetime };
        let sealer = Sealer::new(&settings.sealing_key, b"signing keys")?;
        let signing_keys = Arc::new(SigningKeys::new(store.clone(), &settings.jwt_secret, sealer));
        let api_sessions = ApiSessions::new(store.clone(), changes.clone(), Arc::clone(&signing_keys));
        let idempotency = Idempotency::new(store.clone(), &settings.jwt_secret)?;
        Ok(Self(Arc::new(Inner {
            accounts,
            personal_tokens: PersonalTokens {
                store: store.clone(),
                changes: changes.clone(),
                reveals: Reveals::default(),
            },
            drafts: Drafts { store: store.clone(), seal: crate::tickets::Seal::new(&settings.sealing_key)? },
            relays: Relays { seal: crate::tickets::Seal::new(&settings.sealing_key)? },
            passes: Passes { store: store.clone(), seal: crate::tickets::Seal::new(&settings.sealing_key)?, lifetime },
            tokens: Tokens {
                store: store.clone(),
                changes: changes.clone(),
                reveals: Reveals::default(),
                short: ShortTokens::new(Arc::clone(&signing_keys)),
                audit: audit.clone(),
            },
            audit,
            link_reveals: Reveals::default(),
            tunnels,
            pools: Pools { desk: desk.clone() },
            hosts: Hosts { desk: desk.clone() },
            routes: Routes { desk: desk.clone() },
            regions: Regions { desk: desk.clone() },
            nodes: Nodes { store: store.clone() },
            switches: Switches { desk: desk.clone() },
            revisions: Revisions { desk: desk.clone() },
            declared: Declared { desk: desk.clone() },
            routing: Routing { desk, addresses },
            connections: Connections { store: store.clone(), presence: presence.clone() },
            alerts,
            traffic,
            inspector: Inspector::new(store.clone(), changes.clone(), settings.inspector.clone()),
            web_sessions,
            api_sessions,
            idempotency,
            signing_keys,
            server_limits: ServerLimits { store: store.clone(), changes: changes.clone() },
            presence,
            news: News::new(store.clone(), changes.clone()),
            changes,
            engine: OnceLock::new(),
            verifier: OnceLock::new(),
            replayer: OnceLock::new(),
            settings,
            store,
        })))
    }

    /// What has to be done again and again, until it is stopped: measuring traffic, hearing of other nodes' changes,
    /// looking after alerts, removing sessions that have ended.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            self.traffic().run(stop.clone()),
            self.inspector().run(stop.clone()),
            self.0.news.run(&self.0.inspector, stop.clone()),
            // Boxed, since they are large.
            Box::pin(self.connections().run(stop.clone())),
            Box::pin(self.alerts().watch(self.engine_place(), stop.clone())),
            Box::pin(self.alerts().deliver(stop.clone())),
            self.tidy(stop)
        );
    }

    /// Removes for good what was deleted so long ago that it cannot be restored any more, and what there is too much of; how
    /// many rows that were. It happens every hour while this [runs](Self::run).
    ///
    /// # Errors
    /// When the database is away.
    pub async fn purge_deleted(&self) -> Result<u64> {
        let store = &self.0.store;
        let removed = crate::purge::run(store).await? + crate::alerts::purge(store).await?;
        let removed = removed + crate::connections::purge(store).await? + self.audit().purge().await?;
        Ok(removed + self.traffic().purge_gone().await?)
    }

    async fn tidy(&self, stop: CancellationToken) {
        let mut hours = tokio::time::interval(TIDY_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = hours.tick() => {}
            }
            let purged = async {
                Ok::<_, CoreError>(
                    self.web_sessions().purge_expired().await?
                        + self.api_sessions().purge_expired().await?
                        + self.accounts().purge_links().await?
                        + self.idempotency().purge_expired().await?
                        + self.drafts().purge_expired().await?
                        + self.passes().purge_expired().await?
                        + self.signing_keys().purge().await?,
                )
            };
            match purged.await {
                Ok(removed) => tracing::debug!(removed, "sessions and idempotency keys that have ended were removed"),
                Err(error) => {
                    tracing::warn!(
                        cause = error.cause(),
                        "sessions and idempotency keys that have ended were not removed: {error}"
                    );
                }
            }
            match self.purge_deleted().await {
                Ok(removed) => tracing::debug!(removed, "what was deleted long ago was removed"),
                Err(error) => {
                    tracing::warn!(cause = error.cause(), "what was deleted long ago was not removed: {error}");
                }
            }
        }
    }

    /// Accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// What was entered into forms that come back.
    pub fn drafts(&self) -> &Drafts {
        &self.0.drafts
    }

    /// What has to do with security.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// What lets people in at hosts in front of which one signs in here.
    pub fn passes(&self) -> &Passes {
        &self.0.passes
    }

    /// What tells switchboards of other regions whose requests are that are passed on to them.
    pub fn relays(&self) -> &Relays {
        &self.0.relays
    }

    /// What is kept of exchanges.
    pub fn inspector(&self) -> &Inspector {
        &self.0.inspector
    }

    /// Personal tokens.
    pub fn personal_tokens(&self) -> &PersonalTokens {
        &self.0.personal_tokens
    }

    /// Tunnel tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Tunnels.
    pub fn tunnels(&self) -> &Tunnels {
        &self.0.tunnels
    }

    /// Services and backends.
    pub fn pools(&self) -> &Pools {
        &self.0.pools
    }

    /// Domains.
    pub fn hosts(&self) -> &Hosts {
        &self.0.hosts
    }

    /// Routes.
    pub fn routes(&self) -> &Routes {
        &self.0.routes
    }

    /// Switches that are on their way.
    pub fn switches(&self) -> &Switches {
        &self.0.switches
    }

    /// Regions.
    pub fn regions(&self) -> &Regions {
        &self.0.regions
    }

    /// Switchboards on this database.
    pub fn nodes(&self) -> &Nodes {
        &self.0.nodes
    }

    /// Who changed what.
    pub fn revisions(&self) -> &Revisions {
        &self.0.revisions
    }

    /// What is routed by, as one document.
    pub fn declared(&self) -> &Declared {
        &self.0.declared
    }

    /// What the engine routes by.
    pub fn routing(&self) -> &Routing {
        &self.0.routing
    }

    /// Measured traffic.
    pub fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    /// Telephones that were connected.
    pub(crate) fn connections(&self) -> &Connections {
        &self.0.connections
    }

    /// What users want to be told of.
    pub fn alerts(&self) -> &Alerts {
        &self.0.alerts
    }

    /// Sessions of browsers.
    pub fn web_sessions(&self) -> &WebSessions {
        &self.0.web_sessions
    }

    /// Sessions of programs.
    pub fn api_sessions(&self) -> &ApiSessions {
        &self.0.api_sessions
    }

    /// Requests that must not happen twice.
    pub fn idempotency(&self) -> &Idempotency {
        &self.0.idempotency
    }

    /// What access tokens are signed with.
    pub fn signing_keys(&self) -> &SigningKeys {
        &self.0.signing_keys
    }

    /// What the whole switchboard carries.
    pub fn server_limits(&self) -> &ServerLimits {
        &self.0.server_limits
    }

    /// Connected telephones.
    pub fn presence(&self) -> &Presence {
        &self.0.presence
    }

    pub(crate) fn link_reveals(&self) -> &Reveals<LinkSecret> {
        &self.0.link_reveals
    }

    pub(crate) fn engine_place(&self) -> &OnceLock<Arc<dyn Engine>> {
        &self.0.engine
    }

    pub(crate) fn verifier_place(&self) -> &OnceLock<Arc<dyn Verifier>> {
        &self.0.verifier
    }

    pub(crate) fn replayer_place(&self) -> &OnceLock<Arc<dyn Replayer>> {
        &self.0.replayer
    }

    /// News within the process.
    pub fn changes(&self) -> &Changes {
        &self.0.changes
    }

    /// What the services were opened with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Whether the database answers within a second.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    pub async fn ready(&self) -> Result<()> {
        let question = self.0.store.read().execute_unprepared("SELECT 1");
        match tokio::time::timeout(Duration::from_secs(1), question).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(CoreError::Unavailable(error.to_string())),
            Err(_) => Err(CoreError::Unavailable("the database did not answer within a second".into())),
        }
    }

    /// Stores what is only in memory and closes the database.
    pub async fn close(&self) {
        if let Err(error) = self.0.traffic.store_now().await {
            tracing::warn!(cause = error.cause(), "the last traffic figures could not be stored: {error}");
        }
        if let Err(error) = self.0.connections.store_ended().await {
            tracing::warn!(cause = error.cause(), "the last sessions could not be stored: {error}");
        }
        if let Err(error) = self.0.store.close().await {
            tracing::warn!("the database could not be closed in good order: {error}");
        }
    }
}
