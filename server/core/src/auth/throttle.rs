//! Slows down whoever guesses passwords or makes accounts by the hundred.
//!
//! Attempts count before they are made, so that many at once gain nothing; one that succeeds is taken back. After a few
//! free ones each further attempt doubles the time to wait. The time for an account is short, because a stranger can
//! impose it on the owner; that for an address is long.

use crate::CoreError;
use domain::source;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// How many accounts and addresses are remembered; beyond it those that were seen the longest ago are forgotten.
const CAPACITY: usize = 20_000;

/// After this long without an attempt all is forgiven.
const MEMORY: Duration = Duration::from_secs(3_600);

/// What is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Signing in to an account; the SHA-256 of its address, which may be long and made up.
    Account([u8; 32]),
    /// Codes after the right password of an account.
    SecondFactor(Uuid),
    /// Confirming with one's password what somebody who is signed in does.
    Confirmation(Uuid),
    /// Signing in from an address.
    Address(IpAddr),
    /// Making accounts from an address.
    SignUp(IpAddr),
}

impl Key {
    pub(crate) fn address(address: IpAddr) -> Self {
        Self::Address(source(address))
    }

    pub(crate) fn sign_up(address: IpAddr) -> Self {
        Self::SignUp(source(address))
    }

    /// Attempts without waiting, and the longest wait.
    fn limits(self) -> (u32, Duration) {
        match self {
            Self::Account(_) => (5, Duration::from_secs(60)),
            // Who gets here knows the password, or has a session: nobody else can make the owner wait.
            Self::SecondFactor(_) | Self::Confirmation(_) => (5, Duration::from_secs(900)),
            Self::Address(_) => (20, Duration::from_secs(900)),
            Self::SignUp(_) => (10, Duration::from_secs(900)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    attempts: u32,
    last: Instant,
    until: Instant,
    /// Whether somebody has come too early since.
    told: bool,
}

/// Why an attempt is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooEarly {
    /// After which time it may be.
    pub(crate) retry_after: Duration,
    /// Whether it is the first that has to wait for this.
    pub(crate) first: bool,
}

impl From<TooEarly> for CoreError {
    fn from(TooEarly { retry_after, .. }: TooEarly) -> Self {
        Self::Throttled { retry_after }
    }
}

/// Counts attempts.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Key, Entry>>);

impl Throttle {
    /// Counts an attempt for each key, or refuses it for all of them when one has to wait.
    pub(crate) fn attempt(&self, keys: &[Key]) -> Result<(), TooEarly> {
        self.attempt_at(keys, Instant::now())
    }

    fn attempt_at(&self, keys: &[Key], now: Instant) -> Result<(), TooEarly> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = keys.iter().filter_map(|key| entries.get(key)).map(|entry| entry.until.duration_since(now)).max();
        if let Some(retry_after) = wait.filter(|wait| !wait.is_zero()) {
            let mut first = false;
            for key in keys {
                let waiting = entries.get_mut(key).filter(|entry| entry.until > now);
                first |= waiting.is_some_and(|entry| !std::mem::replace(&mut entry.told, true));
            }
            return Err(TooEarly { retry_after, first });
        }
        make_room(&mut entries, now);
        for key in keys {
            let entry = entries.entry(*key).or_insert(Entry { attempts: 0, last: now, until: now, told: false });
            if now.duration_since(entry.last) > MEMORY {
                entry.attempts = 0;
            }
            entry.attempts = entry.attempts.saturating_add(1);
            entry.last = now;
            let (free, longest) = key.limits();
            if let Some(over) = entry.attempts.checked_sub(free) {
                entry.until = now + longest.min(Duration::from_secs(1 << over.min(10)));
                entry.told = false;
            }
        }
        Ok(())
    }

    /// Forgets what was counted for a key.
    pub(crate) fn forget(&self, key: Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    /// The attempt was a good one: forgets what the account had, and takes the attempt back from the address.
    pub(crate) fn succeeded(&self, keys: &[Key]) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            match key {
                Key::Account(_) | Key::SecondFactor(_) | Key::Confirmation(_) => {
                    entries.remove(key);
                }
                Key::Address(_) | Key::SignUp(_) => {
                    if let Some(entry) = entries.get_mut(key) {
                        entry.attempts = entry.attempts.saturating_sub(1);
                        entry.until = entry.last;
                    }
                }
            }
        }
    }
}

