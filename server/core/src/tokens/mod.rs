//! Tunnel tokens.

use crate::{CoreError, Listing, Page, Result, TokenHolder, TokenSecret, Viewer};
use domain::{NewToken, Token, TokenId};

/// Why a telephone's token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// No such token.
    #[error("this token is not known here; create one on the dashboard's page Tokens")]
    Invalid,
    /// Its time is over.
    #[error("this token has expired; create another on the dashboard's page Tokens")]
    Expired,
    /// Its owner ended it.
    #[error("this token was revoked; create another on the dashboard's page Tokens")]
    Revoked,
    /// It could not be looked up.
    #[error(transparent)]
    Unavailable(#[from] CoreError),
}

/// Tunnel tokens.
#[derive(Debug)]
pub struct Tokens(());

impl Tokens {
    /// Creates a token. Its secret is in the answer and nowhere else.
    pub async fn create(&self, _viewer: &Viewer, _new: NewToken) -> Result<(Token, TokenSecret)> {
        todo!()
    }
    /// The viewer's own tokens, newest first.
    pub async fn list(&self, _viewer: &Viewer, _page: Page) -> Result<Listing<Token>> {
        todo!()
    }
    /// Ends a token at once.
    pub async fn revoke(&self, _viewer: &Viewer, _id: TokenId) -> Result<()> {
        todo!()
    }
    /// Gives a token a new secret; the old one ends at once.
    pub async fn rotate(&self, _viewer: &Viewer, _id: TokenId) -> Result<(Token, TokenSecret)> {
        todo!()
    }
    /// Who presents this secret.
    pub async fn authenticate(&self, _secret: &str) -> Result<TokenHolder, TokenRefused> {
        todo!()
    }
    /// Keeps a new secret for the page that shows it once.
    pub fn keep_for_reveal(&self, _viewer: &Viewer, _id: TokenId, _secret: TokenSecret) {
        todo!()
    }
    /// The secret kept for this page, once.
    pub fn reveal(&self, _viewer: &Viewer, _id: TokenId) -> Option<TokenSecret> {
        todo!()
    }
}
