//! How long a lookup, a rebuild and a change take, and how much memory a route needs, by the number of routes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use domain::{HostPattern, MountPath};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use server_routing::{Builder, Table, path};

/// Routes as they may come: half of them on a few hosts with very many each, half on hosts with four each.
struct Routes(Vec<(HostPattern, MountPath)>);

impl Routes {
    fn new(count: usize) -> Self {
        let large = (count / 10).clamp(1, 100);
        let route = |at: usize| {
            let (host, path) = if at.is_multiple_of(2) {
                let path = format!("/v{}/customers/{}", at % 3, at / 2);
                (format!("gateway-{}.example.com", at / 2 % large), path)
            } else {
                let mount = ["/api", "/assets", "/admin/users", "/ws"][at / 2 % 4];
                (format!("shop-{}.customers.example.org", at / 8), mount.to_owned())
            };
            Some((host.parse().ok()?, path.parse().ok()?))
        };
        Self((0..count).filter_map(route).collect())
    }

    fn table(&self) -> Table<Arc<usize>> {
        self.builder().build()
    }

    fn builder(&self) -> Builder<Arc<usize>> {
        let mut builder = Builder::new();
        for (at, (host, mount)) in self.0.iter().enumerate() {
            if let Err(refused) = builder.mount(Some(host), mount, Arc::new(at)) {
                panic!("{host}{mount}: {refused}");
            }
        }
        builder
    }

    /// A number as popularity is on the web: the second route is asked for half as often as the first, the third a third
    /// as often (Zipf's law), and the popular ones are anywhere.
    fn by_popularity(&self, random: f64) -> usize {
        let rank = (self.0.len() as f64).powf(random) as usize;
        rank.wrapping_mul(0x9E37_79B1) % self.0.len()
    }

    /// Any number: with many routes, hardly anything of the table is in a cache.
    fn all_alike(&self, random: f64) -> usize {
        (self.0.len() as f64 * random) as usize
    }

    fn request(&self, number: usize) -> (String, String) {
        let (host, mount) = &self.0[number];
        (host.hostname().as_str().to_owned(), format!("{mount}/items/4711"))
    }
}

/// Looks so many requests up. They are made a hundred at a time outside the measured time, and are therefore as near as
/// those that were just received.
fn time(table: &Table<Arc<usize>>, count: u64, mut request: impl FnMut() -> (String, String)) -> Duration {
    let mut passed = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let requests: Vec<_> = (0..left.min(100)).map(|_| request()).collect();
        left -= requests.len() as u64;
        let begin = Instant::now();
        for (host, path) in &requests {
            let found = path::normalise(path).ok().and_then(|path| table.find(host, &path));
            black_box(found);
        }
        passed += begin.elapsed();
    }
    passed
}

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    let mut rng = StdRng::seed_from_u64(1);
    for count in [10, 10_000, 1_000_000] {
        let routes = Routes::new(count);
        let table = routes.table();
        eprintln!("{count} routes: {} bytes of memory for each", table.memory() / count);
        group.bench_function(format!("{count}, by popularity"), |bencher| {
            bencher.iter_custom(|n| time(&table, n, || routes.request(routes.by_popularity(rng.random()))));
        });
        group.bench_function(format!("{count}, all alike"), |bencher| {
            bencher.iter_custom(|n| time(&table, n, || routes.request(routes.all_alike(rng.random()))));
        });
    }
    group.finish();
}

fn rebuild(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rebuild");
    group.sample_size(10);
    let routes = Routes::new(100_000);
    group.bench_function("100000", |bencher| bencher.iter_with_large_drop(|| routes.table()));
    group.finish();
}

fn change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("change");
    for count in [10, 10_000, 1_000_000] {
        let routes = Routes::new(count);
        let mut builder = routes.builder();
        let mut table = builder.table();
        let mut numbers = (0..count).cycle();
        group.bench_function(count.to_string(), |bencher| {
            bencher.iter(|| {
                let number = numbers.next().unwrap_or_default();
                let (host, mount) = &routes.0[number];
                builder.remove_mount(Some(host), mount);
                table = builder.table();
                builder.mount(Some(host), mount, Arc::new(number)).is_ok()
            });
        });
        black_box(&table);
    }
    group.finish();
}

fn normalise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalise");
    for (kind, path) in [
        ("as it is", "/v1/customers/4711/items/42.json"),
        ("with escapes", "/caf%C3%A9/menu/today/items/42"),
        ("to be changed", "/a/%7Euser/./x/../items/42"),
    ] {
        group.bench_function(kind, |bencher| bencher.iter(|| path::normalise(black_box(path)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, lookup, rebuild, change, normalise);
criterion_main!(benches);
