//! From checks to a status. Pure.

use domain::HealthStatus;

/// How many checks in a row it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Good ones, to be healthy again. The first good one of all is enough.
    pub healthy_after: u32,
    /// Bad ones, to be unhealthy.
    pub unhealthy_after: u32,
}

/// What is thought of a backend, and what may be about to change that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    status: HealthStatus,
    /// Whether the last check was good.
    good: bool,
    /// How many had the same outcome in a row.
    in_a_row: u32,
}

impl Verdict {
    /// The status.
    pub fn status(&self) -> HealthStatus {
        self.status
    }

    /// How many checks in a row had the outcome of the last one.
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// Takes in another check. Returns the status of before when it is another one now.
    pub fn record(&mut self, good: bool, thresholds: Thresholds) -> Option<HealthStatus> {
        self.in_a_row = if good == self.good { self.in_a_row.saturating_add(1) } else { 1 };
        self.good = good;
        let (status, needed) = match (good, self.status) {
            // Whoever has just been entered is to serve at once, if it can.
            (true, HealthStatus::Unknown) => (HealthStatus::Healthy, 1),
            (true, _) => (HealthStatus::Healthy, thresholds.healthy_after),
            (false, _) => (HealthStatus::Unhealthy, thresholds.unhealthy_after),
        };
        if status == self.status || self.in_a_row < needed {
            return None;
        }
        Some(std::mem::replace(&mut self.status, status))
    }

    /// Begins to count anew, since checks mean something else from now on.
    pub fn recount(&mut self) {
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::HealthStatus::{Healthy, Unhealthy, Unknown};

    const RULES: Thresholds = Thresholds { healthy_after: 2, unhealthy_after: 3 };

    /// The status after each of these checks.
    fn after(checks: &[bool], rules: Thresholds) -> Vec<HealthStatus> {
        let mut verdict = Verdict::default();
        let record = |good: &bool| {
            let before = verdict.status();
            let changed = verdict.record(*good, rules);
            assert_eq!(changed, (before != verdict.status()).then_some(before));
            verdict.status()
        };
        checks.iter().map(record).collect()
    }

    #[test]
    fn the_first_good_check_is_enough() {
        assert_eq!(after(&[true, false, true], RULES), [Healthy; 3]);
        assert_eq!(after(&[false, false, true], RULES), [Unknown, Unknown, Healthy]);
    }

    #[test]
    fn it_takes_bad_checks_in_a_row_to_be_unhealthy() {
        assert_eq!(after(&[false; 4], RULES), [Unknown, Unknown, Unhealthy, Unhealthy]);
        let interrupted = [true, false, false, true, false, false, false];
        assert_eq!(after(&interrupted, RULES), [Healthy, Healthy, Healthy, Healthy, Healthy, Healthy, Unhealthy]);
    }

    #[test]
    fn it_takes_good_checks_in_a_row_to_be_healthy_again() {
        let checks = [false, false, false, true, false, true, true];
        assert_eq!(after(&checks, RULES)[2..], [Unhealthy, Unhealthy, Unhealthy, Unhealthy, Healthy]);
        let at_once = Thresholds { healthy_after: 1, unhealthy_after: 1 };
        assert_eq!(after(&[false, true, false], at_once), [Unhealthy, Healthy, Unhealthy]);
    }

    #[test]
    fn counting_begins_anew_when_checks_mean_something_else() {
        let mut verdict = Verdict::default();
        (0..2).for_each(|_| assert_eq!(verdict.record(false, RULES), None));
        verdict.recount();
        (0..2).for_each(|_| assert_eq!(verdict.record(false, RULES), None));
        assert_eq!(verdict.record(false, RULES), Some(Unknown));
        assert_eq!((verdict.status(), verdict.in_a_row()), (Unhealthy, 3));
    }

    proptest::proptest! {
        #[test]
        fn only_as_many_in_a_row_as_it_takes_change_it(
            checks in proptest::collection::vec(proptest::bool::ANY, 0..60), healthy_after in 1u32..5, unhealthy_after in 1u32..5,
        ) {
            let rules = Thresholds { healthy_after, unhealthy_after };
            let statuses = after(&checks, rules);
            for (at, status) in statuses.iter().enumerate() {
                let before = if at == 0 { Unknown } else { statuses[at - 1] };
                let needed = match (before, status) {
                    (Unknown, Healthy) => 1,
                    (Unhealthy, Healthy) => healthy_after,
                    (_, Unhealthy) if before != Unhealthy => unhealthy_after,
                    _ => continue,
                };
                let same = checks[..=at].iter().rev().take_while(|good| **good == checks[at]).count();
                proptest::prop_assert!(same >= needed as usize);
            }
        }
    }
}
