//! The parts put together: what is built in which order, and in which order it stops.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use futures_util::future::BoxFuture;
use server_core::{CoreError, NodeNews, OpenError, Outside, Services, Settings};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::alerts::{Mailer, Messenger, Webhooks};
use crate::api::BASE;
use crate::background::Background;
use crate::config::{Config, DataDir, DataDirError, DataDirLock};
use crate::domains::{self, DomainChecker};
use crate::front::Doorman;
use crate::handover::{Inherited, Predecessor, notify};
use crate::health::HealthChecks;
use crate::ingress::{Acceptor, DataPlane, Departure, Dispatch, ENDPOINT, Limits, Places, Room, TrustedProxies};
use crate::oidc::Provider;
use crate::proxy::{Proxy, Timeouts};
use crate::replay::Replays;
use crate::routing::{Routing, Window};
use crate::tunnel::{Endpoint, Registry, TokenWatch};
use crate::web::{Assets, WebSettings};
use crate::wiring::Engine;
use crate::{api, observe, web};

/// Connections to the metrics listener at once.
const METRICS_CONNECTIONS: usize = 64;
/// Connections beyond `max_connections` that are told so.
const SPARE_CONNECTIONS: usize = 128;
/// Open files that are kept for other things than connections that are served: those that are not, the database, metrics,
/// the front end.
const OTHER_FILES: u64 = 256 + SPARE_CONNECTIONS as u64;
/// How long work beside requests may take to end.
const BACKGROUND_GRACE: Duration = Duration::from_secs(5);

/// A switchboard that has its addresses and its data, and serves nothing yet.
#[derive(Debug)]
pub struct App {
    config: Config,
    services: Services,
    routing: Arc<Routing>,
    registry: Arc<Registry>,
    checks: Arc<HealthChecks>,
    domains: Arc<domains::Watch>,
    listener: Acceptor,
    metrics: Option<Acceptor>,
    public_url: Url,
    provider: Option<Arc<Provider>>,
    assets: Assets,
    lock: DataDirLock,
    predecessor: Option<Predecessor>,
}

