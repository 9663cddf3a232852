//! Personal tokens: what a program uses the API with that nobody signs in for.

use crate::{PersonalTokenId, Timestamp, TokenName};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// What a personal token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApiScope {
    /// Looking at everything that its owner has.
    Read,
    /// Changing it, and looking at it.
    Write,
    /// Looking at tunnels and the tokens of telephones, and changing them.
    Tunnels,
    /// Doing it as an administrator. Without this an administrator's token reaches what is the administrator's own.
    Admin,
}

/// The text names no [`ApiScope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("choose among read, write, tunnels and admin")]
pub struct UnknownApiScope;

impl ApiScope {
    /// All of them, in the order in which forms offer them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Tunnels, Self::Admin];

    /// The name used in JSON and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Tunnels => "tunnels",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for ApiScope {
    type Err = UnknownApiScope;

    fn from_str(text: &str) -> Result<Self, UnknownApiScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownApiScope)
    }
}

impl fmt::Display for ApiScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A personal token, as pages and the API show it: never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonalToken {
    /// Its id.
    pub id: PersonalTokenId,
    /// What its owner calls it.
    pub name: TokenName,
    /// The first characters of the secret (`sbp_` and four more), to recognise it by.
    pub prefix: String,
    /// What it is good for.
    pub scopes: BTreeSet<ApiScope>,
    /// When it ends by itself; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is asked for when a personal token is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPersonalToken {
    /// What its owner calls it.
    pub name: TokenName,
    /// What it is good for: at least one, and `admin` besides another.
    pub scopes: BTreeSet<ApiScope>,
    /// When it ends by itself; in the future.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}
