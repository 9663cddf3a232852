//! How many requests may come.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use domain::{RateLimit, RatePer, source};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

use super::Reason;

type OfAll = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;
type OfEach = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

/// How many clients a limit tells apart; beyond it new ones share what is left.
const MOST_CLIENTS: usize = 20_000;
/// How many places those share.
const SHARED: u64 = 4_096;
/// After so many requests it is looked whether clients can be forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// Who has said that there is a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The owner of what it is in front of.
    Front,
    /// Whoever made the token of the telephone.
    Token,
    /// An administrator, for what an account has.
    Owner,
    /// Who runs this server.
    Server,
}

impl Whose {
    /// Under what those who are turned away are counted.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Front => Reason::Rate,
            Self::Token => Reason::TokenRate,
            Self::Owner => Reason::OwnerRate,
            Self::Server => Reason::ServerRate,
        }
    }
}

/// One limit.
#[derive(Debug)]
pub struct Rate {
    limit: RateLimit,
    whose: Whose,
    buckets: Buckets,
}

#[derive(Debug)]
enum Buckets {
    All(OfAll),
    Each(Box<Clients>),
}

#[derive(Debug)]
struct Clients {
    limiter: OfEach,
    asked: AtomicU32,
    is_crowded: AtomicBool,
    hasher: RandomState,
}

/// How a limit stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many more may come at once.
    pub(super) remaining: u32,
    /// Whether this one may.
    pub(super) may: bool,
    /// When it may if it may not, else when all may again.
    pub(super) wait: Duration,
}

impl Rate {
    pub(super) fn new(limit: RateLimit, whose: Whose) -> Self {
        let one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let period = Duration::from_secs(limit.seconds.into()) / one(limit.requests).get();
        let period = period.max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let quota = quota.allow_burst(one(limit.burst.unwrap_or(limit.requests)));
        let buckets = match limit.per {
            RatePer::All => Buckets::All(RateLimiter::direct(quota).with_middleware()),
            RatePer::Client => Buckets::Each(Box::new(Clients {
                limiter: RateLimiter::dashmap(quota).with_middleware(),
                asked: AtomicU32::new(0),
                is_crowded: AtomicBool::new(false),
                hasher: RandomState::new(),
            })),
        };
        Self { limit, whose, buckets }
    }

    pub(super) fn limit(&self) -> &RateLimit {
        &self.limit
    }

    pub(super) fn whose(&self) -> Whose {
        self.whose
    }

    /// What answers call it.
    pub(super) fn name(&self) -> &'static str {
        match self.whose {
            Whose::Front => self.limit.per.as_str(),
            Whose::Token => "token",
            Whose::Owner => "owner",
            Whose::Server => "server",
        }
    }

    /// One more request.
    pub(super) fn count(&self, client: IpAddr) -> Standing {
        match &self.buckets {
            Buckets::All(all) => self.standing(all.check()),
            Buckets::Each(clients) => self.standing(clients.limiter.check_key(&clients.key(client))),
        }
    }

    fn standing(&self, outcome: Result<StateSnapshot, NotUntil<<DefaultClock as Clock>::Instant>>) -> Standing {
        match outcome {
            Ok(state) => {
                let (remaining, quota) = (state.remaining_burst_capacity(), state.quota());
                let missing = quota.burst_size().get().saturating_sub(remaining);
                Standing { remaining, may: true, wait: quota.replenish_interval() * missing }
            }
            Err(until) => {
                Standing { remaining: 0, may: false, wait: until.wait_time_from(DefaultClock::default().now()) }
            }
        }
    }
}

impl Clients {
    /// Under what a client is counted. Strangers have many addresses: when there are too many clients, new ones share.
    fn key(&self, client: IpAddr) -> IpAddr {
        if self.asked.fetch_add(1, Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 && self.limiter.len() > MOST_CLIENTS {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            self.is_crowded.store(self.limiter.len() > MOST_CLIENTS, Relaxed);
        }
        let client = source(client);
        if !self.is_crowded.load(Relaxed) {
            return client;
        }
        // No client has such an address.
        let place = self.hasher.hash_one(client) % SHARED;
        IpAddr::V4(Ipv4Addr::from(u32::try_from(place).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::new(text.parse().unwrap(), Whose::Front)
    }

    fn of(client: &str) -> IpAddr {
        client.parse().unwrap()
    }

    #[test]
    fn each_client_has_its_own_and_all_have_one() {
        let rate = rate("3/3600 client");
        for left in [2, 1, 0] {
            let standing = rate.count(of("192.0.2.1"));
            assert_eq!((standing.may, standing.remaining), (true, left));
        }
        let standing = rate.count(of("::ffff:192.0.2.1"));
        assert!(
            !standing.may && standing.wait > Duration::from_secs(1_100) && standing.wait <= Duration::from_secs(1_200)
        );
        assert!(rate.count(of("192.0.2.2")).may);
        // One customer's network.
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:3"] {
            assert!(rate.count(of(host)).may, "{host}");
        }
        assert!(!rate.count(of("2001:db8::4")).may);
        assert!(rate.count(of("2001:db8:0:1::4")).may);

        let all = self::rate("2/3600 all");
        assert!(all.count(of("192.0.2.1")).may && all.count(of("192.0.2.2")).may);
        assert!(!all.count(of("192.0.2.3")).may);
    }

    #[test]
    fn so_many_may_come_at_once() {
        let rate = rate("1/3600 all burst 5");
        assert_eq!((0..10).filter(|_| rate.count(of("192.0.2.1")).may).count(), 5);
    }

    #[test]
    fn strangers_cannot_make_it_grow() {
        let rate = rate("1/86400 client");
        for number in 0..60_000_u32 {
            rate.count(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number)));
        }
        let Buckets::Each(clients) = &rate.buckets else { panic!("it is for each client") };
        let bound = MOST_CLIENTS + SWEEP_EVERY as usize + SHARED as usize;
        assert!(clients.limiter.len() <= bound, "{}", clients.limiter.len());
        assert!(!rate.count(of("10.0.0.1")).may || clients.is_crowded.load(Relaxed));
    }
}
