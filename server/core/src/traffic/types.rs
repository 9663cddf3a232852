//! What is asked of and said about traffic.

use domain::{LatencySummary, ServiceId, StatusCounts, TunnelId};

/// Whose traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// That of all tunnels the viewer owns; for an administrator, of all there are.
    All,
    /// That of one tunnel.
    Tunnel(TunnelId),
    /// That of one service: what its backends answered.
    Service(ServiceId),
}

/// All of this process's traffic since it was started, for `/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct Overall {
    /// Requests answered, by class.
    pub by_status: StatusCounts,
    /// Requests under way.
    pub in_flight: u64,
    /// Bytes of request bodies received.
    pub bytes_in: u64,
    /// Bytes of response bodies sent.
    pub bytes_out: u64,
    /// Answers that took at most so many seconds, rising, as Prometheus counts them (without `+Inf`).
    pub latency_buckets: Vec<(f64, u64)>,
    /// The sum of all latencies, seconds.
    pub latency_sum: f64,
    /// How many latencies were measured.
    pub latency_count: u64,
}

/// A tunnel's figures since this process was started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now {
    /// Requests answered.
    pub requests: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests that wait for a telephone.
    pub held: u64,
    /// Requests that were sent a second time.
    pub retried: u64,
    /// How long answers took in the last five minutes.
    pub latency_ms: Option<LatencySummary>,
}

/// What was measured in the last minute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lately {
    /// Requests that were answered.
    pub answers: u64,
    /// Of these, with a status of 500 or above.
    pub errors: u64,
    /// 95 of 100 answers took at most this, milliseconds; of this minute of the clock and the one before.
    pub p95_ms: Option<f64>,
}
