//! Identifiers: UUID version 7 (RFC 9562 section 5.7), so that keys sort by creation time.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The text was not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }
    )*};
}

id! {
    /// Identifies a user.
    UserId;
    /// Identifies an invitation (not its secret).
    InvitationId;
    /// Identifies an account at a provider that is linked with one here.
    IdentityId;
    /// Identifies a tunnel token (not its secret).
    TokenId;
    /// Identifies a personal token (not its secret).
    PersonalTokenId;
    /// Identifies a tunnel.
    TunnelId;
    /// Identifies one live telephone connection.
    TelephoneSessionId;
    /// Identifies a signed-in browser session in lists. Not the cookie's value.
    WebSessionId;
    /// Identifies a signed-in program in lists. Not its refresh token.
    ProgramSessionId;
    /// Identifies one request on its way through; sent as `X-Request-Id`.
    RequestId;
    /// Identifies a service.
    ServiceId;
    /// Identifies a backend for the server; its owner names it by its [`BackendName`](crate::BackendName).
    BackendId;
    /// Identifies a domain.
    DomainId;
    /// Identifies a route.
    RouteId;
    /// Identifies a region.
    RegionId;
    /// Identifies a switchboard process.
    NodeId;
    /// Identifies a revision: one change of one object.
    RevisionId;
    /// Identifies a switch of a tag.
    SwitchId;
    /// Identifies an alert: what somebody wants to be told of.
    AlertId;
    /// Identifies one notice of an alert.
    AlertEventId;
    /// Identifies something in the audit log.
    AuditEventId;
    /// Identifies what was entered into a form that comes back.
    DraftId;
}
