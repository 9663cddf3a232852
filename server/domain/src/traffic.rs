//! Measured traffic.

use crate::{BackendId, BackendName, RequestId, TelephoneSessionId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, ops::AddAssign};
use uuid::Uuid;

/// Requests by the class of their final status (RFC 9110 section 15); an upgrade (101) counts as informational.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatusCounts {
    /// 1xx: upgrades.
    #[serde(rename = "1xx")]
    pub informational: u64,
    /// 2xx.
    #[serde(rename = "2xx")]
    pub success: u64,
    /// 3xx.
    #[serde(rename = "3xx")]
    pub redirection: u64,
    /// 4xx.
    #[serde(rename = "4xx")]
    pub client_error: u64,
    /// 5xx.
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

impl StatusCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.informational + self.success + self.redirection + self.client_error + self.server_error
    }
}

impl AddAssign for StatusCounts {
    fn add_assign(&mut self, other: Self) {
        self.informational += other.informational;
        self.success += other.success;
        self.redirection += other.redirection;
        self.client_error += other.client_error;
        self.server_error += other.server_error;
    }
}

/// Percentiles of the time from a request's arrival to its response head, milliseconds. Each is right to within 3.2 %
/// (the width of a bucket of the underlying histogram).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LatencySummary {
    /// Median.
    pub p50: f64,
    /// 95 of 100 were at most this.
    pub p95: f64,
    /// 99 of 100 were at most this.
    pub p99: f64,
}

/// What was measured in one step of a [`Series`](crate::Series).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sample {
    /// The start of the step, seconds since the Unix epoch.
    pub at: i64,
    /// Requests whose response head was sent, by class.
    pub by_status: StatusCounts,
    /// Requests under way at the end of the step; in longer steps the most seen.
    pub in_flight: u64,
    /// Those of them that waited for a telephone at the end of the step; in longer steps the most seen.
    #[serde(default)]
    pub held: u64,
    /// Bytes of request bodies received.
    pub bytes_in: u64,
    /// Bytes of response bodies sent.
    pub bytes_out: u64,
    /// How long answers took; `None`: there were none.
    pub latency_ms: Option<LatencySummary>,
}

/// The figures of one tunnel since it was created, and now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TunnelStats {
    /// Requests answered since the tunnel was created.
    pub requests: u64,
    /// Requests under way now.
    pub in_flight: u64,
    /// Requests answered since the tunnel was created, by class.
    pub by_status: StatusCounts,
    /// Bytes of request bodies received since the tunnel was created.
    pub bytes_in: u64,
    /// Bytes of response bodies sent since the tunnel was created.
    pub bytes_out: u64,
    /// How long answers took in the last five minutes; `None`: there were none.
    pub latency_ms: Option<LatencySummary>,
    /// Requests that wait for a telephone now; they are among those under way.
    pub held: u64,
    /// Requests sent a second time, because the line broke under the first, since the server was started.
    pub retried: u64,
    /// Telephones that serve the tunnel now.
    pub sessions: u32,
    /// Seconds since the oldest of them connected; 0 without one.
    pub uptime_seconds: u64,
}

/// What one telephone did since it connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionFigures {
    /// Its session.
    pub id: TelephoneSessionId,
    /// The program and its version, as it said itself.
    pub agent: String,
    /// The machine's name, as it said itself.
    pub machine: Option<String>,
    /// Where it dialled from.
    pub address: IpAddr,
    /// When it connected.
    pub connected_at: Timestamp,
    /// When it left; `None`: it is connected. Figures of one that left are kept for an hour.
    pub ended_at: Option<Timestamp>,
    /// What it was given. Latency is counted from then.
    pub figures: Sample,
}

/// What one backend did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BackendFigures {
    /// Which.
    pub key: BackendId,
    /// What its owner calls it.
    pub id: BackendName,
    /// What it was given. Latency is counted from then.
    pub figures: Sample,
}

/// One of the latest requests, for a glance at what is happening.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecentRequest {
    /// Its id, as in `X-Request-Id`.
    pub id: RequestId,
    /// When it arrived.
    pub at: Timestamp,
    /// The id of the tunnel or service that it was for.
    pub subject: Uuid,
    /// Its method.
    pub method: String,
    /// The host that it was for, with the port if the client named one.
    pub host: String,
    /// Path and query, cut after 512 bytes.
    pub path: String,
    /// The final status.
    pub status: u16,
    /// From arrival to response head, milliseconds.
    pub duration_ms: f64,
    /// The client's address.
    pub client: IpAddr,
}
