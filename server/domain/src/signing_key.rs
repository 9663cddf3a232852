//! Keys that access tokens are signed with, as administrators see them.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A key that access tokens and short-lived tokens are, or were, signed with; nothing of the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SigningKey {
    /// What tokens name it by (`kid`); `settings`: the one of the setting `jwt_secret`, or of the data folder.
    pub id: String,
    /// When it was made; `null` for the one of the settings.
    pub created_at: Option<Timestamp>,
    /// When it was replaced; `null`: it signs.
    pub retired_at: Option<Timestamp>,
    /// Until when access tokens that it has signed are good; `null`: as long as they live.
    pub access_until: Option<Timestamp>,
    /// Until when short-lived tokens of telephones that it has signed are good; `null`: as long as they live.
    pub telephones_until: Option<Timestamp>,
}
