//! Capabilities: values that prove who is asking, and that only this crate makes.

use domain::{Role, Timestamp, TokenId, TokenScope, User, UserId};

/// A signed-in user.
#[derive(Debug, Clone)]
pub struct Viewer {
    user: User,
}

impl Viewer {
    pub(crate) fn new(user: User) -> Self {
        Self { user }
    }

    /// The account, as it was when it was looked up.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The account's id.
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// Whether the account manages everything.
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin
    }
}

/// A telephone that presented a good token.
#[derive(Debug, Clone)]
pub struct TokenHolder {
    pub(crate) token_id: TokenId,
    pub(crate) owner_id: UserId,
    pub(crate) scope: TokenScope,
    pub(crate) expires_at: Option<Timestamp>,
}

impl TokenHolder {
    /// The token.
    pub fn token_id(&self) -> TokenId {
        self.token_id
    }

    /// Whose it is.
    pub fn owner_id(&self) -> UserId {
        self.owner_id
    }

    /// What it allows.
    pub fn scope(&self) -> &TokenScope {
        &self.scope
    }

    /// When it ends by itself; the telephone must go then.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}
