//! Revisions: who changed what, and how it was before and after.

use crate::{Email, RevisionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use uuid::Uuid;

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RevisionKind {
    /// A service.
    Service,
    /// A backend.
    Backend,
    /// A domain.
    Domain,
    /// A route.
    Route,
    /// A region.
    Region,
    /// A tunnel.
    Tunnel,
}

/// How it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RevisionAction {
    /// It was made.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted.
    Deleted,
    /// It was brought back after it was deleted, or put back to what it was.
    Restored,
    /// Its tag was switched.
    Switched,
    /// A check has shown whose it is.
    Verified,
    /// It was counted as verified by an administrator, without a check.
    Trusted,
    /// It was made, changed or deleted by a document that was applied.
    Applied,
}

/// The text names nothing of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown; use {0}")]
pub struct UnknownRevisionWord(&'static str);

macro_rules! words {
    ($name:ident, $all:literal, $($variant:ident = $word:literal,)*) => {
        impl $name {
            /// The name used in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownRevisionWord;

            fn from_str(text: &str) -> Result<Self, UnknownRevisionWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownRevisionWord($all)) }
            }
        }
    };
}

words!(
    RevisionKind,
    "service, backend, domain, route, region or tunnel",
    Service = "service",
    Backend = "backend",
    Domain = "domain",
    Route = "route",
    Region = "region",
    Tunnel = "tunnel",
);

words!(
    RevisionAction,
    "created, changed, deleted, restored, switched, verified, trusted or applied",
    Created = "created",
    Changed = "changed",
    Deleted = "deleted",
    Restored = "restored",
    Switched = "switched",
    Verified = "verified",
    Trusted = "trusted",
    Applied = "applied",
);

/// One change of one object. Before and after are what its owner decides about it (`ServiceSpec`, `BackendSpec`,
/// `DomainSpec`, `RouteSpec`, `RegionSpec` as JSON), never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revision {
    /// Its id.
    pub id: RevisionId,
    /// When it was.
    pub at: Timestamp,
    /// Who did it; `None`: the server by itself.
    pub actor_id: Option<UserId>,
    /// Who did it, as they were called then.
    pub actor_email: Option<Email>,
    /// Whose the object is.
    pub owner_id: UserId,
    /// What was changed.
    pub kind: RevisionKind,
    /// The object.
    pub object_id: Uuid,
    /// The object, as it was called then.
    pub object_name: String,
    /// How it was changed.
    pub action: RevisionAction,
    /// How it was; `None`: it was not there.
    pub before: Option<serde_json::Value>,
    /// How it is since; `None`: it is not there any more.
    pub after: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn words_are_the_same_in_json_and_text() {
        for word in ["service", "backend", "domain", "route", "region", "tunnel"] {
            let kind: RevisionKind = word.parse().unwrap();
            assert_eq!((kind.as_str(), serde_json::to_string(&kind).unwrap()), (word, format!("{word:?}")));
        }
        for word in ["created", "changed", "deleted", "restored", "switched", "verified", "trusted", "applied"] {
            let action: RevisionAction = word.parse().unwrap();
            assert_eq!((action.as_str(), serde_json::to_string(&action).unwrap()), (word, format!("{word:?}")));
        }
        assert!("user".parse::<RevisionKind>().unwrap_err().to_string().contains("backend"));
    }
}
