//! How long the choice of a backend takes, by the size of the pool.

use criterion::{Criterion, criterion_group, criterion_main};
use domain::Balance;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use server_routing::balance::{Candidate, Cursor, Tried, pick};

struct Backend(u64);

impl Candidate for Backend {
    fn key(&self) -> u64 {
        self.0
    }

    fn in_flight(&self) -> u32 {
        3
    }

    fn weight(&self) -> u32 {
        1
    }

    fn usable(&self) -> bool {
        true
    }
}

fn picks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    let (cursor, tried, mut rng) = (Cursor::default(), Tried::default(), SmallRng::seed_from_u64(1));
    for size in [2, 10, 100] {
        let pool: Vec<_> = (0..size).map(Backend).collect();
        for balance in Balance::ALL {
            group.bench_function(format!("{} of {size}", balance.as_str()), |bencher| {
                bencher.iter(|| pick(balance, &cursor, &pool, None, &tried, &mut rng));
            });
        }
        group.bench_function(format!("affinity of {size}"), |bencher| {
            bencher.iter(|| pick(Balance::TwoChoices, &cursor, &pool, Some(4711), &tried, &mut rng));
        });
    }
    group.finish();
}

criterion_group!(benches, picks);
criterion_main!(benches);
