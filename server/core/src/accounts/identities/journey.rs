//! What a browser carries on its way to the provider and back.

use crate::{Result, accounts::Accounts};
use chrono::TimeDelta;
use domain::UserId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long somebody may take at the provider.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
const PURPOSE: &str = "on the way to a provider";

/// What somebody is sent to the provider for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// To sign in.
    SignIn,
    /// To link what they are there with the account that they are signed in to.
    Link(UserId),
    /// To make the account that an invitation offers; its secret.
    Invitation(String),
}

/// One way to the provider and back. The browser keeps it, sealed: the server has nothing to remember, so nobody can fill its
/// memory, and what comes back in another browser is worth nothing. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// What the answer has to bring back (RFC 6749 section 10.12).
    pub state: String,
    /// What the ID token has to hold (OpenID Connect Core section 15.5.2).
    pub nonce: String,
    /// What shows that the code is asked for by whom it was made for (RFC 7636).
    pub verifier: String,
    /// The page of the dashboard to go to then.
    pub next: Option<String>,
    /// What for.
    pub errand: Errand,
}

impl fmt::Debug for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journey(…)")
    }
}

impl Journey {
    /// How long it may take, seconds.
    pub const SECONDS: i64 = PATIENCE.num_seconds();
}

impl Accounts {
    /// What the browser is to keep meanwhile: it can neither read nor change it.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn depart(&self, journey: &Journey) -> Result<String> {
        self.seal.ticket(PURPOSE, journey, PATIENCE)
    }

    /// What the browser has kept; `None`: nothing of ours, or for too long.
    pub fn arrive(&self, kept: &str) -> Option<Journey> {
        self.seal.redeem(PURPOSE, kept)
    }
}
