//! Looks after domains that wait to be verified: again and again by itself, and at once when somebody asks.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use domain::{Domain, DomainId, Timestamp};
use futures_util::StreamExt;
use server_core::{Change, CoreError, Result, Services, Verifier};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{CheckFailed, DomainChecker};

/// How often it is looked who is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How soon it is looked again because something has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// For how long after its owner's last change a domain is checked without being asked for.
const GIVE_UP: TimeDelta = TimeDelta::days(7);
/// The shortest and the longest time between two such checks.
const WAIT: (TimeDelta, TimeDelta) = (TimeDelta::minutes(1), TimeDelta::hours(1));
/// How soon somebody may ask for another check.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// How many checks run at once: by itself, and in all.
const AT_ONCE: usize = 8;
const AT_ONCE_IN_ALL: usize = 32;
/// How many are checked before it is looked anew who waits, so that whoever has just come need not wait for all others.
const BATCH: usize = 32;
/// How many domains are looked after.
const MOST: u64 = 10_000;

/// Has domains checked and notes what was found.
#[derive(Debug)]
pub struct Watch {
    services: Services,
    checker: DomainChecker,
    under_way: Mutex<HashSet<DomainId>>,
}

impl Watch {
    /// Looks after nobody yet.
    pub fn new(services: Services, checker: DomainChecker) -> Self {
        Self { services, checker, under_way: Mutex::default() }
    }

    /// Lets services ask for checks as long as this is there. They keep the answer, and this keeps the services.
    pub fn verifier(self: &Arc<Self>) -> Arc<dyn Verifier> {
        Arc::new(Asking(Arc::downgrade(self)))
    }

    /// Checks a domain now, and returns it with what was found. What is verified already is not checked again.
    ///
    /// # Errors
    /// `Throttled` when it was checked a moment ago or is being checked; `NotFound` when it was deleted meanwhile.
    pub async fn verify(&self, domain: Domain) -> Result<Domain> {
        if domain.verified || domain.deleted_at.is_some() {
            return Ok(domain);
        }
        let since = domain.verification.checked_at.map(|at| Utc::now() - at);
        if since.is_some_and(|since| since >= TimeDelta::zero() && since < ASK_AGAIN) {
            return Err(throttled());
        }
        self.check(domain).await
    }

    /// Looks after domains until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut changes = self.services.changes().subscribe();
        let mut timer = interval(LOOK_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
                () = changed(&mut changes) => {}
            }
            let again = Instant::now() + LOOK_AGAIN;
            match stop.run_until_cancelled(self.look()).await {
                Some(Ok(more)) if more => timer.reset_immediately(),
                Some(Ok(_)) | None => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, "domains that wait to be verified were not looked after");
                }
            }
            if stop.run_until_cancelled(sleep_until(again)).await.is_none() {
                return;
            }
        }
    }

    /// Whether there are more to be checked now.
    async fn look(&self) -> Result<bool> {
        let now = Utc::now();
        let waiting = self.services.hosts().unverified(now - GIVE_UP, MOST).await?;
        let due: Vec<_> = waiting.into_iter().filter(|domain| is_due(domain, now)).collect();
        let more = due.len() > BATCH;
        let batch = futures_util::stream::iter(due.into_iter().take(BATCH));
        let mut checks = batch.map(|domain| self.check(domain)).buffer_unordered(AT_ONCE);
        while let Some(checked) = checks.next().await {
            match checked {
                // Somebody has asked for it just now, or has deleted it.
                Ok(_) | Err(CoreError::Throttled { .. } | CoreError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(more)
    }

    async fn check(&self, domain: Domain) -> Result<Domain> {
        let _turn = Turn::take(&self.under_way, domain.id).ok_or_else(throttled)?;
        let checked = self.checker.check(&domain.domain, &domain.verification).await;
        match &checked {
            Ok(verified) => tracing::info!(domain = %domain.domain, by = ?verified.by, "a domain is verified"),
            Err(failed) => tracing::debug!(domain = %domain.domain, %failed, "a domain is not verified"),
        }
        let outcome = checked.map(|_| ()).map_err(|CheckFailed { text }| text);
        self.services.hosts().record_check(domain.id, outcome).await
    }
}

#[derive(Debug)]
struct Asking(Weak<Watch>);

#[async_trait]
impl Verifier for Asking {
    async fn verify(&self, domain: Domain) -> Result<Domain> {
        match self.0.upgrade() {
            Some(watch) => watch.verify(domain).await,
            None => Ok(domain),
        }
    }
}

/// The check of one domain; it is over when this is dropped.
struct Turn<'a>(&'a Mutex<HashSet<DomainId>>, DomainId);

impl<'a> Turn<'a> {
    /// `None` when it is being checked already, or too many others are.
    fn take(under_way: &'a Mutex<HashSet<DomainId>>, id: DomainId) -> Option<Self> {
        let mut ids = lock(under_way);
        (ids.len() < AT_ONCE_IN_ALL && ids.insert(id)).then(|| Self(under_way, id))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.0).remove(&self.1);
    }
}

