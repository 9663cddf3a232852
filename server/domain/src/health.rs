//! What is known of a backend's health, as pages and the API show it.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// What active checks say about a backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Not checked, or not often enough yet.
    #[default]
    Unknown,
    /// It answers as it should.
    Healthy,
    /// It does not.
    Unhealthy,
}

impl HealthStatus {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A backend's health and how it came to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HealthReport {
    /// What it is now.
    pub status: HealthStatus,
    /// Since when.
    pub since: Timestamp,
    /// How many checks in a row had the outcome of the last one.
    pub consecutive: u32,
    /// The latest changes of status, the oldest first; at most 100.
    pub changes: Vec<HealthChange>,
    /// The latest checks, the oldest first; at most 60.
    pub checks: Vec<CheckResult>,
}

impl HealthReport {
    /// The last check.
    pub fn last(&self) -> Option<&CheckResult> {
        self.checks.last()
    }
}

/// One change of a backend's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HealthChange {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub from: HealthStatus,
    /// What it became.
    pub to: HealthStatus,
    /// What the deciding check found.
    pub reason: String,
}

/// One check of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckResult {
    /// When it ended.
    pub at: Timestamp,
    /// Whether the backend answered as it should.
    pub good: bool,
    /// How long it took until the head of the answer, or until it was given up; milliseconds.
    pub duration_ms: u32,
    /// What was found, such as `200 OK` or `no answer within 2s`.
    pub outcome: String,
}
