//! What the engine routes by.

mod read;
mod snapshot;

use crate::{Result, edit::Desk, tunnels};
pub use snapshot::{
    BackendEntry, BackendOrigin, RegionEntry, RoutingSnapshot, RuleEntry, RunningSwitch, ServiceEntry, TargetEntry,
};
use std::collections::HashMap;

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
        let tunnels = tunnels::entries(&at_once, &self.addresses, HashMap::new()).await?;
        let services = read::services(&at_once).await?;
        let rules = read::rules(&at_once).await?;
        let regions = read::regions(&at_once).await?;
        at_once.rollback().await?;
        Ok(RoutingSnapshot { tunnels, services, rules, regions })
    }
}