fn lock(ids: &Mutex<HashSet<DomainId>>) -> MutexGuard<'_, HashSet<DomainId>> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

fn throttled() -> CoreError {
    CoreError::Throttled { retry_after: Duration::from_secs(5) }
}

/// Waits until a domain may have been entered.
async fn changed(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Routing) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The timer goes on.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Whether a domain is to be checked at this moment: at first every minute, then more and more rarely. It follows from
/// what the database holds, so that neither a restart nor another node changes the rhythm.
fn is_due(domain: &Domain, now: Timestamp) -> bool {
    match domain.verification.checked_at {
        Some(checked) if checked >= domain.updated_at => {
            let wait = ((checked - domain.updated_at) / 2).clamp(WAIT.0, WAIT.1);
            now >= checked + wait
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use domain::{HeaderRules, HostPattern, Target, UserId, Verification};
    use uuid::Uuid;

    fn domain(changed: Timestamp, checked_at: Option<Timestamp>) -> Domain {
        let host: HostPattern = "app.example.com".parse().unwrap();
        Domain {
            id: DomainId(Uuid::now_v7()),
            owner_id: UserId(Uuid::now_v7()),
            verification: Verification { checked_at, ..Verification::of(&host, "abc") },
            domain: host,
            target: Target::None,
            http_to_https: false,
            headers: HeaderRules::default(),
            host_rewrite: None,
            verified: false,
            created_at: changed,
            updated_at: changed,
            deleted_at: None,
        }
    }

    /// How long it takes from a check at this age to the next one.
    fn wait(age: TimeDelta) -> TimeDelta {
        let changed = Utc::now();
        let (domain, checked) = (domain(changed, Some(changed + age)), changed + age);
        let due = |seconds: i64| is_due(&domain, checked + TimeDelta::seconds(seconds));
        let seconds = (0..10_000).find(|seconds| due(*seconds)).unwrap();
        assert!(!due(-1) && due(seconds + 1_000_000));
        TimeDelta::seconds(seconds)
    }

    #[test]
    fn checks_become_rarer_from_a_minute_to_an_hour() {
        assert_eq!(wait(TimeDelta::zero()), TimeDelta::minutes(1));
        assert_eq!(wait(TimeDelta::minutes(2)), TimeDelta::minutes(1));
        assert_eq!(wait(TimeDelta::minutes(20)), TimeDelta::minutes(10));
        assert_eq!(wait(TimeDelta::hours(2)), TimeDelta::hours(1));
        assert_eq!(wait(TimeDelta::days(6)), TimeDelta::hours(1));
    }

    #[test]
    fn what_was_never_checked_or_was_changed_since_is_due() {
        let now = Utc::now();
        assert!(is_due(&domain(now, None), now));
        assert!(is_due(&domain(now, Some(now - TimeDelta::seconds(1))), now));
    }

    #[test]
    fn checks_at_once_are_bounded() {
        let under_way = Mutex::default();
        let id = || DomainId(Uuid::now_v7());
        let one = id();
        let first = Turn::take(&under_way, one).unwrap();
        assert!(Turn::take(&under_way, one).is_none());
        let others: Vec<_> = (1..AT_ONCE_IN_ALL).map(|_| Turn::take(&under_way, id()).unwrap()).collect();
        assert!(Turn::take(&under_way, id()).is_none());
        drop(first);
        assert!(Turn::take(&under_way, one).is_some());
        drop(others);
        assert!(lock(&under_way).is_empty());
    }
}
