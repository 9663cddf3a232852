//! What the engine routes by.

mod read;
mod snapshot;

use crate::{Result, Touched, edit::Desk, server_limits, tunnels};
use domain::DomainId;
pub use snapshot::{
    BackendEntry, BackendOrigin, HostEntry, RegionEntry, RoutingChanges, RoutingSnapshot, RuleEntry, RunningSwitch,
    ServiceEntry, TargetEntry,
};
use std::collections::{BTreeMap, HashMap};

/// What the engine routes by.
#[derive(Debug)]
pub struct Routing {
    pub(crate) desk: Desk,
    pub(crate) addresses: tunnels::Addresses,
}

impl Routing {
    /// All that may serve, as it is at one moment.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn snapshot(&self) -> Result<RoutingSnapshot> {
        let at_once = self.desk.store().read_at_once().await?;
        let tunnels = tunnels::entries(&at_once, &self.addresses, HashMap::new(), None).await?;
        let services = read::services(&at_once, None).await?;
        let rules = read::rules(&at_once, self.desk.store().vault()).await?;
        let regions = read::regions(&at_once).await?;
        let rates = read::rates(&at_once).await?;
        let rate = server_limits::rate(&at_once).await?;
        at_once.rollback().await?;
        Ok(RoutingSnapshot { tunnels, services, rules, regions, rates, rate })
    }

    /// What became of what was touched, as it is at one moment; regions only with everything, which is not for here.
    /// `known` says what the caller holds of a domain. Only if that is different now are its routes read too.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn changes(
        &self,
        touched: &Touched,
        known: &(dyn Fn(DomainId) -> Option<HostEntry> + Sync),
    ) -> Result<RoutingChanges> {
        let at_once = self.desk.store().read_at_once().await?;
        let mut changes = RoutingChanges::default();
        if !touched.tunnels.is_empty() {
            let entries = tunnels::entries(&at_once, &self.addresses, HashMap::new(), Some(&touched.tunnels)).await?;
            changes.tunnels = touched.tunnels.iter().map(|id| (*id, None)).collect();
            changes.tunnels.extend(entries.into_iter().map(|entry| (entry.tunnel_id, Some(entry))));
        }
        let mut services = touched.services.clone();
        services.extend(read::services_of(&at_once, &touched.backends).await?);
        if !services.is_empty() {
            let entries = read::services(&at_once, Some(&services)).await?;
            changes.services = services.iter().map(|id| (*id, None)).collect::<BTreeMap<_, _>>();
            changes.services.extend(entries.into_iter().map(|entry| (entry.id, Some(entry))));
        }
        read::changed_rules(&at_once, self.desk.store().vault(), touched, known, &mut changes).await?;
        at_once.rollback().await?;
        Ok(changes)
    }
}
