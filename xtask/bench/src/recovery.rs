//! How long a tunnel has no answer after its line broke.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    http::Connection,
    measure::{Figure, Measure},
    origin::SMALL,
    plan::Plan,
    relay::Fault,
    results::Results,
    subjects::{Running, Subject},
};

/// What has not recovered by then is not waited for any longer.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long one visitor waits for an answer before asking anew.
const ATTEMPT: Duration = Duration::from_secs(3);
/// How many visitors ask at once at most.
const MAX_ATTEMPTS: usize = 90;
const CUTS: usize = 5;
const FREEZES: usize = 2;
/// A line is left alone for so long before it is harmed.
const CALM: Duration = Duration::from_secs(1);

/// Cuts the line of each tunnel several times, one tunnel after the other.
pub async fn cut(plan: &Plan, subjects: &[(usize, &Subject)], origin: SocketAddr, results: &mut Results) {
    let running = start(subjects, origin).await;
    for round in 0..if plan.quick { 1 } else { CUTS } {
        for (index, subject) in &running {
            // A client that has given up does so for good.
            let earlier = results.median((Measure::Cut, Figure::Seconds), *index);
            if earlier.is_none_or(f64::is_finite) {
                tokio::time::sleep(CALM).await;
                let seconds = strike(subject, Fault::Cut, Duration::from_millis(2)).await;
                results.add(Measure::Cut, *index, round, vec![(Figure::Seconds, seconds)]);
            }
        }
    }
}

/// Freezes the lines of all tunnels at once: they wait most of the time.
pub async fn freeze(plan: &Plan, subjects: &[(usize, &Subject)], origin: SocketAddr, results: &mut Results) {
    for round in 0..if plan.quick { 1 } else { FREEZES } {
        // Nobody waits a second time for one that did not come back.
        let lost = |index| results.median((Measure::Freeze, Figure::Seconds), index).is_some_and(f64::is_infinite);
        let left: Vec<_> = subjects.iter().copied().filter(|(index, _)| !lost(*index)).collect();
        let running = start(&left, origin).await;
        tokio::time::sleep(CALM).await;
        let strikes = running.iter().map(|(index, subject)| async move {
            (*index, strike(subject, Fault::Freeze, Duration::from_millis(40)).await)
        });
        for (index, seconds) in join_all(strikes).await {
            results.add(Measure::Freeze, index, round, vec![(Figure::Seconds, seconds)]);
        }
    }
}

async fn start(subjects: &[(usize, &Subject)], origin: SocketAddr) -> Vec<(usize, Running)> {
    let mut running = Vec::new();
    for (index, subject) in subjects {
        match subject.start_with_relay(origin).await {
            Ok(started) => running.push((*index, started)),
            Err(error) => eprintln!("  {error:#}"),
        }
    }
    running
}

/// Harms the line and asks for a small response every so often; the time until the first one comes, in seconds.
async fn strike(subject: &Running, fault: Fault, every: Duration) -> f64 {
    let Some(relay) = &subject.relay else { return f64::INFINITY };
    relay.strike(fault);
    let start = Instant::now();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut attempts = JoinSet::new();
    loop {
        tokio::select! {
            _ = tokio::time::sleep(PATIENCE.saturating_sub(start.elapsed())) => return f64::INFINITY,
            _ = ticks.tick(), if attempts.len() < MAX_ATTEMPTS => {
                attempts.spawn(succeeds(subject.address, subject.host.clone()));
            }
            Some(ended) = attempts.join_next() => if matches!(ended, Ok(true)) {
                return start.elapsed().as_secs_f64();
            }
        }
    }
}

async fn succeeds(address: SocketAddr, host: String) -> bool {
    let attempt = async { Connection::small(address).await?.get(&host, SMALL).await };
    matches!(tokio::time::timeout(ATTEMPT, attempt).await, Ok(Ok(200)))
}
