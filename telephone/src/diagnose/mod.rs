//! Finds out why a telephone does not work: everything on its way, one thing after the other, without serving anything.

mod local;
mod server;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use wire::Secret;

use crate::tls::{Tls, TlsError};
use crate::{ServerUrl, Target};

/// How long each check may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The switchboard.
    pub server: ServerUrl,
    /// The token to sign in with.
    pub token: Secret,
    /// The local server; `None`: it is not looked at.
    pub target: Option<Target>,
    /// Certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate of the local server is good.
    pub insecure_target: bool,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It does not work.
    Fail,
    /// It was not looked at, because something before it failed or there is nothing to look at.
    Skip,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at: `name`, `tcp`, `tls`, `http`, `clock`, `websocket`, `version`, `token`, `local`.
    pub check: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// How long it took.
    pub milliseconds: f64,
}

/// What a check has found, before it is known what it is called and how long it took.
#[derive(Debug)]
struct Found {
    verdict: Verdict,
    text: String,
    advice: Option<String>,
}

impl Found {
    fn ok(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, text: text.into(), advice: None }
    }

    fn warn(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, text: text.into(), advice: Some(advice.into()) }
    }

    fn fail(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, text: text.into(), advice: Some(advice.into()) }
    }

    fn skip(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skip, text: text.into(), advice: None }
    }
}

/// Where checks go as they are made.
struct Report<F> {
    tell: F,
    failed: bool,
}

impl<F: FnMut(Check)> Report<F> {
    fn add(&mut self, check: &'static str, began: Instant, found: Found) {
        let milliseconds = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        self.failed |= found.verdict == Verdict::Fail;
        let Found { verdict, text, advice } = found;
        // What a stranger has said goes to a terminal.
        let found = text.chars().filter(|character| !character.is_control()).take(500).collect();
        (self.tell)(Check { check, verdict, found, advice, milliseconds });
    }

    /// Of what depends on something that failed.
    fn skip(&mut self, checks: &[&'static str], because: &str) {
        for check in checks {
            self.add(check, Instant::now(), Found::skip(format!("not tried: {because}")));
        }
    }
}

/// Makes all checks and tells of each. Returns whether none has failed.
///
/// # Errors
/// When TLS cannot be set up at all.
pub async fn run(subject: &Subject, tell: impl FnMut(Check)) -> Result<bool, TlsError> {
    let is_secure = matches!(subject.target, Some(Target::Tcp { scheme: crate::Scheme::Https, .. }));
    let verifying = match subject.server.tls || is_secure && !subject.insecure_target || subject.ca_file.is_some() {
        true => Some(Tls::verifying(subject.ca_file.as_deref())?),
        false => None,
    };
    let target_tls = if subject.insecure_target { Some(Tls::unverified()?) } else { verifying.clone() };
    let mut report = Report { tell, failed: false };
    server::check(subject, verifying.as_ref(), &mut report).await;
    local::check(subject.target.as_ref(), target_tls.as_ref(), &mut report).await;
    Ok(!report.failed)
}
