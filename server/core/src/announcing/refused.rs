//! Why a telephone does not get what it announces.

use crate::CoreError;

/// Why a telephone does not get what it announces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementRefused {
    /// It makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The host or path is the server's own, or only an administrator's to give.
    #[error("{0}")]
    Reserved(String),
    /// It is somebody else's, or leads elsewhere.
    #[error("{0}")]
    Taken(String),
    /// Telephones of the same tunnel are connected that announce something else.
    #[error(
        "telephones that announce something else serve this tunnel; announce the same, stop them, or choose another subdomain"
    )]
    Conflict,
    /// The token does not cover it.
    #[error("{0}")]
    OutsideScope(String),
    /// The owner has too many of something.
    #[error("{0}")]
    Limit(String),
    /// It could not be looked up or made.
    #[error(transparent)]
    Unavailable(CoreError),
}

impl From<CoreError> for AnnouncementRefused {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Conflict { code, message } => match code {
                "reserved_host" | "reserved_mount" => Self::Reserved(message),
                _ if code.ends_with("_limit") => Self::Limit(message),
                _ => Self::Taken(message),
            },
            CoreError::Forbidden { message, .. } => Self::Reserved(message),
            CoreError::Invalid { message, .. } | CoreError::Unusable { message, .. } => Self::Invalid(message),
            error => Self::Unavailable(error),
        }
    }
}

impl From<sea_orm::DbErr> for AnnouncementRefused {
    fn from(error: sea_orm::DbErr) -> Self {
        CoreError::from(error).into()
    }
}
