//! What the clock does must neither lose nor double anything that was counted or told apart.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::{Breakdown, RequestId, Span, UserId};
use uuid::Uuid;

use super::details::Answered;
use super::meter::Meter;
use super::sampler::{EVERYTHING, STEPS, Sampler};
use super::{breakdowns, rollups};
use crate::Secret;
use crate::store::{Store, Vault, open};

const MINUTE: i64 = STEPS[0];
const HOUR: i64 = STEPS[1];
/// When it begins: amid an hour and a minute.
const BEGIN: i64 = 500_000 * HOUR + 1_234;

/// A request, as it was measured.
#[derive(Clone, Copy)]
struct Logged {
    at: i64,
    id: RequestId,
    path: &'static str,
    client: IpAddr,
    status: u16,
    millis: u64,
}

/// Traffic under a clock that can be set.
struct World {
    now: i64,
    sampler: Sampler,
    meter: Arc<Meter>,
    store: Store,
    log: Vec<Logged>,
    /// How many seconds there have been, whatever the clock says.
    seconds: u64,
}

impl World {
    fn new(store: Store) -> Self {
        let meter = Arc::new(Meter::new(Uuid::now_v7(), UserId(Uuid::now_v7())));
        Self { now: BEGIN, sampler: Sampler::new(BEGIN), meter, store, log: Vec::new(), seconds: 0 }
    }

    /// The clock is set, and then goes on for so many seconds; what was measured is stored now and then, also twice.
    async fn goes_on(&mut self, jump: i64, seconds: i64) {
        self.now += jump;
        for _ in 0..seconds {
            self.now += 1;
            self.seconds += 1;
            self.ask();
            if self.sampler.tick(self.now, std::slice::from_ref(&self.meter)) {
                let at = self.now - 1;
                self.log.iter_mut().filter(|logged| logged.at == i64::MAX).for_each(|logged| logged.at = at);
            }
            if self.seconds.is_multiple_of(10) {
                let unstored = self.sampler.unstored();
                for _ in 0..self.seconds % 3 {
                    rollups::store(&self.store, &unstored, &HashSet::new()).await.unwrap();
                }
                if !self.seconds.is_multiple_of(3) {
                    self.sampler.stored(&unstored);
                }
            }
        }
    }

    /// A few requests, of which it is not known yet when they will be measured.
    fn ask(&mut self) {
        for number in 0..self.seconds % 4 {
            let logged = Logged {
                at: i64::MAX,
                id: RequestId(Uuid::now_v7()),
                path: ["/", "/orders", "/users/:id"][(self.seconds / 3 + number) as usize % 3],
                client: IpAddr::from([127, 0, 0, 1 + (self.seconds % 5) as u8]),
                status: [200, 404, 503][(self.seconds + number) as usize % 3],
                // No two alike, so that the slowest are certain.
                millis: (self.seconds * 4 + number) * 7_919 % 100_003,
            };
            self.meter.begin().told(&Answered {
                id: logged.id,
                method: "GET",
                path: logged.path,
                client: logged.client,
                status: logged.status,
                code: None,
                latency: Duration::from_millis(logged.millis),
            });
            self.log.push(logged);
        }
    }

    /// What is told of a stretch of time is what the log says of it, for the tunnel and for everybody.
    async fn is_right(&self, from: i64, until: i64) {
        let logged: Vec<_> = self.log.iter().filter(|logged| (from..until).contains(&logged.at)).copied().collect();
        for subject in [self.meter.subject, self.meter.owner.0, EVERYTHING] {
            let (run, steps) = self.sampler.in_memory(subject);
            let seen = breakdowns::of(&self.store, subject, (from, until), steps.clone()).await.unwrap();
            compare(&seen.breakdown((from, until), 100), &logged);
            let step = if (from % HOUR, until % HOUR) == (0, 0) { HOUR } else { MINUTE };
            let series =
                rollups::history(&self.store, subject, Span { from, until, step }, (run, steps)).await.unwrap();
            let told = series.samples.iter().map(|sample| (sample.at, sample.by_status.total()));
            let told: BTreeMap<_, _> = told.filter(|(_, requests)| *requests > 0).collect();
            assert_eq!(told, counted(logged.iter().map(|logged| logged.at.div_euclid(step) * step)));
        }
    }

