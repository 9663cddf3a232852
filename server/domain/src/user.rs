//! Accounts.

use crate::{Email, InvitationId, RequestRate, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees and manages everything.
    Admin,
    /// Sees and manages what is its own.
    Member,
}

impl Role {
    /// The name used in the database, in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

/// The text names no [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown role; use admin or member")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::Admin, Self::Member].into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// An account, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The address it signs in with.
    pub email: Email,
    /// What it may do.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An account, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// The address it signs in with.
    pub email: Email,
    /// What it may do.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Since when nobody can sign in with it; `None`: it is active.
    pub deactivated_at: Option<Timestamp>,
    /// When one of its signed-in browsers and programs, or one of its personal tokens, was used last.
    pub last_seen_at: Option<Timestamp>,
    /// Whether it needs a second factor to sign in.
    pub second_factor: bool,
    /// How many requests a node carries to all that it has; `None`: as many as come.
    pub rate_limit: Option<RequestRate>,
}

/// How it stands with somebody's second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SecondFactor {
    /// Since when there is one; `None`: there is none.
    pub since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes: u64,
    /// Whether everybody needs one on this server.
    pub required: bool,
}

/// How much of each an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Holdings {
    /// Tunnels.
    pub tunnels: u64,
    /// Services.
    pub services: u64,
    /// Domains.
    pub domains: u64,
    /// Routes.
    pub routes: u64,
    /// Tokens that telephones sign in with.
    pub tokens: u64,
}

impl Holdings {
    /// Whether there is nothing that would be left without an owner; tokens end with theirs.
    pub fn is_empty(&self) -> bool {
        self.tunnels + self.services + self.domains + self.routes == 0
    }
}

/// Somebody who may make an account, with the link that only they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The address the account will sign in with.
    pub email: Email,
    /// What the account may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}
