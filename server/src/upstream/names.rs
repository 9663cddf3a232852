//! Looking up the names of backends.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::Hostname;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;

/// For how long the system's settings are believed to be what they were.
const SETTINGS_AGE: Duration = Duration::from_secs(30);
/// How long an answer is used at least and at most, whatever the name server says.
const USE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long one is used that says nothing of it.
const USE_OTHERWISE: Duration = Duration::from_secs(30);
/// How long a name server has to answer, and how often it is asked.
const PATIENCE: (Duration, usize) = (Duration::from_millis(1500), 2);

/// Looks names up as the system's settings say (`/etc/hosts`, `/etc/resolv.conf`): name servers are asked directly, since
/// that tells how long an answer holds and takes no thread. A name that they do not know is looked up by the system's own
/// library as well, which may have other sources.
pub struct Names {
    /// Empty: those of the system.
    servers: Vec<SocketAddr>,
    resolver: Mutex<(Option<TokioResolver>, Instant)>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) until: Instant,
}

/// Why a name stands for nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NameError {
    /// There is no such name, or it has no address.
    #[error("the name {0} has no address; check its spelling and its DNS records")]
    Unknown(Hostname),
    /// The name servers did not say.
    #[error("the name {0} could not be looked up: {1}")]
    Failed(Hostname, String),
}

impl Names {
    /// As the system's settings say, which are read again every half minute in which something is looked up.
    pub fn of_system() -> Self {
        Self::asking(Vec::new())
    }

    /// As these name servers say, and the system's hosts file; the system's settings when there is none among them.
    pub fn asking(servers: Vec<SocketAddr>) -> Self {
        let resolver = Mutex::new((resolver(&servers), Instant::now()));
        Self { servers, resolver }
    }

    /// What `name` stands for now: at least one address.
    pub(super) async fn look_up(&self, name: &Hostname) -> Result<Found, NameError> {
        let asked = match self.current() {
            Some(resolver) => resolver.lookup_ip(name.as_str()).await,
            None => Err(NetError::NoConnections),
        };
        let error = match asked {
            Ok(found) => {
                let now = Instant::now();
                let until = found.valid_until().clamp(now + USE.0, now + USE.1);
                return Ok(Found { addresses: found.iter().collect(), until });
            }
            Err(error) => error,
        };
        let unknown = error.is_no_records_found();
        let of_system = self.servers.is_empty();
        // Without a name server that can be reached, the system's settings are of another kind than those read here.
        let unreachable = error.is_connection_closed() || matches!(error, NetError::NoConnections | NetError::Io(_));
        if of_system && (unknown || unreachable) {
            let addresses = of_library(name).await;
            if !addresses.is_empty() {
                return Ok(Found { addresses, until: Instant::now() + USE_OTHERWISE });
            }
        }
        let (name, reason) = (name.clone(), error.to_string());
        Err(if unknown { NameError::Unknown(name) } else { NameError::Failed(name, reason) })
    }

    fn current(&self) -> Option<TokioResolver> {
        let mut current = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.elapsed() > SETTINGS_AGE {
            *current = (resolver(&self.servers), Instant::now());
        }
        current.0.clone()
    }
}

fn resolver(servers: &[SocketAddr]) -> Option<TokioResolver> {
    let settings = if servers.is_empty() {
        TokioResolver::builder_tokio()
    } else {
        let config = ResolverConfig::from_name_servers(servers.iter().map(name_server).collect());
        Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
    };
    let built = settings.and_then(|mut builder| {
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        (options.timeout, options.attempts) = PATIENCE;
        // Answers are kept by whom they are for: a backend that cannot be reached is looked up anew at once.
        options.cache_size = 0;
        builder.build()
    });
    built.inspect_err(|error| tracing::debug!(%error, "the system's settings of name servers cannot be used")).ok()
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

async fn of_library(name: &Hostname) -> Vec<IpAddr> {
    match tokio::net::lookup_host((name.as_str(), 0)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::debug!(%name, %error, "the system does not know the name either");
            Vec::new()
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}
