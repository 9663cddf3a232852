//! Keeps the routing table in step with the database.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use domain::{Hostname, RegionName};
use server_core::{Change, CoreError, Services};
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::build::Making;
use super::{Backends, Table};
use crate::health::HealthChecks;
use crate::tunnel::Registry;

/// How often idle connections to backends are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The dashboard's host; none when it is an IP address.
    pub dashboard: Option<Hostname>,
    /// Under what tunnels are.
    pub tunnel_domain: Hostname,
    /// Where this process lives.
    pub region: Option<RegionName>,
}

/// The current table and what it is made from.
#[derive(Debug)]
pub struct Routing {
    table: ArcSwap<Table>,
    services: Services,
    registry: Arc<Registry>,
    backends: Backends,
    health: Arc<HealthChecks>,
    surroundings: Surroundings,
    /// Held while a table is made, so that an older one never replaces a newer one.
    loading: Mutex<()>,
}

impl Routing {
    /// Makes the first table.
    pub async fn load(
        services: Services,
        registry: Arc<Registry>,
        backends: Backends,
        health: Arc<HealthChecks>,
        surroundings: Surroundings,
    ) -> Result<Arc<Self>, CoreError> {
        let routing = Self {
            table: ArcSwap::from_pointee(
                making(&services, &registry, &backends, &surroundings).table(&Default::default()),
            ),
            services,
            registry,
            backends,
            health,
            surroundings,
            loading: Mutex::new(()),
        };
        routing.refresh().await?;
        Ok(Arc::new(routing))
    }

    /// The current table.
    pub fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// How backends are doing.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }

    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    /// What health checks have found.
    pub(super) fn health(&self) -> &HealthChecks {
        &self.health
    }

    /// Makes a new table from what the database holds now, cuts the sessions of tunnels that are no longer active, and
    /// tells those whose tunnel has another address.
    /// When the database is away the last table stays.
    pub async fn refresh(&self) -> Result<(), CoreError> {
        let _turn = self.loading.lock().await;
        let snapshot = self.services.routing().snapshot().await?;
        let making = making(&self.services, &self.registry, &self.backends, &self.surroundings);
        let table = Arc::new(making.table(&snapshot));
        self.health.follow(making.checked(&snapshot));
        self.registry.keep_only(&table);
        self.table.store(table.clone());
        self.backends.forget_unused();
        // Only now: a telephone that signs in meanwhile either sees the new table or is told here.
        self.registry.tell_addresses(&table);
        Ok(())
    }

    /// Follows changes until `stop`: at once when this process makes them, and every `interval` for all others.
    pub async fn follow(&self, interval: Duration, stop: CancellationToken) {
        let mut changes = self.services.changes().subscribe();
        let mut timer = tokio::time::interval(interval);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
                _ = sweep.tick() => {
                    self.backends.sweep();
                    continue;
                }
                change = changes.recv() => match change {
                    Ok(Change::Tunnel(_) | Change::Routing | Change::Elsewhere) => {}
                    Ok(Change::TokenRevoked(token)) => {
                        self.registry.cut_token(token);
                        continue;
                    }
                    Ok(_) => continue,
                    Err(RecvError::Lagged(_)) => {
                        // A revocation may be among what was missed: whoever still may will be back in a moment.
                        tracing::warn!("changes came faster than they were followed; all telephones dial again");
                        self.registry.cut_all();
                    }
                    Err(RecvError::Closed) => return,
                },
            }
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "the routing table was not refreshed; the last one stays in use");
            }
        }
    }
}

fn making<'a>(
    services: &'a Services,
    registry: &'a Registry,
    backends: &'a Backends,
    surroundings: &'a Surroundings,
) -> Making<'a> {
    Making {
        services,
        registry,
        backends,
        dashboard: surroundings.dashboard.as_ref(),
        tunnel_domain: &surroundings.tunnel_domain,
        region: surroundings.region.as_ref(),
    }
}
