//! How fast bytes pass: whoever is too fast waits before more is taken, and so does who sends it.

use std::future::Future as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use dashmap::DashMap;
use domain::{Bandwidth, Direction, RatePer, source};
use tokio::time::{Instant, Sleep, sleep_until};

/// How many clients a limit tells apart at once; beyond it new ones share.
const MOST_CLIENTS: usize = 20_000;

/// One limit, for everybody whom it is for.
#[derive(Debug)]
pub(super) struct Width {
    limit: Bandwidth,
    all: Arc<Lane>,
    each: DashMap<IpAddr, Arc<Lane>>,
}

/// What passes together: what has passed has to be paid for with time before more does.
#[derive(Debug)]
struct Lane {
    bytes_per_second: u64,
    since: Instant,
    /// When all is paid for, nanoseconds.
    paid: AtomicU64,
}

/// What one body has to keep to.
#[derive(Debug)]
pub struct Pace {
    direction: Direction,
    lanes: Vec<Arc<Lane>>,
    /// It is there once it had to wait.
    timer: Option<Pin<Box<Sleep>>>,
}

/// How many bodies had to wait, up and down.
static SLOWED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// How many bodies of this process had to wait for a limit, by the direction they take.
pub fn slowed() -> [(Direction, u64); 2] {
    [Direction::Up, Direction::Down].map(|direction| (direction, SLOWED[direction as usize].load(Relaxed)))
}

impl Width {
    pub(super) fn new(limit: Bandwidth) -> Self {
        Self { limit, all: Arc::new(Lane::new(limit.bytes_per_second)), each: DashMap::new() }
    }

    pub(super) fn limit(&self) -> &Bandwidth {
        &self.limit
    }

    fn lane(&self, client: IpAddr) -> Arc<Lane> {
        if self.limit.per == RatePer::All {
            return self.all.clone();
        }
        let client = source(client);
        if let Some(lane) = self.each.get(&client) {
            return lane.clone();
        }
        if self.each.len() >= MOST_CLIENTS {
            // Nobody of these is here any more.
            self.each.retain(|_, lane| Arc::strong_count(lane) > 1);
            if self.each.len() >= MOST_CLIENTS {
                return self.all.clone();
            }
        }
        self.each.entry(client).or_insert_with(|| Arc::new(Lane::new(self.limit.bytes_per_second))).clone()
    }
}

impl Lane {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), since: Instant::now(), paid: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn pass(&self, bytes: usize) {
        let price = u128::from(bytes as u64) * 1_000_000_000 / u128::from(self.bytes_per_second);
        let (price, now) = (u64::try_from(price).unwrap_or(u64::MAX), self.now());
        // It does not fail: there is always another value.
        let _before = self.paid.fetch_update(Relaxed, Relaxed, |paid| Some(paid.max(now).saturating_add(price)));
    }

    /// When more may pass; `None`: now.
    fn opens(&self) -> Option<Instant> {
        let paid = self.paid.load(Relaxed);
        (paid > self.now()).then(|| self.since + Duration::from_nanos(paid))
    }
}

impl Pace {
    /// What bodies of this client have to keep to in one direction; `None`: nothing.
    pub(super) fn of<'w>(
        widths: impl Iterator<Item = &'w Width>,
        client: IpAddr,
        direction: Direction,
    ) -> Option<Box<Self>> {
        let lanes: Vec<_> =
            widths.filter(|width| width.limit.direction == direction).map(|width| width.lane(client)).collect();
        (!lanes.is_empty()).then(|| Box::new(Self { direction, lanes, timer: None }))
    }

    /// What keeps to both, as far as there are.
    pub fn both(one: Option<Box<Self>>, other: Option<Box<Self>>) -> Option<Box<Self>> {
        match (one, other) {
            (Some(mut one), Some(other)) => {
                one.lanes.extend(other.lanes);
                Some(one)
            }
            (one, other) => one.or(other),
        }
    }

    /// Waits until more may pass.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(opens) = self.lanes.iter().filter_map(|lane| lane.opens()).max() else {
                return Poll::Ready(());
            };
            let timer = self.timer.get_or_insert_with(|| {
                SLOWED[self.direction as usize].fetch_add(1, Relaxed);
                Box::pin(sleep_until(opens))
            });
            timer.as_mut().reset(opens);
            std::task::ready!(timer.as_mut().poll(cx));
        }
    }

    /// So many bytes have passed.
    pub fn passed(&self, bytes: usize) {
        if bytes > 0 {
            self.lanes.iter().for_each(|lane| lane.pass(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    async fn take(pace: &mut Pace, bytes: usize) {
        std::future::poll_fn(|cx| pace.poll(cx)).await;
        pace.passed(bytes);
    }

    /// Nothing can be faster than it is let, however fast the machine is.
    #[tokio::test]
    async fn what_passes_takes_as_long_as_it_is_worth() {
        let widths = ["1000000 down client", "1500000 down all", "10000000 up all"];
        let widths = widths.map(|text| Width::new(text.parse().unwrap()));
        let of = |client: &str| Pace::of(widths.iter(), client.parse().unwrap(), Direction::Down).unwrap();
        let (mut one, mut same, mut other) = (of("192.0.2.1"), of("192.0.2.1"), of("192.0.2.2"));
        let begun = Instant::now();
        for _ in 0..10 {
            take(&mut one, 10_000).await;
            take(&mut same, 10_000).await;
        }
        take(&mut one, 0).await;
        assert!(begun.elapsed() >= Duration::from_millis(199));
        // Both clients together have no more than all may have.
        let begun = Instant::now();
        for _ in 0..15 {
            take(&mut one, 10_000).await;
            take(&mut other, 10_000).await;
        }
        take(&mut one, 0).await;
        assert!(begun.elapsed() >= Duration::from_millis(199));
        // A quiet time is not saved up.
        tokio::time::sleep(Duration::from_millis(300)).await;
        take(&mut one, 100_000).await;
        let begun = Instant::now();
        take(&mut one, 0).await;
        assert!(begun.elapsed() >= Duration::from_millis(90));
        assert!(Pace::of(widths[..2].iter(), "192.0.2.1".parse().unwrap(), Direction::Up).is_none());
    }
}
