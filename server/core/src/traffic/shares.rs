//! Requests by the values of one property: a bounded number of them, and a rest, so that the sum is always right.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::AddAssign;

use domain::{Part, Parts, Share};
use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

/// Some requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64, u64)", into = "(u64, u64, u64, u64)")]
pub(super) struct Tallied {
    pub requests: u64,
    pub client_errors: u64,
    pub server_errors: u64,
    /// The sum of their latencies, microseconds.
    pub latency_us: u64,
}

/// Requests by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shares<K: Eq + Hash> {
    named: HashMap<K, Tallied, RandomState>,
    /// Those of values for which there was no room.
    other: Tallied,
}

impl Tallied {
    pub fn one(status: u16, latency_us: u64) -> Self {
        Self {
            requests: 1,
            client_errors: u64::from((400..500).contains(&status)),
            server_errors: u64::from(status >= 500),
            latency_us,
        }
    }

    fn share(self) -> Share {
        let Self { requests, client_errors, server_errors, latency_us } = self;
        let mean_ms = (requests > 0).then(|| latency_us as f64 / requests as f64 / 1_000.0);
        Share { requests, client_errors, server_errors, mean_ms }
    }
}

impl AddAssign for Tallied {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.latency_us = self.latency_us.saturating_add(other.latency_us);
    }
}

impl From<(u64, u64, u64, u64)> for Tallied {
    fn from((requests, client_errors, server_errors, latency_us): (u64, u64, u64, u64)) -> Self {
        Self { requests, client_errors, server_errors, latency_us }
    }
}

impl From<Tallied> for (u64, u64, u64, u64) {
    fn from(tallied: Tallied) -> Self {
        (tallied.requests, tallied.client_errors, tallied.server_errors, tallied.latency_us)
    }
}

impl<K: Eq + Hash> Default for Shares<K> {
    fn default() -> Self {
        Self { named: HashMap::default(), other: Tallied::default() }
    }
}

impl<K: Eq + Hash + Ord + Clone> Shares<K> {
    /// Adds requests with one value. `name` makes it if it is new, and there is room for `most` values.
    pub fn add<Q: Eq + Hash + ?Sized>(&mut self, value: &Q, name: impl FnOnce() -> K, tallied: Tallied, most: usize)
    where
        K: Borrow<Q>,
    {
        if let Some(known) = self.named.get_mut(value) {
            *known += tallied;
        } else if self.named.len() < most {
            self.named.insert(name(), tallied);
        } else {
            self.other += tallied;
        }
    }

    /// Adds those of elsewhere, all by value; whoever does that often [`cut`](Self::cut)s sometimes.
    pub fn merge(&mut self, other: &Self) {
        for (value, tallied) in &other.named {
            match self.named.get_mut(value) {
                Some(known) => *known += *tallied,
                None => {
                    self.named.insert(value.clone(), *tallied);
                }
            }
        }
        self.other += other.other;
    }

    /// Keeps the `most` frequent values; the rest is not told apart any more.
    pub fn cut(&mut self, most: usize) {
        if self.named.len() <= most {
            return;
        }
        let mut all: Vec<_> = self.named.drain().collect();
        all.sort_unstable_by(rank);
        for (_, tallied) in all.drain(most..) {
            self.other += tallied;
        }
        self.named.extend(all);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// All requests.
    pub fn total(&self) -> Tallied {
        let mut sum = self.other;
        self.named.values().for_each(|tallied| sum += *tallied);
        sum
    }

    /// The most frequent values, the most frequent first, and the rest.
    pub fn ranked(&self, most: usize) -> (Vec<(K, Tallied)>, Tallied) {
        let mut all: Vec<_> = self.named.iter().map(|(value, tallied)| (value.clone(), *tallied)).collect();
        all.sort_unstable_by(rank);
        let mut other = self.other;
        for (_, tallied) in all.drain(most.min(all.len())..) {
            other += tallied;
        }
        (all, other)
    }

    /// What [`ranked`](Self::ranked) said.
    pub fn from_ranked((named, other): (Vec<(K, Tallied)>, Tallied)) -> Self {
        Self { named: named.into_iter().collect(), other }
    }
}

impl<K: Eq + Hash + Ord + Clone + ToString> Shares<K> {
    /// As it is shown.
    pub fn parts(&self, most: usize) -> Parts {
        let (named, other) = self.ranked(most);
        let items = named.into_iter().map(|(value, tallied)| Part { name: value.to_string(), share: tallied.share() });
        Parts { items: items.collect(), other: other.share() }
    }
}

/// By frequency, and equals in an order that stays.
fn rank<K: Ord>(one: &(K, Tallied), other: &(K, Tallied)) -> std::cmp::Ordering {
    other.1.requests.cmp(&one.1.requests).then_with(|| one.0.cmp(&other.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_cut_the_sum_is_right(
            values in prop::collection::vec((0_u32..60, 200_u16..600, 0_u64..10_000), 0..300),
            room in 1_usize..20,
            most in 1_usize..20,
        ) {
            let (mut all, mut merged, mut part) = (Tallied::default(), Shares::<u32>::default(), Shares::<u32>::default());
            for (place, (value, status, latency)) in values.iter().enumerate() {
                let one = Tallied::one(*status, *latency);
                all += one;
                part.add(value, || *value, one, room);
                prop_assert!(part.len() <= room);
                if place % 7 == 0 {
                    merged.merge(&std::mem::take(&mut part));
                    merged.cut(most);
                }
            }
            merged.merge(&part);
            prop_assert_eq!(merged.total(), all);
            let ranked = merged.ranked(most);
            prop_assert!(ranked.0.len() <= most);
            prop_assert!(ranked.0.is_sorted_by(|one, other| one.1.requests >= other.1.requests));
            prop_assert_eq!(Shares::from_ranked(ranked).total(), all);
        }
    }
}
