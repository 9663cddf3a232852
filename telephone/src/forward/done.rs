use std::time::Instant;

use http::StatusCode;

use super::Outcome;
use crate::line::StreamError;

/// How an exchange ended.
#[derive(Debug)]
pub(super) struct Done {
    pub status: Option<u16>,
    pub bytes: u64,
    pub outcome: Outcome,
    /// When the last byte was given to the line.
    pub at: Instant,
    /// What is wrong with the local server.
    pub problem: Option<String>,
}

impl Done {
    pub(super) fn new(status: StatusCode, bytes: u64, outcome: Outcome) -> Self {
        Self { status: Some(status.as_u16()), bytes, outcome, at: Instant::now(), problem: None }
    }

    pub(super) fn failed(status: Option<StatusCode>) -> Self {
        let status = status.map(|status| status.as_u16());
        Self { status, bytes: 0, outcome: Outcome::Failed, at: Instant::now(), problem: None }
    }

    pub(super) fn of_stream_error(status: Option<StatusCode>, bytes: u64, error: &StreamError) -> Self {
        let outcome = match error {
            StreamError::Reset(_) | StreamError::Stopped(_) | StreamError::Line(_) => Outcome::Cancelled,
            StreamError::Closed | StreamError::State | StreamError::Head(_) => Outcome::Failed,
        };
        Self { status: status.map(|status| status.as_u16()), bytes, outcome, at: Instant::now(), problem: None }
    }
}
