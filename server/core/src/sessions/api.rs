//! Programs that use the REST API.

use crate::{Result, Viewer};

/// What a program gets when it signs in. `Debug` shows neither token.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiTokens {
    /// Sent with each request; a JWT.
    pub access_token: String,
    /// Exchanged once for the next pair.
    pub refresh_token: String,
    /// How long the access token is good, seconds.
    pub expires_in: u64,
}

impl std::fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiTokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Sessions of programs.
#[derive(Debug)]
pub struct ApiSessions(());

impl ApiSessions {
    /// Starts a session.
    pub async fn issue(&self, _viewer: &Viewer) -> Result<ApiTokens> {
        todo!()
    }
    /// Exchanges a refresh token for the next pair. One that was exchanged before ends the whole session.
    pub async fn refresh(&self, _refresh_token: &str) -> Result<ApiTokens> {
        todo!()
    }
    /// Ends the session of a refresh token; one that is not known changes nothing.
    pub async fn revoke(&self, _refresh_token: &str) -> Result<()> {
        todo!()
    }
    /// Who presents this access token.
    pub async fn authenticate(&self, _access_token: &str) -> Result<Viewer> {
        todo!()
    }
}
