//! Keeps the routing table in step with the database.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use domain::Hostname;
use server_core::{Change, CoreError, RoutingEntry, Services};
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{Table, TunnelRoute};
use crate::tunnel::{Address, Registry};

/// The current table and what it is made from.
#[derive(Debug)]
pub struct Routing {
    table: ArcSwap<Table>,
    services: Services,
    registry: Arc<Registry>,
    dashboard: Option<Hostname>,
    tunnel_domain: Hostname,
    /// Held while a table is made, so that an older one never replaces a newer one.
    loading: Mutex<()>,
}

impl Routing {
    /// Makes the first table.
    pub async fn load(
        services: Services,
        registry: Arc<Registry>,
        dashboard: Option<Hostname>,
        tunnel_domain: Hostname,
    ) -> Result<Arc<Self>, CoreError> {
        let table = ArcSwap::from_pointee(Table::new(dashboard.clone()));
        let routing = Arc::new(Self { table, services, registry, dashboard, tunnel_domain, loading: Mutex::new(()) });
        routing.refresh().await?;
        Ok(routing)
    }

    /// The current table.
    pub fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// Makes a new table from what the database holds now, cuts the sessions of tunnels that are no longer active, and
    /// tells those whose tunnel has another address.
    /// When the database is away the last table stays.
    pub async fn refresh(&self) -> Result<(), CoreError> {
        let _turn = self.loading.lock().await;
        let entries = self.services.tunnels().routing_entries().await?;
        let mut table = Table::new(self.dashboard.clone());
        for entry in &entries {
            let hosts = std::iter::once(format!("{}.{}", entry.subdomain, self.tunnel_domain))
                .chain(entry.custom_domains.iter().map(|domain| domain.as_str().to_owned()))
                .collect::<Vec<_>>();
            table.add(&self.route(entry), hosts.iter().map(String::as_str));
        }
        self.registry.keep_only(&table);
        let table = Arc::new(table);
        self.table.store(table.clone());
        // Only now: a telephone that signs in meanwhile either sees the new table or is told here.
        self.registry.tell_addresses(&table);
        Ok(())
    }

    fn route(&self, entry: &RoutingEntry) -> Arc<TunnelRoute> {
        Arc::new(TunnelRoute {
            id: entry.tunnel_id,
            owner: entry.owner_id,
            state: entry.state,
            address: Address { subdomain: entry.subdomain.clone(), public_url: entry.public_url.clone() },
            sessions: self.registry.sessions_of(entry.tunnel_id),
            meter: self.services.traffic().meter(entry.tunnel_id.0, entry.owner_id),
        })
    }

    /// Follows changes until `stop`: at once when this process makes them, and every `interval` for all others.
    pub async fn follow(&self, interval: Duration, stop: CancellationToken) {
        let mut changes = self.services.changes().subscribe();
        let mut timer = tokio::time::interval(interval);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
                change = changes.recv() => match change {
                    Ok(Change::Tunnel(_)) => {}
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