/// Why a switchboard does not start. Each text names the setting and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// An address cannot be listened on.
    #[error("{key}: cannot listen on {address}: {cause}; stop what uses it, or choose another address with --{} or {variable}", .key.replace('_', "-"))]
    Listen {
        /// The setting.
        key: &'static str,
        /// The environment variable of the setting.
        variable: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// Mail cannot be sent.
    #[error("smtp_url: TLS to the mail server cannot be prepared: {0}")]
    Mail(#[from] lettre::transport::smtp::Error),
    /// Nobody can sign in by the provider.
    #[error("oidc_issuer: {0}; write it as the provider does")]
    Provider(#[from] url::ParseError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read.
    #[error("the tunnels cannot be read from the database: {0}")]
    Load(#[from] CoreError),
}

impl App {
    /// Takes the data folder, the addresses and the database, in this order, and reads the tunnels. Nobody is served
    /// before [`run`](Self::run); who connects meanwhile waits.
    ///
    /// In a box, as [`run`](Self::run) is: what an `async fn` does is compiled by each crate that awaits it, which here
    /// would be the whole server for each of the tests' programs.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn build(config: Config) -> BoxFuture<'static, Result<Self, StartError>> {
        Self::build_with(config, Inherited::default())
    }

    /// The same with what was handed over, which goes before what the settings say.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn build_with(config: Config, inherited: Inherited) -> BoxFuture<'static, Result<Self, StartError>> {
        Box::pin(Self::take(config, inherited))
    }

    async fn take(config: Config, inherited: Inherited) -> Result<Self, StartError> {
        let folder = DataDir::open(&config.storage)?;
        let predecessor = inherited.predecessor;
        let lock = if predecessor.is_some() { folder.lock_when_free()? } else { folder.lock()? };
        let listener = listen("listen", "SWITCHBOARD_LISTEN", config.addresses.listen, inherited.listener)?;
        let metrics = config.addresses.metrics_listen;
        let metrics = metrics
            .map(|address| listen("metrics_listen", "SWITCHBOARD_METRICS_LISTEN", address, inherited.metrics))
            .transpose()?;
        let public_url = config.addresses.public_url(listener.address());
        let own = std::iter::once(listener.address()).chain(metrics.as_ref().map(Acceptor::address)).collect();
        let outside = config.outside(own);
        let settings = config.for_services(&folder, listener.address(), outside.clone())?;
        let services = Services::open(Settings { serves: true, ..settings }).await?;
        let domains = Arc::new(domains(&services, &config, &outside));
        services.set_verifier(domains.verifier());
        let Engine { routing, registry, checks, names } = Engine::load(&config, &services, &public_url).await?;
        services.set_engine(Arc::new(Window::of(&routing)));
        let provider =
            config.oidc.as_ref().map(|oidc| Provider::new(oidc, &public_url, names.clone(), outside.clone()));
        let provider = provider.transpose()?;
        services.alerts().set_courier(Arc::new(messenger(&config, Webhooks::new(names, outside), &public_url)?));
        let assets = Assets::from_environment();
        Ok(Self {
            config,
            services,
            routing,
            registry,
            checks,
            domains,
            listener,
            metrics,
            public_url,
            provider: provider.map(Arc::new),
            assets,
            lock,
            predecessor,
        })
    }

    /// The sockets that the process after this one is to have.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn sockets(&self) -> io::Result<Vec<OwnedFd>> {
        std::iter::once(&self.listener).chain(&self.metrics).map(Acceptor::socket).collect()
    }

    /// What it knows.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Where metrics are, with the real port.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Acceptor::address)
    }

    /// Where people find the dashboard.
    pub fn public_url(&self) -> &Url {
        &self.public_url
    }

    /// All addresses of the dashboard's host, as its routers have them: with `{id}` and the like where they differ. What has to
    /// hold for every address is tested with them.
    pub fn paths(&self) -> BTreeSet<String> {
        let stop = CancellationToken::new();
        let health = observe::Health::new(self.services.clone(), stop.clone());
        let place = (&self.public_url, self.provider.clone());
        let mut paths = api::paths(&dashboard(&self.services, &health, self.assets.clone(), place, &stop));
        paths.remove(BASE);
        paths.extend(api::paths(&Router::from(api::v1::routes())).into_iter().map(|path| format!("{BASE}{path}")));
        // Answered before the router is asked; and a router does not tell of its root.
        paths.extend([ENDPOINT, "/"].map(str::to_owned));
        paths
    }

    /// The code that the set-up page asks for, when it asks for one.
    pub fn setup_code(&self) -> Option<String> {
        self.services.accounts().setup_code()
    }

    /// Serves until `stop`, then stops in order: no new connections, telephones are told to drain, requests in flight
    /// have the grace period, what is only in memory is stored, and metrics, which show all this, go last.
    ///
    /// # Errors
    /// When a listener fails for good, or the threads cannot be started.
    pub fn run(self, stop: CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(self.serve(Departure::when(stop)))
    }

    /// The same, for who wants to know more of its end.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_until(self, departure: Departure) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(self.serve(departure))
    }

    async fn serve(self, departure: Departure) -> anyhow::Result<()> {
        let Self {
            config,
            services,
            routing,
            registry,
            checks,
            domains,
            listener,
            metrics,
            public_url,
            provider,
            assets,
            ..
        } = self;
        let (lock, predecessor, stop) = (self.lock, self.predecessor, departure.stop.clone());
        let expected = registry.clone();
        let plane =
            Arc::new(DataPlane::start(config.node.data_threads).context("the data plane's threads did not start")?);
        let (background, last) = (CancellationToken::new(), CancellationToken::new());
        let health = observe::Health::new(services.clone(), stop.clone());
        let tokens = Arc::new(TokenWatch::new(services.clone(), registry.clone(), config.node.update_interval));
        let endpoint = Arc::new(Endpoint::new(
            services.clone(),
            routing.clone(),
            registry.clone(),
            tokens.clone(),
            Handle::current(),
            config.limits.heartbeat,
            stop.clone(),
        ));
        let doorman = Arc::new(Doorman::new(services.clone(), Handle::current(), public_url.clone()));
        let proxy = Proxy {
            services: services.clone(),
            timeouts: timeouts(&config),
            body_limit: config.limits.body_limit,
            refused: routing.backends().fronts().refused().clone(),
            limits: routing.backends().limits().clone(),
            doorman: doorman.clone(),
        };
        let replays = Arc::new(Replays::new(routing.clone(), proxy.clone(), &plane));
        services.set_replayer(replays.replayer());
        let dispatch = Dispatch {
            routing: routing.clone(),
            proxy,
            endpoint: endpoint.clone(),
            dashboard: dashboard(&services, &health, assets, (&public_url, provider), &stop),
            control: Handle::current(),
            trusted: TrustedProxies::new(config.addresses.trusted_proxies.clone()),
        };
        let tasks = Background::new(stop.clone());
        let chores = services.clone();
        let until = background.clone();
        tasks.spawn("recording, counting and tidying", async move { chores.run(until).await });
        let (nodes, news, until) = (services.clone(), news(&config, &public_url), background.clone());
        tasks.spawn("telling other nodes of this one", async move { nodes.nodes().run(news, until).await });
        let until = background.clone();
        tasks.spawn("checking backends", async move { checks.run(until).await });
        let (switching, until) = (routing.clone(), background.clone());
        tasks.spawn("switching services", async move { switching.follow_switches(until).await });
        let until = background.clone();
        tasks.spawn("verifying domains", async move { domains.run(until).await });
        let until = background.clone();
        tasks.spawn("looking at tokens", async move { tokens.run(until).await });
        let until = background.clone();
        tasks.spawn("looking after visitors", async move { doorman.run(until).await });
        let follow = routing.clone();
        let until = background.clone();
        let interval = config.node.update_interval;
        tasks.spawn("following the routing table", async move { follow.follow(interval, until).await });

        let places = places(&config);
        let connections = TaskTracker::new();
        let metrics_connections = TaskTracker::new();
        if let Some(metrics) = metrics {
            let sources = observe::metrics::Sources {
                services: services.clone(),
                registry,
                refused: routing.backends().fronts().refused().clone(),
                node: config.node.clone(),
                places: places.clone(),
                control: Handle::current().metrics(),
                data: plane.metrics(),
            };
            let router = observe::metrics::router(sources, &health);
            // Whoever watches the server is not turned away: it waits until one of the others has been answered.
            let room = Places::new(Room { connections: METRICS_CONNECTIONS, of_one_client: None, spare: 0 });
            let limits = limits(&config);
            let (plane, tracker, until) = (plane.clone(), metrics_connections.clone(), last.clone());
            let departure = Departure::when(until);
            tasks.spawn("the metrics listener", async move {
                if let Err(error) = metrics.run(plane, router, limits, room, tracker, departure).await {
                    tracing::error!(%error, "the metrics listener ended");
                }
            });
        }
        if let Some(predecessor) = predecessor {
            tokio::select! {
                moving = predecessor.relieve() => {
                    expected.expect_all();
                    if let Some(moving) = moving {
                        tokio::spawn(expected.follow(moving));
                    }
                }
                () = stop.cancelled() => {}
            }
        }
        notify();
        let serve =
            listener.run(plane.clone(), dispatch, limits(&config), places, connections.clone(), departure.clone());
        let served = serve.await.context("the listener failed").and(tasks.fault());

        let grace = config.limits.shutdown_grace;
        tracing::info!(?grace, "stopping: no new connections; what is in flight is finished");
        stop.cancel();
        connections.close();
        let wanted = departure.wanted().await;
        let (_, finished) =
            tokio::join!(endpoint.drain(grace, wanted), tokio::time::timeout(grace, connections.wait()));
        if finished.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "connections were still open at the end of the grace period and are cut"
            );
        }
        background.cancel();
        last.cancel();
        if !tasks.ended(BACKGROUND_GRACE).await {
            tracing::warn!(limit = ?BACKGROUND_GRACE, "background work did not end in time");
        }
        services.close().await;
        drop(metrics_connections);
        match Arc::try_unwrap(plane) {
            Ok(plane) => plane.stop(),
            Err(_) => tracing::debug!("the data plane is still in use and ends with the process"),
        }
        drop(lock);
        served
    }
}

