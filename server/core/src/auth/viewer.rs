//! Capabilities: values that prove who is asking, and that only this crate makes.

use std::{net::IpAddr, ops::Deref};

use domain::{ProgramSessionId, RequestRate, Role, TokenId, TokenScope, User, UserId};

use crate::{CoreError, Result, TokenEnd, TokenProof};

/// A signed-in user.
#[derive(Debug, Clone)]
pub struct Viewer {
    user: User,
    address: Option<IpAddr>,
    program: Option<ProgramSessionId>,
}

impl Viewer {
    pub(crate) fn new(user: User) -> Self {
        Self { user, address: None, program: None }
    }

    /// The same, asking from there: what is written down of it says so.
    #[must_use]
    pub fn at(self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Where the user asks from; `None`: from the server's own machine, without the network.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The same, asking with an access token of this session.
    #[must_use]
    pub(crate) fn by_program(self, session: ProgramSessionId) -> Self {
        Self { program: Some(session), ..self }
    }

    /// The session whose access token the user asks with; `None`: with something else.
    pub fn program(&self) -> Option<ProgramSessionId> {
        self.program
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

    /// The same as an administrator.
    ///
    /// # Errors
    /// `admin_only`.
    pub fn as_admin(&self) -> Result<Administrator> {
        if self.is_admin() {
            return Ok(Administrator(self.clone()));
        }
        Err(CoreError::forbidden("admin_only", "only an administrator may do this"))
    }
}

/// A signed-in administrator. What only administrators may do wants one of these, so that no method can forget to ask.
#[derive(Debug, Clone)]
pub struct Administrator(Viewer);

impl Deref for Administrator {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.0
    }
}

/// A telephone that presented a good token.
#[derive(Debug, Clone)]
pub struct TokenHolder {
    pub(crate) token_id: TokenId,
    pub(crate) owner_id: UserId,
    pub(crate) scope: TokenScope,
    /// How many telephones the token itself may have, whatever a short-lived one says.
    pub(crate) max_sessions: Option<u32>,
    pub(crate) rate_limit: Option<RequestRate>,
    pub(crate) proof: TokenProof,
    pub(crate) ends: Option<TokenEnd>,
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

    /// How many telephones the token may have at a node, with all that it was exchanged for.
    pub fn max_sessions(&self) -> Option<u32> {
        self.max_sessions
    }

    /// How many requests a node gives to all telephones of the token.
    pub fn rate_limit(&self) -> Option<RequestRate> {
        self.rate_limit
    }

    /// What was presented.
    pub fn proof(&self) -> TokenProof {
        self.proof
    }

    /// When it ends by itself; the telephone must go then.
    pub fn ends(&self) -> Option<TokenEnd> {
        self.ends
    }
}
