//! The same client to the same backend.

use super::Candidate;
use super::choose::Pool;

/// A hash of what a client is recognised by, or of a backend's id. Unlike those of hash tables it is the same on all
/// nodes and after a restart (FNV-1a with the finisher of SplitMix64). It keeps no secret: who chooses the text chooses
/// the backend, as is the point of affinity.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    mix(bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)))
}

/// Spreads what differs in any bit over all bits (the finisher of SplitMix64).
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The candidate that scores best with this client. Of exponentially distributed scores, each with its share for a
/// rate, each is the least as often as its share says.
pub(super) fn pick<C: Candidate>(pool: &Pool<'_, C>, client: u64) -> Option<usize> {
    let score = |key: u64, share: u64| -unit(mix(mix(key) ^ client)).ln() / share as f64;
    pool.eligible()
        .map(|one| (score(one.candidate.key(), one.share), one.index))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, index)| index)
}

/// The hash as a number between 0 and 1, and neither of them.
fn unit(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}
