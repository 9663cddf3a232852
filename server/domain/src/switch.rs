//! Switches: the enabled tag of a domain or route becomes another.

use crate::{DomainId, RouteId, SwitchId, Tag, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Identifies a rule: what has a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum RuleId {
    /// A domain, with its own target.
    Domain(DomainId),
    /// A route.
    Route(RouteId),
}

/// How a switch goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchMode {
    /// All traffic at once.
    #[default]
    AtOnce,
    /// In steps, see [`SwitchPlan`].
    Gradual,
}

impl SwitchMode {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Gradual => "gradual",
        }
    }
}

/// Where a switch has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchState {
    /// It is on its way.
    Running,
    /// All traffic goes to the new tag.
    Done,
    /// It went back by itself, because a limit was crossed.
    Returned,
    /// Somebody ended it before it was done.
    Cancelled,
}

impl SwitchState {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a gradual switch goes, and when it goes back by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwitchPlan {
    /// Its steps, in order.
    pub steps: Vec<SwitchStep>,
    /// Back when more than this share of the new tag's answers are errors; 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_error_rate: Option<f64>,
    /// Back when the new tag's 95th percentile of latency is above so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<u32>,
}

/// A step of a gradual switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchStep {
    /// The new tag's share, in percent.
    pub percent: u8,
    /// How long the step lasts, in seconds.
    pub seconds: u32,
}

/// A switch, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    /// Its id.
    pub id: SwitchId,
    /// What was switched.
    pub rule: RuleId,
    /// The tag before; `None`: all backends served.
    pub from_tag: Option<Tag>,
    /// The tag after.
    pub to_tag: Tag,
    /// How it goes.
    pub mode: SwitchMode,
    /// The steps of a gradual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<SwitchPlan>,
    /// Where it has got to.
    pub state: SwitchState,
    /// Why it ended before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who started it.
    pub actor_id: UserId,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}
