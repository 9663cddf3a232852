//! What can go wrong between this server and a provider.

use openidconnect::{DiscoveryError, ErrorResponse, RequestTokenError};
use std::error::Error;

use super::ask::AskError;

/// The most of what a provider says that is repeated in the log, characters.
const MOST: usize = 200;

/// Why a provider was no help. The texts are for the log, and hold nothing of codes and tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// It cannot be asked, or does not answer in time.
    #[error("the provider cannot be asked: {0}")]
    Away(String),
    /// What it answers is not what a provider answers.
    #[error("the provider's answer cannot be used: {0}")]
    Answer(String),
    /// It does not take the code, or this server for what it says it is.
    #[error(
        "the provider refused the code: {0}; look at oidc_client_id, oidc_client_secret and the redirect URI there"
    )]
    Refused(String),
    /// It has sent the browser back without a code.
    #[error("the provider sent the browser back without a code: {0}")]
    Declined(String),
    /// The ID token is not the provider's, or not for this sign-in.
    #[error("the ID token is not accepted: {0}")]
    Token(String),
}

impl OidcError {
    /// It has sent the browser back and said why, in the browser's address.
    pub(crate) fn of_answer(said: &str) -> Self {
        Self::Declined(cut(said))
    }

    pub(super) fn late(seconds: u64) -> Self {
        Self::Away(format!("it did not answer within {seconds} s"))
    }
}

impl From<DiscoveryError<AskError>> for OidcError {
    fn from(error: DiscoveryError<AskError>) -> Self {
        match error {
            DiscoveryError::Request(error) => error.into(),
            DiscoveryError::Response(status, _, _) if !status.is_success() => {
                Self::Away(format!("it answered {status} where its description or its keys should be"))
            }
            DiscoveryError::Response(_, _, what) | DiscoveryError::Validation(what) | DiscoveryError::Other(what) => {
                Self::Answer(cut(&what))
            }
            // Which value it is may be told, not the value.
            DiscoveryError::Parse(error) => {
                Self::Answer(cut(&format!("its description or its keys are odd at {}", error.path())))
            }
            error => Self::Answer(cut(&error.to_string())),
        }
    }
}

impl<T: ErrorResponse + 'static> From<RequestTokenError<AskError, T>> for OidcError {
    fn from(error: RequestTokenError<AskError, T>) -> Self {
        match error {
            RequestTokenError::ServerResponse(said) => Self::Refused(cut(&said.to_string())),
            RequestTokenError::Request(error) => error.into(),
            RequestTokenError::Parse(error, _) => {
                Self::Answer(cut(&format!("what it gives for a code is odd at {}", error.path())))
            }
            RequestTokenError::Other(what) => Self::Answer(cut(&what)),
        }
    }
}

impl From<AskError> for OidcError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Away(what) => Self::Away(cut(&what)),
            AskError::Answer(what) => Self::Answer(cut(&what)),
        }
    }
}

/// An error with its causes, in one line and no longer than people read.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    cut(&text)
}

/// What a provider says, harmless in a log.
fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_stays_in_one_line() {
        assert_eq!(cut("a\r\nb\u{1b}[31m"), "a  b [31m");
        assert_eq!(cut(&"ä".repeat(1_000)).chars().count(), MOST);
    }
}
