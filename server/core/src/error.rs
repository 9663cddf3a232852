//! What can go wrong, by whose fault it is.

use std::time::Duration;

/// The result of a service.
pub type Result<T, E = CoreError> = std::result::Result<T, E>;

/// Why a service did not do what it was asked. The texts are made for the person who asked; what is only for the log is
/// not among them, see [`CoreError::cause`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// A value that cannot be accepted (HTTP 422).
    #[error("{message}")]
    Invalid {
        /// The name of the value, as in JSON and forms.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A well-formed value that names what is not there (400).
    #[error("{message}")]
    Unusable {
        /// For machines, such as `unknown_tag`.
        code: &'static str,
        /// The name of the value, as in JSON and forms.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Nobody known is asking; the text says what to do (401).
    #[error("{0}")]
    Unauthorized(&'static str),
    /// Known, but not allowed (403).
    #[error("{message}")]
    Forbidden {
        /// For machines, such as `signup_closed`.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// There is no such thing, or it is someone else's, which must look the same (404).
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It collides with what is there (409).
    #[error("{message}")]
    Conflict {
        /// For machines, such as `subdomain_taken`.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// It is not what it was when it was looked at (412).
    #[error("it was changed meanwhile; look at what it is now, and decide again")]
    Changed,
    /// Too many attempts (429).
    #[error("too many attempts; try again in {} s", retry_after.as_secs().max(1))]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The database does not answer (503). Holds the cause, for the log.
    #[error("the database does not answer at the moment; try again shortly")]
    Unavailable(String),
    /// A fault of ours (500). Holds the cause, for the log.
    #[error("something went wrong on our side; the server's log says what")]
    Internal(String),
}

impl CoreError {
    /// The name of the error for machines; part of the REST API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Unauthorized(_) => "unauthorized",
            Self::NotFound(_) => "not_found",
            Self::Unusable { code, .. } | Self::Forbidden { code, .. } | Self::Conflict { code, .. } => code,
            Self::Changed => "changed_meanwhile",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// Whether the same call may succeed later without anything being changed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable(_))
    }

    /// What belongs into the log and not into an answer.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    /// The same error, of one item among many: its text says which.
    pub(crate) fn of(self, item: &str) -> Self {
        let told = |message: String| format!("{item}: {message}");
        match self {
            Self::Invalid { field, message } => Self::Invalid { field, message: told(message) },
            Self::Unusable { code, field, message } => Self::Unusable { code, field, message: told(message) },
            Self::Forbidden { code, message } => Self::Forbidden { code, message: told(message) },
            Self::Conflict { code, message } => Self::Conflict { code, message: told(message) },
            Self::NotFound(what) => {
                Self::Unusable { code: "not_found", field: what, message: told(format!("there is no such {what}")) }
            }
            other => other,
        }
    }

    pub(crate) fn invalid(field: &'static str, message: impl ToString) -> Self {
        Self::Invalid { field, message: message.to_string() }
    }

    pub(crate) fn unusable(code: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::Unusable { code, field, message: message.into() }
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }

    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::Forbidden { code, message: message.into() }
    }
}

/// Why the services could not be opened. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or file of the database cannot be written.
    #[error(
        "cannot write the database {path}: {cause}; make its folder writable for this user, or choose another with --data-dir or --database-url"
    )]
    NotWritable {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// The file of the database cannot be trusted.
    #[error(
        "the database {path} is damaged: {cause}; nothing was served. Move it away together with the files {path}-wal and {path}-shm if there are any, then restore a backup with: switchboard restore FILE"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// There is no file where one is needed.
    #[error("there is no database {path}; name the right one with --data-dir or --database-url")]
    Missing {
        /// The file.
        path: String,
    },
    /// A later version has changed the tables.
    #[error(
        "the tables of {url} are of a newer version of switchboard (step {step} is not known here); nothing was served or changed. Use that version, or restore a backup made with this one"
    )]
    Newer {
        /// The database, without its password.
        url: String,
        /// The step of the migrations that is not known.
        step: String,
    },
    /// No connection to the database.
    #[error(
        "cannot reach the database {url}: {cause}; check that it runs and that --database-url names host, port, user and database rightly"
    )]
    Unreachable {
        /// The database, without its password.
        url: String,
        /// What the driver said.
        cause: String,
    },
    /// The tables could not be brought up to date.
    #[error(
        "cannot bring the tables of {url} up to date: {cause}; nothing was served, the database is as the last migration that succeeded left it"
    )]
    Migration {
        /// The database, without its password.
        url: String,
        /// What the driver said.
        cause: String,
    },
    /// The key for API tokens, or the one for sealing, can be guessed.
    #[error("jwt_secret or sealing_key has fewer than 32 bytes; give a longer one, or none to have one made")]
    WeakKey,
    /// Secrets in the database are sealed with another key, or will be.
    #[error(
        "sealing_key is not the key of {url}, which is that of the server that was the first to start on it; nothing was served. Give every server on this database the same one: copy the file sealing.key from that server's data folder into this one's, or set sealing_key. If switchboard keys reseal was interrupted, run it again; if the key is lost, switchboard keys reseal --lost gives up what nobody can open any more"
    )]
    OtherKey {
        /// The database, without its password.
        url: String,
    },
    /// The database answered, but something else did not begin.
    #[error("the services cannot start: {0}")]
    Start(String),
}
