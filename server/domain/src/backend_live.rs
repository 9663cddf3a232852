//! How a backend is doing now.

use crate::{HealthStatus, Timestamp};
use serde::{Deserialize, Serialize};

/// A backend as one node sees it at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BackendLive {
    /// What its health check has found.
    pub health: HealthStatus,
    /// Since when; `None`: it was not checked yet.
    pub since: Option<Timestamp>,
    /// What the last check has found, such as `200 OK`.
    pub detail: Option<String>,
    /// Whether it is left out for a while because it failed again and again.
    pub ejected: bool,
    /// How many requests it works on.
    pub in_flight: u32,
    /// How many requests it has answered since the node was started.
    pub answered: u64,
    /// In how many it failed.
    pub failed: u64,
}
