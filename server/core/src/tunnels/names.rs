//! Random subdomains that can be read out over a telephone: `brave-otter-4821`.

use crate::{CoreError, Result};
use domain::Subdomain;
use rand::{Rng, seq::IndexedRandom};

const ADJECTIVES: &[&str] = &[
    "amber", "bold", "brave", "bright", "brisk", "calm", "clear", "clever", "coral", "crisp", "dapper", "eager",
    "early", "fair", "fast", "fine", "fresh", "gentle", "glad", "golden", "grand", "green", "happy", "hardy", "honest",
    "jolly", "keen", "kind", "lively", "loyal", "lucky", "merry", "mild", "neat", "nimble", "noble", "open", "patient",
    "plain", "polite", "proud", "quick", "quiet", "rapid", "ready", "red", "sharp", "silver", "smart", "smooth",
    "snug", "solid", "spry", "steady", "sunny", "sure", "swift", "tidy", "true", "vivid", "warm", "wise", "witty",
    "young",
];

const NOUNS: &[&str] = &[
    "acorn", "badger", "beacon", "beaver", "birch", "bison", "breeze", "brook", "canyon", "cedar", "cloud", "comet",
    "crane", "creek", "cricket", "dune", "eagle", "ember", "falcon", "fern", "finch", "fjord", "forest", "fox",
    "garden", "glacier", "harbor", "hare", "hawk", "hazel", "heron", "hill", "island", "lagoon", "lake", "lark",
    "linden", "lynx", "maple", "marten", "meadow", "moss", "oak", "ocean", "orchid", "otter", "owl", "panda", "pebble",
    "pine", "planet", "puffin", "rabbit", "raven", "reef", "river", "robin", "seal", "spruce", "squirrel", "stone",
    "swan", "tiger", "willow",
];

/// One of some 36 million.
pub(super) fn random() -> Result<Subdomain> {
    let mut random = rand::rng();
    let adjective = ADJECTIVES.choose(&mut random).copied().unwrap_or("brave");
    let noun = NOUNS.choose(&mut random).copied().unwrap_or("otter");
    format!("{adjective}-{noun}-{}", random.random_range(1_000..10_000))
        .parse()
        .map_err(|error| CoreError::Internal(format!("a random subdomain: {error}")))
}
