//! What outlives a routing table: what stands in front of things, and how often it has turned somebody away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use domain::UserId;
use uuid::Uuid;

use super::{Front, Of};

/// All that stands in front of something.
#[derive(Debug, Default)]
pub struct Fronts {
    kept: Mutex<HashMap<Uuid, Arc<Front>>>,
    refused: Arc<Refused>,
}

/// How many requests were turned away, by the reason.
#[derive(Debug, Default)]
pub struct Refused([AtomicU64; Reason::ALL.len()]);

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its client's network.
    Network,
    /// Nobody is let in.
    Maintenance,
    /// Its header fields are too large.
    Headers,
    /// Its body is too large.
    Body,
    /// Too many came to what it stands in front of.
    Rate,
    /// Too many came to the telephones of a token.
    TokenRate,
    /// Too many came to what an account has.
    OwnerRate,
    /// Too many came to this server.
    ServerRate,
    /// It says no password, or a wrong one, or too many of them.
    Password,
    /// Too many are under way.
    Busy,
    /// The link that it came by is good no more.
    Link,
    /// Nobody is signed in, or somebody who is not let in.
    SignIn,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Network,
        Self::Maintenance,
        Self::Headers,
        Self::Body,
        Self::Rate,
        Self::TokenRate,
        Self::OwnerRate,
        Self::ServerRate,
        Self::Password,
        Self::Busy,
        Self::Link,
        Self::SignIn,
    ];

    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Maintenance => "maintenance",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::Rate => "rate",
            Self::TokenRate => "rate_token",
            Self::OwnerRate => "rate_owner",
            Self::ServerRate => "rate_server",
            Self::Password => "password",
            Self::Busy => "busy",
            Self::Link => "link",
            Self::SignIn => "sign_in",
        }
    }
}

impl Refused {
    /// One more.
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Relaxed);
    }

    /// Each reason, and how many.
    pub fn each(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().map(|reason| (reason, self.0[reason as usize].load(Relaxed)))
    }
}

impl Fronts {
    /// What stands in front of the thing with this id; that of before as long as it is the same.
    pub fn of(&self, id: Uuid, (of, owner): (Of, UserId), settings: Option<&Arc<domain::Front>>) -> Option<Arc<Front>> {
        let settings = settings?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&id) {
            Some(front) if front.settings == *settings && front.owner == owner => Some(front.clone()),
            before => {
                let front = Arc::new(Front::new(settings.clone(), (of, owner), before.map(|before| &**before)));
                kept.insert(id, front.clone());
                Some(front)
            }
        }
    }

    /// How many requests were turned away.
    pub fn refused(&self) -> &Arc<Refused> {
        &self.refused
    }

    /// Lets go of what nobody else holds any more.
    pub fn forget_unused(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, front| Arc::strong_count(front) > 1);
    }
}
