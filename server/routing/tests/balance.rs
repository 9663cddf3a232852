//! Which backend takes a request. All randomness is seeded, so what passes once passes always.

use std::time::{Duration, Instant};

use domain::Balance;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use server_routing::balance::{Candidate, Cursor, Tried, WARM, pick, slow_start, split, stable_hash};

#[derive(Clone, Debug)]
struct Backend {
    key: u64,
    in_flight: u32,
    weight: u32,
    warmth: u32,
    usable: bool,
}

impl Backend {
    fn new(key: u64) -> Self {
        Self { key, in_flight: 0, weight: 1, warmth: WARM, usable: true }
    }
}

impl Candidate for Backend {
    fn key(&self) -> u64 {
        self.key
    }

    fn in_flight(&self) -> u32 {
        self.in_flight
    }

    fn weight(&self) -> u32 {
        self.weight
    }

    fn warmth(&self) -> u32 {
        self.warmth
    }

    fn usable(&self) -> bool {
        self.usable
    }
}

fn pool(weights: &[u32]) -> Vec<Backend> {
    (0..).zip(weights).map(|(key, weight)| Backend { weight: *weight, ..Backend::new(key) }).collect()
}

/// How often each is picked when nothing stays in flight.
fn counts(balance: Balance, pool: &[Backend], picks: usize) -> Vec<usize> {
    let (cursor, tried, mut rng) = (Cursor::default(), Tried::default(), StdRng::seed_from_u64(1));
    let mut counts = vec![0; pool.len()];
    for _ in 0..picks {
        if let Some(index) = pick(balance, &cursor, pool, None, &tried, &mut rng) {
            counts[index] += 1;
        }
    }
    counts
}

fn assert_near(counts: &[usize], expected: &[usize]) {
    let near = counts.iter().zip(expected).all(|(count, expected)| count.abs_diff(*expected) <= expected / 10);
    assert!(near, "{counts:?} is not near {expected:?}");
}

#[test]
fn equal_backends_get_equal_shares() {
    for balance in Balance::ALL {
        assert_near(&counts(balance, &pool(&[1, 1, 1, 1]), 40_000), &[10_000; 4]);
        assert_near(&counts(balance, &pool(&[100, 100]), 20_000), &[10_000; 2]);
    }
}

#[test]
fn idle_backends_get_shares_by_weight() {
    for balance in [Balance::TwoChoices, Balance::LeastConnections, Balance::Weighted] {
        assert_near(&counts(balance, &pool(&[6, 3, 1, 0]), 40_000), &[24_000, 12_000, 4_000, 0]);
    }
    assert_near(&counts(Balance::RoundRobin, &pool(&[6, 3, 1, 0]), 40_000), &[10_000; 4]);
}

#[test]
fn a_backend_that_came_back_gets_less_of_its_share() {
    for balance in Balance::ALL {
        let mut pool = pool(&[1, 1, 1]);
        pool[1].warmth = WARM / 4;
        assert_near(&counts(balance, &pool, 36_000), &[16_000, 4_000, 16_000]);
    }
}

#[test]
fn round_robin_takes_turns_and_leaves_no_double_turn_where_one_is_missing() {
    let mut pool = pool(&[1; 4]);
    assert_eq!(counts(Balance::RoundRobin, &pool, 8), [2; 4]);
    pool[1].usable = false;
    assert_eq!(counts(Balance::RoundRobin, &pool, 9), [3, 0, 3, 3]);
}

#[test]
fn weighted_turns_are_spread_out() {
    let pool = pool(&[3, 1]);
    let (cursor, tried, mut rng) = (Cursor::default(), Tried::default(), StdRng::seed_from_u64(1));
    let picks: Vec<_> =
        (0..400).filter_map(|_| pick(Balance::Weighted, &cursor, &pool, None, &tried, &mut rng)).collect();
    for window in picks.windows(8) {
        let light = window.iter().filter(|index| **index == 1).count();
        assert!((1..=3).contains(&light), "{window:?}");
    }
}

#[test]
fn requests_go_where_less_is_in_flight() {
    let mut pool = pool(&[1, 1, 1]);
    pool[0].in_flight = 5;
    pool[1].in_flight = 4;
    pool[2].in_flight = 9;
    assert_eq!(counts(Balance::LeastConnections, &pool, 100), [0, 100, 0]);
    let two = counts(Balance::TwoChoices, &pool, 3_000);
    // The busiest wins no pair, the least busy each of its two in three.
    assert_near(&two, &[1_000, 2_000, 0]);
    // Twice the weight carries twice as much.
    pool[0].weight = 2;
    assert_eq!(counts(Balance::LeastConnections, &pool, 100), [100, 0, 0]);
}

#[test]
fn two_choices_keep_the_load_even() {
    let mut pool = pool(&[1; 10]);
    let (cursor, tried, mut rng) = (Cursor::default(), Tried::default(), StdRng::seed_from_u64(1));
    for _ in 0..10_000 {
        if let Some(index) = pick(Balance::TwoChoices, &cursor, &pool, None, &tried, &mut rng) {
            pool[index].in_flight += 1;
        }
    }
    assert!(pool.iter().all(|backend| backend.in_flight.abs_diff(1000) <= 5), "{pool:?}");
}