fn make_room(entries: &mut HashMap<Key, Entry>, now: Instant) {
    if entries.len() < CAPACITY {
        return;
    }
    entries.retain(|_, entry| now.duration_since(entry.last) <= MEMORY);
    if entries.len() < CAPACITY {
        return;
    }
    // A tenth at once, so that the search is rare.
    let mut ages: Vec<Instant> = entries.values().map(|entry| entry.last).collect();
    let (_, oldest, _) = ages.select_nth_unstable(CAPACITY / 10);
    let oldest = *oldest;
    entries.retain(|_, entry| entry.last > oldest);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Key = Key::Account([1; 32]);

    fn wait(throttle: &Throttle, keys: &[Key], now: Instant) -> u64 {
        throttle.attempt_at(keys, now).map_or_else(|early| early.retry_after.as_secs(), |()| 0)
    }

    #[test]
    fn the_first_that_has_to_wait_is_told_apart() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        while throttle.attempt_at(&[ACCOUNT], now).is_ok() {}
        let first = |now| throttle.attempt_at(&[ACCOUNT], now).map_err(|early| early.first);
        // The one above was.
        assert_eq!(first(now), Err(false));
        let later = now + Duration::from_secs(60);
        assert_eq!(first(later), Ok(()));
        assert_eq!((first(later), first(later)), (Err(true), Err(false)));
    }

    #[test]
    fn the_wait_doubles_and_ends_at_the_longest() {
        let (throttle, mut now) = (Throttle::default(), Instant::now());
        for _ in 0..5 {
            assert_eq!(wait(&throttle, &[ACCOUNT], now), 0);
        }
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(wait(&throttle, &[ACCOUNT], now), expected);
            now += Duration::from_secs(expected);
            assert_eq!(wait(&throttle, &[ACCOUNT], now), 0);
        }
        now += MEMORY + Duration::from_secs(61);
        for _ in 0..5 {
            assert_eq!(wait(&throttle, &[ACCOUNT], now), 0);
        }
    }

    #[test]
    fn a_good_attempt_forgives_the_account_but_not_the_address() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let address = Key::address(IpAddr::from([127, 0, 0, 1]));
        for _ in 0..4 {
            assert_eq!(wait(&throttle, &[ACCOUNT, address], now), 0);
        }
        assert_eq!(wait(&throttle, &[ACCOUNT, address], now), 0);
        throttle.succeeded(&[ACCOUNT, address]);
        for _ in 0..5 {
            assert_eq!(wait(&throttle, &[ACCOUNT, address], now), 0);
        }
        // 9 count for the address now; others' accounts from there use up the rest.
        for other in 0..11 {
            assert_eq!(wait(&throttle, &[Key::Account([100 + other; 32]), address], now), 0);
        }
        assert_ne!(wait(&throttle, &[Key::Account([2; 32]), address], now), 0);
    }

    #[test]
    fn one_ipv6_customer_is_one_address() {
        let key = |text: &str| text.parse().map(Key::address);
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:127.0.0.1"), key("127.0.0.1"));
    }

    #[test]
    fn the_table_is_bounded() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for n in 0..(CAPACITY as u32 + 500) {
            let key = Key::address(IpAddr::from(n.to_be_bytes()));
            assert_eq!(wait(&throttle, &[key], now + Duration::from_millis(n.into())), 0);
        }
        assert!(throttle.0.lock().is_ok_and(|entries| entries.len() <= CAPACITY));
    }
}
