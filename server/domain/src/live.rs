//! What the live WebSockets send: first everything, then what changed each second.

use crate::{
    BackendId, BackendLive, ExchangeSummary, RecentRequest, RuleId, Sample, Series, SwitchState, Tag, Tunnel, TunnelId,
    TunnelStats, TunnelStatus,
};
use serde::{Deserialize, Serialize};

/// One message of `/ws/user`, `/ws/tunnels/:id`, `/ws/services/:id`, `/ws/domains/:id` or `/ws/routes/:id`. A reader that
/// falls behind is sent a new snapshot, never a backlog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveUpdate {
    /// Replaces all that was known.
    Snapshot(LiveSnapshot),
    /// Adds one second.
    Delta(LiveDelta),
    /// Exchanges were recorded; only on `/ws/tunnels/:id`, `/ws/domains/:id` and `/ws/routes/:id`. At most four a second,
    /// and one every five seconds when there is nothing to tell on those of domains and routes.
    Requests(LiveRequests),
    /// The tunnel or service of the address was deleted; nothing follows.
    Gone,
}

/// What was recorded since the last such message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LiveRequests {
    /// The exchanges as they were recorded, at most 100. One that was open before is there again when it has changed.
    pub requests: Vec<ExchangeSummary>,
    /// How many more there may have been, which only the list has.
    pub missed: u64,
}

/// All that a page shows, now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveSnapshot {
    /// The last five minutes: of all the viewer's tunnels on `/ws/user`, of the one tunnel or service elsewhere.
    pub series: Series,
    /// Each tunnel's present state; the one on `/ws/tunnels/:id`.
    pub tunnels: Vec<TunnelNow>,
    /// The latest requests, newest first.
    pub recent: Vec<RecentRequest>,
    /// The tunnel itself with its sessions and figures; only on `/ws/tunnels/:id`.
    pub detail: Option<TunnelDelta>,
    /// How the backends are doing, the newest 100; only on `/ws/services/:id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<BackendNow>,
    /// What leads to the service; only on `/ws/services/:id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleNow>,
}

/// One second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveDelta {
    /// What was measured in it.
    pub sample: Sample,
    /// The tunnels whose state or traffic differs from the last message.
    pub tunnels: Vec<TunnelNow>,
    /// The tunnels that are no longer there.
    pub removed: Vec<TunnelId>,
    /// Requests since the last message, newest first, at most 20.
    pub recent: Vec<RecentRequest>,
    /// The tunnel itself; only on `/ws/tunnels/:id`.
    pub detail: Option<TunnelDelta>,
    /// The backends that are not as they were in the last message; only on `/ws/services/:id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<BackendNow>,
    /// What leads to the service, where that is not as it was in the last message; only on `/ws/services/:id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleNow>,
}

/// A row of the tunnel list, as it changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TunnelNow {
    /// Which.
    pub id: TunnelId,
    /// What it is doing.
    pub status: TunnelStatus,
    /// Telephones that serve it.
    pub sessions: u32,
    /// Requests answered in the last second.
    pub requests: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests that wait for a telephone; they are among those under way.
    pub held: u64,
}

/// A backend of a service, as it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendNow {
    /// Which.
    pub id: BackendId,
    /// How it is doing.
    pub live: BackendLive,
}

/// A domain or route that leads to a service, as it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleNow {
    /// Which.
    pub rule: RuleId,
    /// The tag that serves; `None`: all backends do.
    pub tag: Option<Tag>,
    /// The switch that is under way, or one that has ended since the socket was opened.
    pub switch: Option<SwitchNow>,
}

/// How far a switch has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchNow {
    /// The tag that gets more and more.
    pub to_tag: Tag,
    /// Whether it is under way.
    pub state: SwitchState,
    /// Why it ended before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The new tag's share now, in percent.
    pub percent: u8,
    /// Since when it goes, in seconds; never more than all of it takes.
    pub passed: u64,
    /// How long all its steps take, in seconds.
    pub seconds: u64,
}

/// One tunnel in full, as it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunnelDelta {
    /// The tunnel with its sessions; `None` when nothing in it changed since the last message.
    pub tunnel: Option<Tunnel>,
    /// Its figures.
    pub stats: TunnelStats,
}
