//! How long a lookup and a rebuild take, and how much memory a route needs, by the number of routes.

use std::hint::black_box;
use std::num::NonZeroUsize;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use domain::{HostPattern, MountPath};
use server_routing::{Builder, Table, path};

/// Routes as they may come: half of them on a few hosts with very many each, half on hosts with four each.
struct Routes {
    routes: Vec<(HostPattern, MountPath)>,
}

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
        Self { routes: (0..count).filter_map(route).collect() }
    }

    fn table(&self) -> Table<NonZeroUsize> {
        let mut builder = Builder::new();
        for (host, mount) in &self.routes {
            // Each leads one step on in the requests, see `lookup`.
            if let Err(refused) = builder.mount(Some(host), mount, NonZeroUsize::MIN) {
                panic!("{host}{mount}: {refused}");
            }
        }
        builder.build()
    }

    /// Requests in no order over all routes, one behind the other in memory, as if just received.
    fn requests(&self) -> Requests {
        let mut requests = Requests { text: String::new(), ends: Vec::new() };
        for turn in 0..1_usize << 17 {
            let (host, mount) = &self.routes[turn.wrapping_mul(0x9E37_79B1) % self.routes.len()];
            requests.text.push_str(host.hostname().as_str());
            let host_end = requests.text.len();
            requests.text.push_str(mount.as_str());
            requests.text.push_str("/items/4711");
            requests.ends.push((host_end, requests.text.len()));
        }
        requests
    }
}

struct Requests {
    text: String,
    ends: Vec<(usize, usize)>,
}

impl Requests {
    fn get(&self, at: usize) -> (&str, &str) {
        let start = if at == 0 { 0 } else { self.ends[at - 1].1 };
        let (host_end, end) = self.ends[at];
        (&self.text[start..host_end], &self.text[host_end..end])
    }
}

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for count in [10, 10_000, 1_000_000] {
        let routes = Routes::new(count);
        let (table, requests) = (routes.table(), routes.requests());
        eprintln!("{count} routes: {} bytes of memory for each", table.memory() / count);
        let ask = |at: usize| {
            let (host, path) = requests.get(at);
            path::normalise(path).ok().and_then(|path| table.find(host, &path).map(|found| found.target.get()))
        };
        let mut at = 0;
        group.bench_function(format!("{count}"), |bencher| {
            bencher.iter(|| {
                at = (at + 1) % requests.ends.len();
                ask(at)
            });
        });
        // The next request is known only when the target is, so that no memory is read ahead for it.
        group.bench_function(format!("{count}, each after the last"), |bencher| {
            bencher.iter(|| at = (at + black_box(ask(at)).unwrap_or(1)) % requests.ends.len());
        });
    }
    group.finish();
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rebuild");
    group.sample_size(10);
    let routes = Routes::new(100_000);
    group.bench_function("100000", |bencher| bencher.iter_batched(|| (), |()| routes.table(), BatchSize::LargeInput));
    group.finish();
}

fn normalise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalise");
    for path in ["/v1/customers/4711/items/42.json", "/caf%C3%A9/menu/today/items/42", "/a/%7Euser/./x/../items/42"] {
        group.bench_function(path.replace('/', "|"), |bencher| {
            bencher.iter(|| path::normalise(black_box(path)).is_ok())
        });
    }
    group.finish();
}

criterion_group!(benches, lookup, build, normalise);
criterion_main!(benches);
