//! The figures above the charts, from the samples in them.

use crate::format;
use domain::{LatencySummary, Sample, StatusCounts};
use serde::{Deserialize, Serialize};

/// One of the figures that a page shows and an island keeps up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Metric {
    /// Tunnels that a telephone serves, of all.
    Online,
    /// Telephones that serve the tunnel of the page.
    Telephones,
    /// Requests answered in the last second.
    PerSecond,
    /// Requests under way.
    InFlight,
    /// Requests of the tunnel of the page that were sent a second time since the server was started.
    Retried,
    /// Requests in the whole range.
    Requests,
    /// The share of 5xx answers in the range.
    ErrorShare,
    /// Median latency of the latest step that had requests.
    P50,
    /// 95th percentile of it.
    P95,
    /// 99th percentile of it.
    P99,
    /// Bytes of request bodies in the range.
    BytesIn,
    /// Bytes of response bodies in the range.
    BytesOut,
}

/// Samples summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    /// Requests in the last step.
    pub last_step: u64,
    /// Requests under way at its end.
    pub in_flight: u64,
    /// Requests in all steps.
    pub by_status: StatusCounts,
    /// Bytes of request bodies in all steps.
    pub bytes_in: u64,
    /// Bytes of response bodies in all steps.
    pub bytes_out: u64,
    /// Of the latest step that had requests: percentiles of several steps cannot be added up.
    pub latency: Option<LatencySummary>,
}

impl Summary {
    /// Sums up samples in the order of time.
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Self {
        samples.into_iter().fold(Self::default(), |mut sum, sample| {
            sum.last_step = sample.by_status.total();
            sum.in_flight = sample.in_flight;
            sum.by_status += sample.by_status;
            sum.bytes_in += sample.bytes_in;
            sum.bytes_out += sample.bytes_out;
            sum.latency = sample.latency_ms.or(sum.latency);
            sum
        })
    }

    /// A figure as text; `None` for those that samples say nothing about.
    pub fn text(&self, metric: Metric) -> Option<String> {
        let latency = |pick: fn(&LatencySummary) -> f64| {
            self.latency.as_ref().map_or_else(|| format::NOTHING.into(), |latency| format::milliseconds(pick(latency)))
        };
        Some(match metric {
            Metric::Online | Metric::Telephones | Metric::Retried => return None,
            Metric::PerSecond => format::count(self.last_step),
            Metric::InFlight => format::count(self.in_flight),
            Metric::Requests => format::count(self.by_status.total()),
            Metric::ErrorShare => format::percent(self.by_status.server_error, self.by_status.total()),
            Metric::P50 => latency(|latency| latency.p50),
            Metric::P95 => latency(|latency| latency.p95),
            Metric::P99 => latency(|latency| latency.p99),
            Metric::BytesIn => format::bytes(self.bytes_in),
            Metric::BytesOut => format::bytes(self.bytes_out),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: i64, success: u64, server_error: u64, p50: Option<f64>) -> Sample {
        Sample {
            at,
            by_status: StatusCounts { success, server_error, ..StatusCounts::default() },
            in_flight: at as u64,
            held: 0,
            bytes_in: 10,
            bytes_out: 1_000,
            latency_ms: p50.map(|p50| LatencySummary { p50, p95: p50, p99: p50 }),
        }
    }

    #[test]
    fn latency_is_that_of_the_latest_step_with_requests() {
        let samples = [sample(1, 6, 1, Some(5.0)), sample(2, 1, 0, Some(20.0)), sample(3, 0, 0, None)];
        let sum = Summary::of(&samples);
        let text = |metric| sum.text(metric).unwrap_or_default();
        assert_eq!(text(Metric::PerSecond), "0");
        assert_eq!(text(Metric::InFlight), "3");
        assert_eq!(text(Metric::Requests), "8");
        assert_eq!(text(Metric::ErrorShare), "12.5 %");
        assert_eq!(text(Metric::P95), "20 ms");
        assert_eq!(text(Metric::BytesOut), "3.0 kB");
    }

    #[test]
    fn nothing_measured_is_said_so() {
        let sum = Summary::of([]);
        assert_eq!(sum.text(Metric::P50).as_deref(), Some("—"));
        assert_eq!(sum.text(Metric::ErrorShare).as_deref(), Some("—"));
        assert_eq!(sum.text(Metric::Online), None);
    }
}