fn listen(
    key: &'static str,
    variable: &'static str,
    address: SocketAddr,
    inherited: Option<TcpListener>,
) -> Result<Acceptor, StartError> {
    let listening = inherited.map_or_else(|| Acceptor::bind(address), Acceptor::adopt);
    listening.map_err(|cause| StartError::Listen { key, variable, address, cause })
}

fn limits(config: &Config) -> Limits {
    Limits { head: config.limits.header_timeout, idle: config.limits.idle_timeout }
}

fn places(config: &Config) -> Arc<Places> {
    Places::new(Room {
        connections: config.limits.max_connections.min(files_for_connections()),
        of_one_client: config.limits.client_connections,
        spare: SPARE_CONNECTIONS,
    })
}

/// What this process tells the others on its database of itself.
fn news(config: &Config, public_url: &Url) -> NodeNews {
    NodeNews {
        name: config.node.name.clone(),
        region: config.node.region.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: public_url.as_str().trim_end_matches('/').to_owned(),
        started_at: chrono::Utc::now(),
    }
}

/// How many connections the limit of open files leaves room for. With more, accepting would fail again and again, and
/// whatever else opens a file with it.
fn files_for_connections() -> usize {
    let files = rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).max(1)
}

fn timeouts(config: &Config) -> Timeouts {
    Timeouts { response: config.limits.response_timeout, idle: config.limits.idle_timeout }
}

/// Looks after domains that wait to be verified. Only members' do, so they lead where members' backends may.
fn domains(services: &Services, config: &Config, outside: &Arc<Outside>) -> domains::Watch {
    let names = domains::Names::new(config.addresses.dns_resolver.clone());
    domains::Watch::new(services.clone(), DomainChecker::new(names, outside.policy(false), DomainChecker::PORT))
}

/// Takes alerts' notices out.
fn messenger(config: &Config, webhooks: Webhooks, public_url: &Url) -> Result<Messenger, StartError> {
    let mailer = config.alerts.smtp.as_ref().map(|smtp| Mailer::new(smtp, public_url)).transpose()?;
    Ok(Messenger { webhooks, mailer })
}

/// All of the dashboard's host but `/tunnel`.
fn dashboard(
    services: &Services,
    health: &observe::Health,
    assets: Assets,
    (public_url, provider): (&Url, Option<Arc<Provider>>),
    stop: &CancellationToken,
) -> Router {
    let settings = WebSettings {
        secure_cookies: public_url.scheme() == "https",
        public_url: public_url.clone(),
        assets,
        provider,
        stop: stop.clone(),
    };
    health.routes().nest(BASE, api::v1::router(services.clone())).merge(web::router(services.clone(), settings))
}
