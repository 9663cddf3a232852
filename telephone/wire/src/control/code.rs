use std::fmt;

use serde::{Deserialize, Serialize};

/// What an `error` message is about, as a stable string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ErrorCode {
    /// The server does not speak the version asked for.
    BadVersion,
    /// A message could not be understood or came at the wrong time.
    BadMessage,
    /// No such token.
    TokenInvalid,
    /// The token has run out.
    TokenExpired,
    /// The token was revoked.
    TokenRevoked,
    /// The account that the token belongs to is deactivated.
    AccountDeactivated,
    /// The token may not do this.
    TokenScope,
    /// The subdomain is not a host name label.
    SubdomainInvalid,
    /// The subdomain is reserved by the server.
    SubdomainReserved,
    /// The subdomain belongs to somebody else.
    SubdomainTaken,
    /// An announced service makes no sense.
    ServiceInvalid,
    /// An announced host or path is the server's own, or an administrator's to give.
    ServiceReserved,
    /// An announced host or path is somebody else's, or leads elsewhere.
    ServiceTaken,
    /// Other telephones of the tunnel announce something else.
    ServiceConflict,
    /// The tunnel is paused.
    TunnelPaused,
    /// The tunnel was deleted.
    TunnelDeleted,
    /// The session that a further socket was to join has ended; open a new one.
    SessionGone,
    /// A limit of the account or of the server is reached.
    LimitExceeded,
    /// The server is shutting down; dial again.
    ShuttingDown,
    /// A fault of the server.
    Internal,
    /// A code this end does not know.
    Other(String),
}

impl ErrorCode {
    const KNOWN: [Self; 20] = [
        Self::BadVersion,
        Self::BadMessage,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::AccountDeactivated,
        Self::TokenScope,
        Self::SubdomainInvalid,
        Self::SubdomainReserved,
        Self::SubdomainTaken,
        Self::ServiceInvalid,
        Self::ServiceReserved,
        Self::ServiceTaken,
        Self::ServiceConflict,
        Self::TunnelPaused,
        Self::TunnelDeleted,
        Self::SessionGone,
        Self::LimitExceeded,
        Self::ShuttingDown,
        Self::Internal,
    ];

    /// Every code that this end knows.
    pub fn known() -> impl Iterator<Item = Self> {
        Self::KNOWN.into_iter()
    }

    /// The code as it is sent.
    pub fn as_str(&self) -> &str {
        match self {
            Self::BadVersion => "bad_version",
            Self::BadMessage => "bad_message",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::AccountDeactivated => "account_deactivated",
            Self::TokenScope => "token_scope",
            Self::SubdomainInvalid => "subdomain_invalid",
            Self::SubdomainReserved => "subdomain_reserved",
            Self::SubdomainTaken => "subdomain_taken",
            Self::ServiceInvalid => "service_invalid",
            Self::ServiceReserved => "service_reserved",
            Self::ServiceTaken => "service_taken",
            Self::ServiceConflict => "service_conflict",
            Self::TunnelPaused => "tunnel_paused",
            Self::TunnelDeleted => "tunnel_deleted",
            Self::SessionGone => "session_gone",
            Self::LimitExceeded => "limit_exceeded",
            Self::ShuttingDown => "shutting_down",
            Self::Internal => "internal",
            Self::Other(code) => code,
        }
    }

    /// Whether dialling again with the same settings cannot succeed until somebody changes something. A pause ends, a
    /// limit frees up and a server restarts by themselves as far as the telephone is concerned, so those are not.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::BadVersion
            | Self::TokenInvalid
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::AccountDeactivated
            | Self::TokenScope
            | Self::SubdomainInvalid
            | Self::SubdomainReserved
            | Self::SubdomainTaken
            | Self::ServiceInvalid
            | Self::ServiceReserved
            | Self::ServiceTaken
            | Self::TunnelDeleted => true,
            Self::BadMessage
            | Self::ServiceConflict
            | Self::TunnelPaused
            | Self::SessionGone
            | Self::LimitExceeded
            | Self::ShuttingDown
            | Self::Internal
            | Self::Other(_) => false,
        }
    }

    /// Whether the token is what was refused.
    pub fn is_token(&self) -> bool {
        matches!(
            self,
            Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked | Self::AccountDeactivated | Self::TokenScope
        )
    }

    /// Whether the subdomain is what was refused.
    pub fn is_subdomain(&self) -> bool {
        matches!(self, Self::SubdomainInvalid | Self::SubdomainReserved | Self::SubdomainTaken)
    }

    /// Whether an announced service is what was refused.
    pub fn is_service(&self) -> bool {
        matches!(self, Self::ServiceInvalid | Self::ServiceReserved | Self::ServiceTaken | Self::ServiceConflict)
    }
}

impl From<String> for ErrorCode {
    fn from(code: String) -> Self {
        Self::KNOWN.into_iter().find(|known| known.as_str() == code).unwrap_or(Self::Other(code))
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Other(code) => code,
            known => known.as_str().to_owned(),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn every_code_survives_the_round_trip() {
        for code in ErrorCode::KNOWN.into_iter().chain([ErrorCode::Other("quota_of_tomorrow".to_owned())]) {
            assert_eq!(ErrorCode::from(String::from(code.clone())), code);
        }
    }

    #[test]
    fn an_unknown_code_is_worth_another_try() {
        assert!(!ErrorCode::from("quota_of_tomorrow".to_owned()).is_permanent());
    }
}
