//! What happens little by little.

use std::time::{Duration, Instant};

use super::affinity::mix;

/// The warmth of a candidate that takes all of its share.
pub const WARM: u32 = 1000;

/// What a candidate begins with: enough to fill caches and pools with, not enough to fall over.
const COLD: u32 = WARM / 10;

/// How much of its share a candidate takes that came back at `since`, in thousandths: a tenth at once, and then evenly
/// more, until after `duration` it is all.
pub fn slow_start(since: Instant, now: Instant, duration: Duration) -> u32 {
    let passed = now.saturating_duration_since(since);
    if passed >= duration {
        return WARM;
    }
    let rise = passed.as_nanos() * u128::from(WARM - COLD) / duration.as_nanos();
    u32::try_from(rise).map_or(WARM, |rise| COLD + rise)
}

/// Whether a request is among the `percent` that go the new way already. `point` is the client's hash, so that the
/// client stays where it is while the percentage rises, or a random number. 0 is nobody, 100 and more everybody.
pub fn split(percent: u8, point: u64) -> bool {
    // Mixed, so that it has nothing to do with the backend that affinity picks by the same hash.
    let point = u128::from(mix(point ^ 0x5350_4C49_5421_2121));
    (point * 100) >> 64 < u128::from(percent)
}
