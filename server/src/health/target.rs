//! What is checked, and who is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::{BackendAddress, BackendId, HealthCheck, HealthStatus};

use super::verdict::Thresholds;
use crate::upstream::ConnectPolicy;

/// Is told of a backend's status when it changes. The engine's side of a backend is one.
pub trait HealthSink: fmt::Debug + Send + Sync {
    /// The status from now on. Called on the control plane; it must not wait for anything.
    fn set_health(&self, status: HealthStatus);
}

/// What applies to services that have no times of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From one check of a backend to the next.
    pub interval: Duration,
    /// Until an answer is given up, a minute at most.
    pub timeout: Duration,
}

/// A backend that is an address, and how it is to be checked.
#[derive(Debug, Clone)]
pub struct Target {
    /// The backend.
    pub id: BackendId,
    /// What logs call it.
    pub name: String,
    /// Where it is.
    pub address: BackendAddress,
    /// Whether the certificate of an https address is verified.
    pub tls_verify: bool,
    /// Where connections may lead.
    pub policy: ConnectPolicy,
    /// What its service wants.
    pub check: HealthCheck,
    /// Who is told.
    pub sink: Arc<dyn HealthSink>,
}

impl Target {
    /// Whether another one is checked by the same connections, so that what was found holds for both.
    pub(super) fn is_same_server(&self, other: &Self) -> bool {
        self.address == other.address && self.tls_verify == other.tls_verify && self.policy == other.policy
    }

    pub(super) fn thresholds(&self) -> Thresholds {
        Thresholds { healthy_after: self.check.healthy_after, unhealthy_after: self.check.unhealthy_after }
    }

    pub(super) fn interval(&self, usual: &Times) -> Duration {
        self.check.interval_seconds.map_or(usual.interval, |seconds| Duration::from_secs(seconds.into()))
    }

    pub(super) fn timeout(&self, usual: &Times) -> Duration {
        self.check.timeout_ms.map_or(usual.timeout, |milliseconds| Duration::from_millis(milliseconds.into()))
    }
}
