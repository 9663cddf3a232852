//! Accounts at OpenID Connect providers, by which people sign in to accounts here.

use crate::{Email, IdentityId, Timestamp};
use serde::{Deserialize, Serialize};

/// An account at an OpenID Connect provider that gets into an account here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// The provider (OpenID Connect Core section 2, `iss`).
    pub issuer: String,
    /// Who it is there (`sub`): never given to anybody else, whatever becomes of names and addresses.
    pub subject: String,
    /// The address that the provider had for it when it was used last, if it is one; for people to recognise it by.
    pub email: Option<Email>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When somebody signed in by it last.
    pub last_used_at: Option<Timestamp>,
}
