//! How long what somebody has signed in with is good.

use super::TokenRefused;
use crate::store::{now, rows::tokens};
use domain::Timestamp;
use uuid::Uuid;

/// What a telephone has signed in with: one of a token's secrets, or a short-lived token that it was exchanged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenProof {
    /// The how manieth secret of the token.
    pub(crate) generation: i32,
    pub(crate) short: Option<ShortProof>,
}

/// A short-lived token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortProof {
    /// Which.
    pub id: Uuid,
    /// How many telephones it may have at a node.
    pub max_sessions: Option<u32>,
    pub(crate) until: Timestamp,
}

impl TokenProof {
    /// The short-lived token, if it is one.
    pub fn short(&self) -> Option<ShortProof> {
        self.short
    }
}

/// When a telephone has to go, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenEnd {
    /// When.
    pub at: Timestamp,
    /// Because the secret was replaced, rather than that the time is over.
    pub is_replaced: bool,
}

/// A token as it is stored.
#[derive(Debug, Clone)]
pub struct StoredToken(pub(super) tokens::Model);

/// What is left of a token.
#[derive(Debug, Clone)]
pub enum TokenStanding {
    /// It may be good.
    There(Box<StoredToken>),
    /// Its owner's account is deactivated.
    Deactivated,
    /// Nothing is known of it any more.
    Gone,
}

impl TokenStanding {
    /// Until when what was presented is good; `None`: for ever.
    ///
    /// # Errors
    /// `Revoked`, `Replaced`, `Expired` or `Deactivated` when it is good no more.
    pub fn end(&self, proof: &TokenProof) -> Result<Option<TokenEnd>, TokenRefused> {
        match self {
            Self::There(token) => end(&token.0, proof),
            Self::Deactivated => Err(TokenRefused::Deactivated),
            Self::Gone => Err(TokenRefused::Revoked),
        }
    }
}

pub(super) fn end(row: &tokens::Model, proof: &TokenProof) -> Result<Option<TokenEnd>, TokenRefused> {
    if row.deleted_at.is_some() {
        return Err(TokenRefused::Revoked);
    }
    let moment = now();
    let replaced = match row.generation.checked_sub(proof.generation) {
        Some(0) => None,
        Some(1) => row.previous_until.filter(|until| *until > moment).ok_or(TokenRefused::Replaced).map(Some)?,
        _ => return Err(TokenRefused::Replaced),
    };
    let over = [row.expires_at, proof.short.map(|short| short.until)];
    let over = over.into_iter().flatten().map(|at| TokenEnd { at, is_replaced: false });
    let ends = over.chain(replaced.map(|at| TokenEnd { at, is_replaced: true })).min_by_key(|end| end.at);
    if ends.is_some_and(|end| end.at <= moment) { Err(TokenRefused::Expired) } else { Ok(ends) }
}