    /// All of it, every hour and every minute of it.
    async fn all_is_right(&self) {
        let at = || self.log.iter().map(|logged| logged.at);
        let (first, last) = (at().min().unwrap(), at().max().unwrap());
        let (from, until) = (first.div_euclid(HOUR) * HOUR, (last.div_euclid(HOUR) + 1) * HOUR);
        self.is_right(from, until).await;
        self.is_right(first.div_euclid(MINUTE) * MINUTE, (last.div_euclid(MINUTE) + 1) * MINUTE).await;
        let minutes: HashSet<_> = at().map(|at| at.div_euclid(MINUTE) * MINUTE).collect();
        for minute in minutes {
            self.is_right(minute, minute + MINUTE).await;
            self.is_right(minute.div_euclid(HOUR) * HOUR, minute + MINUTE).await;
        }
    }
}

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

fn compare(seen: &Breakdown, logged: &[Logged]) {
    let parts = |parts: &domain::Parts| {
        parts.items.iter().map(|part| (part.name.clone(), part.share.requests)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(seen.requests, logged.len() as u64);
    assert_eq!(parts(&seen.paths), counted(logged.iter().map(|logged| logged.path.to_owned())));
    assert_eq!(parts(&seen.clients), counted(logged.iter().map(|logged| logged.client.to_string())));
    let errors = logged.iter().filter(|logged| logged.status >= 400);
    assert_eq!(parts(&seen.errors), counted(errors.map(|logged| logged.status.to_string())));
    let mut slowest = logged.to_vec();
    slowest.sort_by_key(|logged| std::cmp::Reverse(logged.millis));
    slowest.truncate(20);
    let ids = |ids: &mut dyn Iterator<Item = RequestId>| ids.collect::<Vec<_>>();
    assert_eq!(ids(&mut seen.slowest.iter().map(|slow| slow.id)), ids(&mut slowest.iter().map(|logged| logged.id)));
}

async fn store(folder: &tempfile::TempDir) -> Store {
    let url = format!("sqlite://{}", folder.path().join("switchboard.db").display());
    open(&url.parse().unwrap(), Vault::new(&Secret::new([1; 32])).unwrap()).await.unwrap()
}

#[tokio::test]
async fn no_jump_loses_or_doubles_what_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(store(&folder).await);
    for (jump, seconds) in [
        (0, 95),
        // Forward over hours, back into one that has passed, and into the very minutes that were measured.
        (2 * HOUR, 35),
        (-HOUR, 45),
        (-HOUR - 100, 130),
        // As a clock is set right by a little: no new run begins, or just so.
        (3, 20),
        (5, 12),
        (-1, 12),
        (-2, 31),
        // By days, and to where it should have been.
        (-3 * 86_400, 65),
        (3 * 86_400 + 600, 65),
    ] {
        world.goes_on(jump, seconds).await;
        world.all_is_right().await;
    }
    // As after a restart: nothing in memory.
    rollups::store(&world.store, &world.sampler.unstored(), &HashSet::new()).await.unwrap();
    world.sampler = Sampler::new(world.now);
    world.all_is_right().await;
}

#[tokio::test]
async fn a_clock_that_began_in_1970_costs_nothing_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(store(&folder).await);
    world.goes_on(100 - BEGIN, 70).await;
    world.goes_on(BEGIN, 70).await;
    rollups::store(&world.store, &world.sampler.unstored(), &HashSet::new()).await.unwrap();
    world.sampler = Sampler::new(world.now);
    rollups::purge(&world.store, world.now).await.unwrap();
    world.log.retain(|logged| logged.at > BEGIN);
    world.all_is_right().await;
    // Of what is gone nothing is told.
    let log = std::mem::take(&mut world.log);
    world.is_right(0, HOUR).await;
    assert!(!log.is_empty());
}
