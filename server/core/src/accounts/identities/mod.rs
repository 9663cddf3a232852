//! Sign-ins at an OpenID Connect provider, and the accounts that they get into.
//!
//! What asks the provider and looks at its answers takes the network, and is not here: it comes back with a [`Proven`]. Here
//! it is decided what that is worth. It gets into the account that it was linked with, by issuer and subject alone: an e-mail
//! address says who somebody is at the provider, and nothing about who they are here.

mod journey;
mod link;
mod sign_in;

use super::Accounts;
use crate::{OidcSettings, store::rows::identities};
use domain::{Email, Identity, IdentityId};
pub use journey::{Errand, Journey};
pub(crate) use link::forget;

/// What stands for the hash of a password where there is none: no password has it.
pub(crate) const NO_PASSWORD: &str = "";

/// Whom a provider has said that somebody is, in an answer that is its own and was made for this very sign-in. Whoever makes
/// one has looked at that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The provider.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// The e-mail address that they have there.
    pub email: Option<Email>,
    /// Whether the provider has made sure that it is theirs.
    pub email_verified: bool,
    /// Whether they had to show more than one thing there (`mfa` in `amr`, RFC 8176 section 2).
    pub second_factor: bool,
}

impl Accounts {
    /// The provider by which people sign in, if there is one.
    pub fn provider(&self) -> Option<&OidcSettings> {
        self.oidc.as_ref()
    }
}

fn shown(row: identities::Model) -> Identity {
    Identity {
        id: IdentityId(row.id),
        issuer: row.issuer,
        subject: row.subject,
        email: row.email.and_then(|email| email.parse().ok()),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    }
}