/// Where each of these clients goes.
fn homes(pool: &[Backend], clients: usize) -> Vec<Option<usize>> {
    let (cursor, tried, mut rng) = (Cursor::default(), Tried::default(), StdRng::seed_from_u64(1));
    (0..clients)
        .map(|client| {
            let hash = stable_hash(format!("192.0.2.{client}").as_bytes());
            pick(Balance::TwoChoices, &cursor, pool, Some(hash), &tried, &mut rng)
        })
        .collect()
}

#[test]
fn a_client_stays_and_only_clients_of_a_lost_backend_move() {
    let mut pool = pool(&[1; 5]);
    let before = homes(&pool, 10_000);
    assert_eq!(homes(&pool, 10_000), before);
    pool[2].usable = false;
    pool[0].in_flight = 1000;
    for (before, after) in before.iter().zip(homes(&pool, 10_000)) {
        assert!(after.is_some_and(|index| index != 2));
        assert!(*before == Some(2) || *before == after);
    }
    pool[2].usable = true;
    assert_eq!(homes(&pool, 10_000), before);
    // Nor does it matter in which order they are listed.
    pool.reverse();
    let reversed: Vec<_> = homes(&pool, 10_000).into_iter().map(|index| index.map(|index| 4 - index)).collect();
    assert_eq!(reversed, before);
}

#[test]
fn clients_are_shared_out_by_weight() {
    let pool = pool(&[4, 2, 1, 1]);
    let mut counts = vec![0; 4];
    for home in homes(&pool, 40_000).into_iter().flatten() {
        counts[home] += 1;
    }
    assert_near(&counts, &[20_000, 10_000, 5_000, 5_000]);
}

#[test]
fn the_hash_is_the_same_in_every_version() {
    // What it is now: a change would move every client at once.
    assert_eq!(stable_hash(b""), 0xF52A_15E9_A9B5_E89B);
    assert_eq!(stable_hash(b"192.0.2.1"), 0x4D0E_1BC6_8452_59F5);
}

#[test]
fn there_is_room_for_as_many_attempts_as_promised() {
    let mut tried = Tried::default();
    for index in 0..Tried::CAPACITY {
        assert!(tried.insert(index) && tried.insert(index));
        assert_eq!(tried.len(), index + 1);
    }
    assert!(!tried.insert(Tried::CAPACITY) && !tried.contains(Tried::CAPACITY));
}

#[test]
fn slow_start_rises_from_a_tenth_to_all() {
    let (since, duration) = (Instant::now(), Duration::from_secs(10));
    for (after_ms, warmth) in [(0, 100), (5_000, 550), (9_999, 999), (10_000, 1000), (60_000, 1000)] {
        assert_eq!(slow_start(since, since + Duration::from_millis(after_ms), duration), warmth, "{after_ms}");
    }
    assert_eq!(slow_start(since, since, Duration::ZERO), WARM);
    assert_eq!(slow_start(since + duration, since, duration), 100);
}

#[test]
fn a_split_takes_its_percentage_and_keeps_who_is_in() {
    let clients: Vec<u64> = (0..20_000_u32).map(|client| stable_hash(&client.to_be_bytes())).collect();
    for percent in [0_u8, 1, 25, 50, 99, 100, 255] {
        let taken = clients.iter().filter(|client| split(percent, **client)).count();
        let expected = 200 * usize::from(percent.min(100));
        let exact = percent == 0 || percent >= 100;
        assert!(taken.abs_diff(expected) <= if exact { 0 } else { 150 }, "{percent}: {taken}");
    }
    assert!(clients.iter().all(|client| !split(10, *client) || split(30, *client)));
}

fn any_backend() -> impl Strategy<Value = Backend> {
    let parts = (any::<u64>(), prop_oneof![0..4_u32, any::<u32>()], prop_oneof![0..4_u32, any::<u32>()]);
    (parts, prop_oneof![Just(WARM), 0..=WARM, any::<u32>()], any::<bool>())
        .prop_map(|((key, in_flight, weight), warmth, usable)| Backend { key, in_flight, weight, warmth, usable })
}

proptest! {
    #[test]
    fn what_is_picked_may_be_picked_and_something_is_when_it_can_be(
        pool in proptest::collection::vec(any_backend(), 0..12),
        tries in proptest::collection::vec(0_usize..12, 0..11),
        affinity in any::<Option<u64>>(),
        seed: u64,
    ) {
        let mut tried = Tried::default();
        prop_assert!(tries.iter().all(|index| tried.insert(*index)));
        let mut rng = StdRng::seed_from_u64(seed);
        for balance in Balance::ALL {
            let may = |index: usize| {
                let weighs = balance == Balance::RoundRobin || pool[index].weight > 0;
                pool[index].usable && weighs && !tried.contains(index)
            };
            let cursor = Cursor::default();
            for _ in 0..rng.random_range(1..20) {
                let picked = pick(balance, &cursor, &pool, affinity, &tried, &mut rng);
                prop_assert_eq!(picked.is_some(), (0..pool.len()).any(may));
                prop_assert!(picked.is_none_or(may), "{:?}", picked);
            }
        }
    }
}
