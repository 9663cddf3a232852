//! Tunnel tokens: what a telephone signs in with.

use crate::{Subdomain, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a token allows. An empty list is not "everything": each case says itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TokenScope {
    /// Any tunnel of the token's owner, and new ones.
    AllTunnels,
    /// Only tunnels with these subdomains.
    Subdomains {
        /// The subdomains, at least one, at most 50.
        subdomains: Vec<Subdomain>,
    },
}

impl TokenScope {
    /// Whether a telephone with this token may serve `subdomain`.
    pub fn allows(&self, subdomain: &Subdomain) -> bool {
        match self {
            Self::AllTunnels => true,
            Self::Subdomains { subdomains } => subdomains.contains(subdomain),
        }
    }
}

/// A name that its owner recognises a token by: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenName(String);

/// Why a text is not accepted as a token's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenNameError {
    /// Nothing was given.
    #[error("enter a name, such as the machine that will use the token")]
    Empty,
    /// Too long for a list.
    #[error("a token's name has at most 64 characters")]
    TooLong,
    /// Line breaks and the like.
    #[error("a token's name has no control characters")]
    ControlCharacter,
}

impl TokenName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = TokenNameError;

    fn from_str(text: &str) -> Result<Self, TokenNameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenNameError::Empty);
        }
        if text.chars().count() > 64 {
            return Err(TokenNameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(TokenNameError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for TokenName {
    type Error = TokenNameError;

    fn try_from(text: String) -> Result<Self, TokenNameError> {
        text.parse()
    }
}

impl From<TokenName> for String {
    fn from(name: TokenName) -> Self {
        name.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token, as pages and the API show it: never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: TokenName,
    /// The first characters of the secret (`sbt_` and four more), to recognise it by.
    pub prefix: String,
    /// What it allows.
    pub scope: TokenScope,
    /// When it ends by itself; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When a telephone last signed in with it.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is asked for when a token is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: TokenName,
    /// What it allows.
    #[serde(default = "all_tunnels")]
    pub scope: TokenScope,
    /// When it ends by itself; in the future.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

fn all_tunnels() -> TokenScope {
    TokenScope::AllTunnels
}
