//! One check of one domain.

use std::pin::pin;
use std::time::Duration;

use domain::{HostPattern, VERIFICATION_PATH, Verification};
use futures_util::future::{Either, select};
use tokio::time::timeout;

use super::file::{self, Place};
use super::names::Names;
use super::record::{self, shown};
use crate::upstream::ConnectPolicy;

/// How long a check may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Checks whether whoever entered a domain controls it.
#[derive(Debug, Clone)]
pub struct DomainChecker {
    names: Names,
    policy: ConnectPolicy,
    port: u16,
}

/// What has shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifiedBy {
    /// The TXT record.
    Record,
    /// The file.
    File,
}

/// The domain is in the hands of who entered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// What has shown it.
    pub by: VerifiedBy,
}

/// Nothing has shown it. The text says what was found and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CheckFailed {
    /// For the owner.
    pub text: String,
}

impl DomainChecker {
    /// Where files are read from outside of tests.
    pub const PORT: u16 = 80;

    /// Asks `names` for records and addresses. Files are read on `port`, from addresses that `policy` allows.
    pub fn new(names: Names, policy: ConnectPolicy, port: u16) -> Self {
        Self { names, policy, port }
    }

    /// Looks for the record and, unless the domain is a wildcard, for the file, both at once; either is enough. Takes
    /// five seconds at most.
    ///
    /// # Errors
    /// When neither is there.
    pub async fn check(&self, domain: &HostPattern, expected: &Verification) -> Result<Verified, CheckFailed> {
        let record = pin!(self.record(expected));
        let file = pin!(self.file(domain, expected));
        let by = |by| Ok(Verified { by });
        let (no_record, no_file) = match select(record, file).await {
            Either::Left((Ok(()), _)) => return by(VerifiedBy::Record),
            Either::Right((Ok(()), _)) => return by(VerifiedBy::File),
            Either::Left((Err(no_record), file)) => match file.await {
                Ok(()) => return by(VerifiedBy::File),
                Err(no_file) => (no_record, no_file),
            },
            Either::Right((Err(no_file), record)) => match record.await {
                Ok(()) => return by(VerifiedBy::Record),
                Err(no_record) => (no_record, no_file),
            },
        };
        let text = [Some(no_record), no_file].into_iter().flatten().collect::<Vec<_>>().join(". And ");
        Err(CheckFailed { text })
    }

    async fn record(&self, expected: &Verification) -> Result<(), String> {
        let Verification { record, value, .. } = expected;
        match timeout(LIMIT, record::look(&self.names, record, value)).await {
            Ok(looked) => looked.map_err(|no_proof| no_proof.text(record, value)),
            Err(_) => Err(format!("the name servers did not say within 5 s whether there is a TXT record at {record}")),
        }
    }

    /// `Err(None)` when there is no file to look for.
    async fn file(&self, domain: &HostPattern, expected: &Verification) -> Result<(), Option<String>> {
        let (HostPattern::Exact(host), Some(url)) = (domain, &expected.url) else { return Err(None) };
        let token = expected.value.strip_prefix("sb-verify=").unwrap_or(&expected.value);
        let path = format!("{VERIFICATION_PATH}{token}");
        let place = Place { host: host.as_str(), port: self.port, path: &path };
        let wrong = match timeout(LIMIT, file::read(&self.names, &self.policy, &place)).await {
            Ok(Ok(content)) => {
                let content = content.trim_ascii();
                if content == expected.value.as_bytes() || content == token.as_bytes() {
                    return Ok(());
                }
                format!("it holds {} instead of {:?}", shown(content), expected.value)
            }
            Ok(Err(no_file)) => no_file.to_string(),
            Err(_) => "it was not there within 5 s".to_owned(),
        };
        Err(Some(format!("no proof at {url}: {wrong}")))
    }
}
