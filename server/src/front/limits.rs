//! How many requests may come to the whole server, to what an account has, and to the telephones of a token.
//!
//! Where nothing is limited, a request reads one pointer for it. Each node counts for itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use domain::{ExplainAbout, ExplainStep, RequestRate, TokenId, UserId};

use super::rates::{Rate, Whose};

/// The limits that no front says.
#[derive(Debug)]
pub struct Limits {
    server: Option<Arc<Rate>>,
    owners: ArcSwap<HashMap<UserId, Arc<Rate>>>,
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
    /// With this limit for all requests to tunnels, domains and routes.
    pub fn new(server: Option<RequestRate>) -> Self {
        let server = server.map(|limit| Arc::new(Rate::new(limit.of_all(), Whose::Server)));
        Self { server, owners: ArcSwap::default() }
    }

    /// Takes the limits of accounts in; those that are as before go on counting.
    pub fn set_owners(&self, limits: &BTreeMap<UserId, RequestRate>) {
        let before = self.owners.load();
        let is_same =
            |id: &UserId, limit: &RequestRate| before.get(id).filter(|rate| *rate.limit() == limit.of_all()).cloned();
        if before.len() == limits.len() && limits.iter().all(|(id, limit)| is_same(id, limit).is_some()) {
            return;
        }
        let rate = |(id, limit): (&UserId, &RequestRate)| {
            let kept = is_same(id, limit);
            (*id, kept.unwrap_or_else(|| Arc::new(Rate::new(limit.of_all(), Whose::Owner))))
        };
        self.owners.store(Arc::new(limits.iter().map(rate).collect()));
    }

    /// What holds for a request to something of this account; `None`: nothing.
    pub fn of(&self, owner: UserId) -> Option<Limited> {
        let owners = self.owners.load();
        let owner = if owners.is_empty() { None } else { owners.get(&owner).cloned() };
        (owner.is_some() || self.server.is_some()).then(|| Limited { server: self.server.clone(), owner })
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
        let (limits, id, other) = (Limits::new(None), UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let client = "192.0.2.1".parse().unwrap();
        assert!(limits.of(id).is_none());
        let one = BTreeMap::from([(id, "2/3600".parse().unwrap())]);
        limits.set_owners(&one);
        assert!(limits.of(other).is_none());
        let count = || limits.of(id).unwrap().owner.unwrap().count(client);
        assert!(count().may && count().may && !count().may);
        limits.set_owners(&one.clone().into_iter().chain([(other, "1/1".parse().unwrap())]).collect());
        assert!(!count().may && limits.of(other).is_some());
        limits.set_owners(&BTreeMap::from([(id, "3/3600".parse().unwrap())]));
        assert!(count().may);
        limits.set_owners(&BTreeMap::new());
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
