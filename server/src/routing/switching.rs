//! Switches that are on their way: how far they have come, and whether the new tag does well.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use domain::{SwitchId, SwitchPlan, Timestamp};
use server_core::{RunningSwitch, SwitchEnd, Tallied, Tally};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Routing;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// So many answers tell how the new tag does...
const ENOUGH: u64 = 20;
/// ...or fewer, when more have not come for so long.
const LONG_ENOUGH: Duration = Duration::from_secs(10);

/// A switch that is on its way.
#[derive(Debug)]
pub struct UnderWay {
    id: SwitchId,
    plan: SwitchPlan,
    started_at: Timestamp,
    /// Counts what came of the requests that went to the new tag because of it, and of no others to that tag.
    pub(super) tally: Arc<Tally>,
    /// The new tag's share.
    pub(super) percent: Arc<AtomicU8>,
}

impl UnderWay {
    pub(super) fn new(switch: &RunningSwitch, tally: Arc<Tally>) -> Self {
        let under_way = Self {
            id: switch.id,
            plan: switch.plan.clone(),
            started_at: switch.started_at,
            tally,
            percent: Arc::default(),
        };
        under_way.advance();
        under_way
    }

    /// Lets the share be what it is now; whether all steps are over.
    fn advance(&self) -> bool {
        // A clock that was set back makes it wait, not end.
        let seconds = u64::try_from((chrono::Utc::now() - self.started_at).num_seconds()).unwrap_or(0);
        let percent = self.plan.percent_after(seconds);
        self.percent.store(percent.unwrap_or(100), Relaxed);
        percent.is_none()
    }
}

/// Which limit of the plan was crossed, if any.
fn crossed(plan: &SwitchPlan, seen: &Tallied) -> Option<String> {
    let rate = seen.errors as f64 / seen.answered.max(1) as f64;
    if let Some(most) = plan.max_error_rate.filter(|most| rate > *most) {
        let (errors, answered) = (seen.errors, seen.answered);
        return Some(format!("{errors} of {answered} answers were errors, and at most {:.1} % may be", most * 100.0));
    }
    let (most, latency) = (plan.max_latency_ms?, seen.latency_ms?);
    (latency.p95 > f64::from(most))
        .then(|| format!("5 of 100 requests took {:.0} ms or more, and {most} ms is the limit", latency.p95))
}

impl Routing {
    /// Looks after the switches that are on their way, until `stop`.
    pub async fn follow_switches(&self, stop: CancellationToken) {
        let mut timer = interval(EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked = HashMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
            }
            let table = self.table().clone();
            looked.retain(|id, _| table.switches.iter().any(|switch| switch.id == *id));
            for switch in &table.switches {
                let last = looked.entry(switch.id).or_insert_with(Instant::now);
                if let Some(end) = look(switch, last) {
                    self.end(switch.id, end).await;
                }
            }
        }
    }

    async fn end(&self, id: SwitchId, end: SwitchEnd) {
        match &end {
            SwitchEnd::Done => tracing::info!(%id, "a switch is done"),
            SwitchEnd::Returned(reason) => tracing::warn!(%id, reason, "a switch went back by itself"),
        }
        if let Err(error) = self.services().switches().end(id, end).await {
            tracing::warn!(%id, %error, cause = error.cause(), "a switch was not ended; it is tried again");
        }
    }
}

/// How a switch has to end now, if it has to.
fn look(switch: &UnderWay, last: &mut Instant) -> Option<SwitchEnd> {
    let over = switch.advance();
    if over || switch.tally.counted() >= ENOUGH || last.elapsed() >= LONG_ENOUGH {
        *last = Instant::now();
        if let Some(reason) = crossed(&switch.plan, &switch.tally.take()) {
            return Some(SwitchEnd::Returned(reason));
        }
    }
    over.then_some(SwitchEnd::Done)
}

#[cfg(test)]
mod tests {
    use domain::LatencySummary;

    use super::*;

    #[test]
    fn a_crossed_limit_is_told() {
        let plan = SwitchPlan { max_error_rate: Some(0.05), max_latency_ms: Some(200), ..SwitchPlan::default() };
        let latency = |p95| Some(LatencySummary { p50: 1.0, p95, p99: p95 });
        let seen = |answered, errors, p95| Tallied { answered, errors, given_up: 0, latency_ms: latency(p95) };
        assert_eq!(crossed(&plan, &seen(100, 5, 200.0)), None);
        assert!(crossed(&plan, &seen(100, 6, 1.0)).is_some_and(|text| text.contains("6 of 100")));
        assert!(crossed(&plan, &seen(100, 0, 201.0)).is_some_and(|text| text.contains("201 ms")));
        let nothing = Tallied { answered: 0, errors: 0, given_up: 0, latency_ms: None };
        assert_eq!(crossed(&plan, &nothing), None);
        let unanswered = Tallied { given_up: 3, latency_ms: latency(900.0), ..nothing };
        assert!(crossed(&plan, &unanswered).is_some_and(|text| text.contains("900 ms")));
        let unwatched = SwitchPlan { max_error_rate: None, ..SwitchPlan::default() };
        assert_eq!(crossed(&unwatched, &seen(10, 10, 9e9)), None);
        assert!(crossed(&SwitchPlan::default(), &seen(10, 10, 1.0)).is_some());
    }
}
