//! Neighbours on one line: those who stop reading, and those who take all there is. They cost what is promised, and the
//! others go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::raw::{Connection, RawOrigin};
use crate::support::{Program, Programs, until, within};

/// How many never read what they have asked for.
const STALLED: usize = 500;
/// How much memory each of them may take in each process, bytes.
const MEMORY: u64 = 256 * 1024;
/// How many others there are, and how much each reads, bytes.
const READERS: usize = 4;
const SIZE: usize = 32 * 1024 * 1024;
/// How often the throughput of the others is compared, and how many readings each comparison takes after the first.
const ROUNDS: usize = 2;
const READINGS: usize = 3;
/// Until all others have what they wanted: who is held up never has.
const TIME: Duration = Duration::from_secs(60);

/// `/endless`, `/large` and anything else, which is small. `written` counts the bytes of endless answers.
async fn serve(mut connection: Connection, written: Arc<AtomicU64>) {
    let piece = vec![b'x'; 64 * 1024];
    while let Some(head) = connection.head().await {
        if head.starts_with("GET /endless ") {
            connection.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while connection.write(&piece).await {
                written.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
            return;
        }
        let size = if head.starts_with("GET /large ") { SIZE } else { 16 };
        connection.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes()).await;
        for start in (0..size).step_by(piece.len()) {
            connection.write(&piece[..piece.len().min(size - start)]).await;
        }
    }
}

struct Place {
    programs: Programs,
    telephone: Program,
    written: Arc<AtomicU64>,
    _origin: RawOrigin,
}

impl Place {
    async fn new() -> Self {
        let written = Arc::new(AtomicU64::new(0));
        let counted = written.clone();
        let origin = RawOrigin::start(move |connection| serve(connection, counted.clone())).await;
        let programs = Programs::start().await;
        let (_, token) = programs.token().await;
        let telephone = programs.telephone_with(&token, "shared", origin.address, &[]).await;
        Self { programs, telephone, written, _origin: origin }
    }

    fn memory(&self) -> [(&'static str, u64); 2] {
        [("switchboard", self.programs.switchboard.memory()), ("telephone", self.telephone.memory())]
    }

    /// Waits until nobody takes any more of the endless answers.
    async fn standstill(&self) {
        let (mut before, mut still) = (u64::MAX, 0);
        until(TIME, "a standstill", async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let written = self.written.load(Ordering::Relaxed);
            still = if std::mem::replace(&mut before, written) == written { still + 1 } else { 0 };
            still == 5
        })
        .await;
    }

    async fn nobody(&self) {
        let programs = &self.programs;
        until(TIME, "the end of all streams", async || programs.figure("switchboard_streams").await == 0.0).await;
    }
}

async fn ask(mut visitor: Connection, address: SocketAddr, path: &str) -> Connection {
    let host = format!("shared.localhost:{}", address.port());
    visitor.write(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
    visitor
}

/// How long it takes all the others to read what they want.
async fn read(address: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(async move {
            let mut reader = ask(Connection::to(address).await, address, "/large").await;
            reader.head().await.unwrap();
            assert!(reader.skip(SIZE).await);
        });
    }
    while let Some(reader) = within(TIME, "a reader's end", readers.join_next()).await {
        reader.unwrap();
    }
    begun.elapsed()
}

async fn stall(place: &Place) -> Vec<Connection> {
    let address = place.programs.address;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(ask(Connection::narrow(address).await, address, "/endless").await);
    }
    place.standstill().await;
    stalled
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_do_not_read_cost_little_and_hold_nobody_up() {
    let place = Place::new().await;
    let address = place.programs.address;
    let before = place.memory();
    let (mut alone, mut beside) = (Readings::default(), Readings::default());
    for round in 0..ROUNDS {
        alone.take(address).await;
        let stalled = stall(&place).await;
        if round == 0 {
            check_memory(&place, before).await;
        }
        beside.take(address).await;
        drop(stalled);
        place.nobody().await;
    }
    let share = median(&alone.later) / median(&beside.later);
    let first = median(&alone.first) / median(&beside.first);
    // How much it is to be is for `cargo xtask bench --only stalled`: on a busy machine anything can be seen here.
    println!("the others keep {share:.2} of their throughput, {first:.2} at first");
}

/// How long the others took each time.
///
/// The first reading counts apart. Those who stopped reading have just taken hundreds of megabytes in the kernel, and
/// what it copies next goes into pages that have not been used lately. Two programs that only send and receive, beside
/// stalled connections that are not ours, are slower at first as well, and then as fast as before.
#[derive(Debug, Default)]
struct Readings {
    first: Vec<Duration>,
    later: Vec<Duration>,
}

impl Readings {
    async fn take(&mut self, address: SocketAddr) {
        self.first.push(read(address).await);
        for _ in 0..READINGS {
            self.later.push(read(address).await);
        }
    }
}

/// What was in use for a moment only is given back a little later.
async fn check_memory(place: &Place, before: [(&'static str, u64); 2]) {
    let mut seen = String::new();
    let within_bounds = async || {
        let memory = place.memory().into_iter().zip(before);
        let each = memory.map(|((name, now), (_, before))| (name, now.saturating_sub(before) / STALLED as u64));
        let each: Vec<_> = each.collect();
        let now = format!("{each:?} bytes for each who does not read");
        if now != seen {
            println!("{now}");
            seen = now;
        }
        each.iter().all(|(_, each)| *each <= MEMORY)
    };
    until(TIME, "memory within its bounds", within_bounds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_requests_finish_beside_large_ones() {
    const BULK: usize = 8;
    const SMALL: usize = 200;
    let place = Place::new().await;
    let address = place.programs.address;
    let small = async || {
        let mut times = Vec::new();
        let mut visitor = Connection::to(address).await;
        let request = format!("GET /small HTTP/1.1\r\nHost: shared.localhost:{}\r\n\r\n", address.port());
        for _ in 0..SMALL {
            let begun = Instant::now();
            visitor.write(request.as_bytes()).await;
            within(TIME, "a small answer", visitor.head()).await.unwrap();
            assert!(visitor.skip(16).await);
            times.push(begun.elapsed());
        }
        median(&times)
    };
    let alone = small().await;
    let mut bulk = JoinSet::new();
    for _ in 0..BULK {
        bulk.spawn(async move {
            let mut reader = ask(Connection::to(address).await, address, "/endless").await;
            reader.gone().await;
        });
    }
    until(TIME, "bulk transfers", async || place.written.load(Ordering::Relaxed) > 100 * 1024 * 1024).await;
    let beside = small().await;
    println!(
        "median of small requests: {:.0} µs alone, {:.0} µs beside {BULK} bulk transfers",
        alone * 1e6,
        beside * 1e6
    );
    bulk.shutdown().await;
    place.nobody().await;
}
