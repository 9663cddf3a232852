//! How many requests may come to the whole server, to what an account has, and to the telephones of a token.
//!
//! Where nothing is limited, a request reads one pointer for it. Each node counts for itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use domain::{ExplainAbout, ExplainStep, RequestRate, TokenId, UserId};

use super::rates::{Rate, Whose};

/// The limits that no front says.
#[derive(Debug, Default)]
pub struct Limits(ArcSwap<Said>);

/// What counts, as administrators have said.
#[derive(Debug, Default)]
struct Said {
    server: Option<Arc<Rate>>,
    owners: HashMap<UserId, Arc<Rate>>,
}

/// What holds for a request.
#[derive(Debug, Default)]
pub struct Limited {
    /// Counts before anything else is looked at.
    pub(super) server: Option<Arc<Rate>>,
    /// Counts what the fronts let in.
    pub(super) owner: Option<Arc<Rate>>,
}

impl Limits {
    /// Takes in how many requests the server and accounts may have; limits that are as before go on counting.
    pub fn set(&self, server: Option<RequestRate>, owners: &BTreeMap<UserId, RequestRate>) {
        let before = self.0.load();
        let made = |before: Option<&Arc<Rate>>, limit: &RequestRate, whose| {
            let kept = before.filter(|rate| *rate.limit() == limit.of_all()).cloned();
            kept.unwrap_or_else(|| Arc::new(Rate::new(limit.of_all(), whose)))
        };
        let said = Said {
            server: server.map(|limit| made(before.server.as_ref(), &limit, Whose::Server)),
            owners: owners.iter().map(|(id, limit)| (*id, made(before.owners.get(id), limit, Whose::Owner))).collect(),
        };
        self.0.store(Arc::new(said));
    }

    /// What holds for a request to something of this account; `None`: nothing.
    pub fn of(&self, owner: UserId) -> Option<Limited> {
        let said = self.0.load();
        let owner = if said.owners.is_empty() { None } else { said.owners.get(&owner).cloned() };
        (owner.is_some() || said.server.is_some()).then(|| Limited { server: said.server.clone(), owner })
    }

    /// Tells what holds for requests to something of this account.
    pub(crate) fn explain(&self, owner: UserId) -> impl Iterator<Item = ExplainStep> {
        let Limited { server, owner } = self.of(owner).unwrap_or_default();
        let server = server.map(|rate| (rate, "this server"));
        let owner = owner.map(|rate| (rate, "what its owner has, all together,"));
        server.into_iter().chain(owner).map(|(rate, what)| step(&rate, what))
    }
}

/// Tells of the limit of a token.
pub(crate) fn explain_token(rate: &Rate) -> ExplainStep {
    step(rate, "a token whose telephones serve it")
}

fn step(rate: &Rate, what: &str) -> ExplainStep {
    let limit = rate.limit();
    let text = format!("{what} takes {} requests in {} s", limit.requests, limit.seconds);
    ExplainStep { about: ExplainAbout::Front, yes: true, text }
}

/// What counts the requests that the telephones of a token are given, as long as one of them is here.
#[derive(Debug, Default)]
pub struct TokenRates(Mutex<HashMap<TokenId, Weak<Rate>>>);

impl TokenRates {
    /// That of this token, which all its telephones share. A token's limit never changes.
    pub fn of(&self, token: TokenId, limit: Option<RequestRate>) -> Option<Arc<Rate>> {
        let limit = limit?.of_all();
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rate) = rates.get(&token).and_then(Weak::upgrade) {
            return Some(rate);
        }
        rates.retain(|_, rate| rate.strong_count() > 0);
        let rate = Arc::new(Rate::new(limit, Whose::Token));
        rates.insert(token, Arc::downgrade(&rate));
        Some(rate)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_limit_that_stays_goes_on_counting() {
        let (limits, id, other) = (Limits::default(), UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let client = "192.0.2.1".parse().unwrap();
        assert!(limits.of(id).is_none());
        let (two, three) = ("2/3600".parse().unwrap(), "3/3600".parse().unwrap());
        let one = BTreeMap::from([(id, two)]);
        limits.set(None, &one);
        assert!(limits.of(other).is_none());
        let count = || limits.of(id).unwrap().owner.unwrap().count(client);
        assert!(count().may && count().may && !count().may);
        limits.set(Some(two), &one.clone().into_iter().chain([(other, "1/1".parse().unwrap())]).collect());
        assert!(!count().may && limits.of(other).is_some());
        let count_all = || limits.of(other).unwrap().server.unwrap().count(client);
        assert!(count_all().may && count_all().may && !count_all().may);
        limits.set(Some(two), &BTreeMap::from([(id, three)]));
        assert!(count().may && !count_all().may);
        limits.set(Some(three), &BTreeMap::new());
        assert!(count_all().may && limits.of(id).unwrap().owner.is_none());
        limits.set(None, &BTreeMap::new());
        assert!(limits.of(id).is_none());
    }

    #[test]
    fn the_telephones_of_a_token_share_one() {
        let (rates, id) = (TokenRates::default(), TokenId(Uuid::from_u128(1)));
        assert!(rates.of(id, None).is_none());
        let limit = Some("1/3600".parse().unwrap());
        let (one, other) = (rates.of(id, limit).unwrap(), rates.of(id, limit).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        drop((one, other));
        assert!(rates.of(TokenId(Uuid::from_u128(2)), limit).is_some());
        assert_eq!(rates.0.lock().unwrap().len(), 1, "what nobody has is not kept");
    }
}
