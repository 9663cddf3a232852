//! The engine put together as the settings say, for a server and for commands that ask what a server would do.

use std::sync::Arc;

use server_core::{CoreError, Services};
use url::Url;

use crate::config::Config;
use crate::health::{HealthChecks, Times};
use crate::routing::{Backends, Routing, Surroundings};
use crate::tunnel::{HoldSettings, Registry};
use crate::upstream::{self, Common, Names, Trust};

/// The engine and what it works with.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) routing: Arc<Routing>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) checks: Arc<HealthChecks>,
    pub(crate) names: Arc<Names>,
}

impl Engine {
    /// Puts it together and reads what is routed by.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn load(config: &Config, services: &Services, public_url: &Url) -> Result<Self, CoreError> {
        let names = Arc::new(Names::asking(config.addresses.upstream_resolver.clone()));
        let trust = Arc::new(Trust::of_system());
        let usual = Times { interval: config.limits.health_interval, timeout: config.limits.health_timeout };
        let checks = Arc::new(HealthChecks::new(names.clone(), trust.clone(), usual));
        let settings = upstream::Settings::default();
        let common = Common { settings, threads: config.node.data_threads, names: names.clone(), trust };
        let hold = HoldSettings { timeout: config.limits.hold_timeout, per_tunnel: config.limits.hold_limit };
        let registry = Arc::new(Registry::new(hold));
        let surroundings = Surroundings {
            dashboard: public_url.host_str().and_then(|host| host.parse().ok()),
            tunnel_domain: config.addresses.tunnel_domain.clone(),
            region: config.node.region.clone(),
        };
        let backends = Backends::new(common, services.settings().outside.clone());
        let routing = Routing::load(services.clone(), registry.clone(), backends, checks.clone(), surroundings).await?;
        Ok(Self { routing, registry, checks, names })
    }
}
