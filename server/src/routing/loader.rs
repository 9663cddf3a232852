//! Keeps the routing table in step with the database.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use domain::{Hostname, RegionName, TunnelId};
use server_core::{CoreError, Follower, RoutingChanges, Services, Touched};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::build::Making;
use super::held::Held;
use super::{Backends, Meant, Pool, Table};
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
    /// Tells what has changed.
    follower: Follower,
    /// What the table was made of. Locked while a table is made, so that an older one never replaces a newer one.
    held: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    held: Held,
    /// Something was not taken in: everything is read.
    missed: bool,
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
        // Before anything is read, so that nothing is missed between.
        let follower = services.changes().follow();
        let making = making(&services, &registry, &backends, &surroundings);
        let mut held = Held::new(&making);
        let table = ArcSwap::from_pointee(held.table(&making));
        let held = Mutex::new(Kept { held, missed: true });
        let routing = Self { table, services, registry, backends, health, surroundings, follower, held };
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

    /// A pool of those backends that are meant, whether or not a rule leads to them; `None`: none is here.
    pub async fn pool_of(&self, meant: &Meant) -> Option<Pool> {
        self.held.lock().await.held.pool_of(meant, &self.making())
    }

    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    /// What health checks have found.
    pub(super) fn health(&self) -> &HealthChecks {
        &self.health
    }

    /// Brings the table in step with all that the database holds now. When the database is away the last table stays.
    pub async fn refresh(&self) -> Result<(), CoreError> {
        self.bring(Touched::everything()).await
    }

    /// Brings the table in step with a tunnel that somebody has just been told of, and with all that has changed so far.
    pub async fn look_at(&self, tunnel: TunnelId) -> Result<(), CoreError> {
        self.bring(Touched::tunnel(tunnel)).await
    }

    /// Makes a new table with what was touched, cuts the sessions of tunnels that are no longer active, and tells
    /// telephones whose tunnel has another address.
    async fn bring(&self, mut touched: Touched) -> Result<(), CoreError> {
        let mut kept = self.held.lock().await;
        let Kept { held, missed } = &mut *kept;
        let gathered = self.follower.take();
        let was_told = *missed || !gathered.touched.is_empty();
        touched.add(gathered.touched);
        if touched.is_empty() && !*missed {
            return Ok(());
        }
        // Until all of it is in the table: what fails now is read with everything else later.
        let was_missed = std::mem::replace(missed, true);
        let is_whole = touched.all || was_missed;
        let changes = if is_whole {
            let snapshot = self.services.routing().snapshot().await?;
            self.backends.limits().set(snapshot.rate, &snapshot.rates);
            held.differences(snapshot)
        } else {
            let touched = held.widened(touched);
            self.services.routing().changes(&touched, &|id| held.host(id)).await?
        };
        if is_whole && !was_told && self.follower.is_empty() {
            self.compare(held, &changes);
        }
        self.replace(held, changes, is_whole);
        *missed = false;
        Ok(())
    }

    /// Nobody has told of a change since the last time: everything should be as it was.
    fn compare(&self, held: &mut Held, changes: &RoutingChanges) {
        let (rules, services, tunnels) = (changes.rules.len(), changes.services.len(), changes.tunnels.len());
        if rules + services + tunnels > 0 {
            tracing::info!(rules, services, tunnels, "the database holds changes that nobody told of");
        }
        let making = self.making();
        if !held.is_in(&self.table(), &making) {
            tracing::error!("the routing table was not what was read; it is made anew. Please report this");
            held.enter_all(&making);
        }
    }

    fn replace(&self, held: &mut Held, changes: RoutingChanges, is_whole: bool) {
        let making = self.making();
        let services_changed = is_whole || !changes.services.is_empty() || changes.regions.is_some();
        let tunnels_changed = is_whole || !changes.tunnels.is_empty();
        held.apply(changes, &making);
        let table = Arc::new(held.table(&making));
        if services_changed {
            self.health.follow(making.checked(held.ends()));
        }
        if tunnels_changed {
            self.registry.keep_only(&table);
        }
        self.table.store(table.clone());
        if services_changed {
            self.backends.forget_unused();
        } else {
            self.backends.fronts().forget_unused();
        }
        if is_whole {
            held.forget_unused();
        }
        if tunnels_changed {
            // Only now: a telephone that signs in meanwhile either sees the new table or is told here.
            self.registry.tell_addresses(&table);
        }
    }

    fn making(&self) -> Making<'_> {
        making(&self.services, &self.registry, &self.backends, &self.surroundings)
    }

    /// Follows changes until `stop`: at once when they are told, and every `interval` those that nobody tells of. What
    /// was told while a table was made is in the next one, all of it at once.
    pub async fn follow(&self, interval: Duration, stop: CancellationToken) {
        let mut timer = tokio::time::interval(interval);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let brought = tokio::select! {
                () = stop.cancelled() => return,
                _ = sweep.tick() => {
                    self.backends.sweep();
                    continue;
                }
                () = self.follower.filled() => self.bring(Touched::default()).await,
                _ = timer.tick() => {
                    let began = Instant::now();
                    let brought = self.refresh().await;
                    // Where reading takes longer than the interval, half of the time at most.
                    timer.reset_after(interval.max(began.elapsed()));
                    brought
                }
            };
            if let Err(error) = brought {
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
