//! Counts and latencies as values: what is added up, told apart and stored.

use std::ops::{AddAssign, Sub};
use std::sync::LazyLock;

use domain::{LatencySummary, Sample, StatusCounts};
use histogram::{Config, Histogram, Quantile};

/// 32 buckets between two powers of two, so that a bucket is at most 3.2 % wide; latencies in microseconds.
const GROUPING_POWER: u8 = 5;
/// Latencies up to 2^36 µs, 19 hours.
const MAX_VALUE_POWER: u8 = 36;
/// The longest latency that is told apart, microseconds.
pub(super) const MAX_LATENCY_US: u64 = (1 << MAX_VALUE_POWER) - 1;

/// The shape of every latency histogram.
#[expect(clippy::unwrap_used, reason = "constants that every test uses")]
pub(super) static HISTOGRAM: LazyLock<Config> = LazyLock::new(|| Config::new(GROUPING_POWER, MAX_VALUE_POWER).unwrap());

/// What was counted, over any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub by_status: StatusCounts,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The sum of all latencies, microseconds.
    pub latency_us: u64,
}

impl Counts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.by_status += other.by_status;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.latency_us += other.latency_us;
    }
}

impl Sub for Counts {
    type Output = Self;

    /// The difference of two readings of counters that only grow.
    fn sub(self, earlier: Self) -> Self {
        let (now, then) = (self.by_status, earlier.by_status);
        Self {
            by_status: StatusCounts {
                informational: now.informational.saturating_sub(then.informational),
                success: now.success.saturating_sub(then.success),
                redirection: now.redirection.saturating_sub(then.redirection),
                client_error: now.client_error.saturating_sub(then.client_error),
                server_error: now.server_error.saturating_sub(then.server_error),
            },
            bytes_in: self.bytes_in.saturating_sub(earlier.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(earlier.bytes_out),
            latency_us: self.latency_us.saturating_sub(earlier.latency_us),
        }
    }
}

/// Everything measured in one step of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    pub counts: Counts,
    /// The most requests seen under way at once.
    pub in_flight: u64,
    /// The most of them seen waiting at once.
    pub held: u64,
    pub latencies: Option<Histogram>,
}

impl Measured {
    /// Adds what was measured at the same time elsewhere.
    pub fn add_beside(&mut self, other: &Self) {
        self.counts += other.counts;
        self.in_flight += other.in_flight;
        self.held += other.held;
        merge(&mut self.latencies, other.latencies.as_ref());
    }

    /// Adds what was measured before or after.
    pub fn add_in_time(&mut self, other: &Self) {
        self.counts += other.counts;
        self.in_flight = self.in_flight.max(other.in_flight);
        self.held = self.held.max(other.held);
        merge(&mut self.latencies, other.latencies.as_ref());
    }

    pub fn sample(&self, at: i64) -> Sample {
        Sample {
            at,
            by_status: self.counts.by_status,
            in_flight: self.in_flight,
            held: self.held,
            bytes_in: self.counts.bytes_in,
            bytes_out: self.counts.bytes_out,
            latency_ms: self.latencies.as_ref().and_then(summarise),
        }
    }
}

fn merge(into: &mut Option<Histogram>, other: Option<&Histogram>) {
    match (into.as_mut(), other) {
        // Both have our shape, and 2^64 requests are out of reach.
        (Some(sum), Some(other)) => sum.checked_add_assign(other).unwrap_or_default(),
        (None, Some(other)) => *into = Some(other.clone()),
        (_, None) => {}
    }
}

/// The percentiles; `None` without a latency.
pub(super) fn summarise(latencies: &Histogram) -> Option<LatencySummary> {
    let quantiles = latencies.quantiles(&[0.5, 0.95, 0.99]).ok()??;
    let milliseconds = |quantile: f64| {
        let bucket = quantiles.get(&Quantile::new(quantile).ok()?)?;
        Some((bucket.start() as f64 + bucket.end() as f64) / 2000.0)
    };
    Some(LatencySummary { p50: milliseconds(0.5)?, p95: milliseconds(0.95)?, p99: milliseconds(0.99)? })
}

/// The version of the form below, its first byte.
const FORM: u8 = 1;

/// The buckets that hold something, ten bytes each: index (16 bits) and count (64 bits), little-endian.
pub(super) fn encode(latencies: Option<&Histogram>) -> Vec<u8> {
    let mut bytes = vec![FORM];
    let buckets = latencies.map_or(&[][..], Histogram::as_slice).iter().enumerate();
    for (index, count) in buckets.filter(|(_, count)| **count > 0) {
        bytes.extend_from_slice(&u16::try_from(index).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    bytes
}

/// What [`encode`] made; whatever else it may be counts as no latencies.
pub(super) fn decode(bytes: &[u8]) -> Option<Histogram> {
    let (&FORM, buckets) = bytes.split_first()? else { return None };
    if buckets.is_empty() {
        return None;
    }
    let mut latencies = Histogram::with_config(&HISTOGRAM);
    for bucket in buckets.chunks_exact(10) {
        let (index, count) = bucket.split_at(2);
        let index = usize::from(u16::from_le_bytes(index.try_into().ok()?));
        *latencies.as_mut_slice().get_mut(index)? = u64::from_le_bytes(count.try_into().ok()?);
    }
    Some(latencies)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn percentiles_are_right_within_the_width_of_a_bucket() {
        let mut latencies = Histogram::with_config(&HISTOGRAM);
        let mut values: Vec<u64> = (1..=1000_u64).map(|n| n * n * 7 % 900_001 + 50).collect();
        for value in &values {
            latencies.increment(*value).unwrap();
        }
        values.sort_unstable();
        let summary = summarise(&latencies).unwrap();
        for (measured, rank) in [(summary.p50, 500), (summary.p95, 950), (summary.p99, 990)] {
            let exact = values[rank - 1] as f64 / 1000.0;
            assert!((measured - exact).abs() <= exact * 0.032, "{measured} for {exact}");
        }
    }

    #[test]
    fn latencies_survive_storage() {
        let mut latencies = Histogram::with_config(&HISTOGRAM);
        for value in [0, 1, 500, 1_000_000, MAX_LATENCY_US] {
            latencies.increment(value).unwrap();
        }
        assert_eq!(decode(&encode(Some(&latencies))).unwrap().as_slice(), latencies.as_slice());
        assert!(decode(&encode(None)).is_none());
        assert!(
            decode(b"").is_none()
                && decode(b"\x02abc").is_none()
                && decode(&[1; 11]).is_none_or(|h| h.as_slice().len() == latencies.as_slice().len())
        );
    }
}
