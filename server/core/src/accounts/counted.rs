//! How sign-ins to the dashboard and the API end, counted since the start.

use super::{Accounts, SignIn};
use crate::{CoreError, Result, Viewer};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What somebody signs in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMethod {
    /// The password.
    Password,
    /// The code of a second factor, after another one.
    Code,
    /// The OpenID Connect provider.
    Provider,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInOutcome {
    /// Somebody is in.
    Done,
    /// A second factor is asked for, or has to be set up.
    Continued,
    /// Nobody is let in by this.
    Refused,
    /// There were too many attempts.
    Throttled,
    /// It could not be found out.
    Failed,
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct SignIns([[AtomicU64; SignInOutcome::ALL.len()]; SignInMethod::ALL.len()]);

impl SignInMethod {
    const ALL: [Self; 3] = [Self::Password, Self::Code, Self::Provider];

    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Provider => "provider",
        }
    }
}

impl SignInOutcome {
    const ALL: [Self; 5] = [Self::Done, Self::Continued, Self::Refused, Self::Throttled, Self::Failed];

    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Continued => "continued",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
        }
    }
}

/// What tells whether somebody is in.
pub(crate) trait Entered {
    fn has_entered(&self) -> bool;
}

impl Entered for Viewer {
    fn has_entered(&self) -> bool {
        true
    }
}

impl Entered for SignIn {
    fn has_entered(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl<T> Entered for (Viewer, T) {
    fn has_entered(&self) -> bool {
        true
    }
}

impl SignIns {
    /// One more; what came of it is passed on.
    pub(crate) fn count<T: Entered>(&self, method: SignInMethod, result: Result<T>) -> Result<T> {
        let outcome = match &result {
            Ok(end) if end.has_entered() => SignInOutcome::Done,
            Ok(_) => SignInOutcome::Continued,
            Err(CoreError::Throttled { .. }) => SignInOutcome::Throttled,
            Err(CoreError::Unavailable(_) | CoreError::Internal(_)) => SignInOutcome::Failed,
            Err(_) => SignInOutcome::Refused,
        };
        self.note(method, outcome);
        result
    }

    /// One more that came to this.
    pub(crate) fn note(&self, method: SignInMethod, outcome: SignInOutcome) {
        self.0[method as usize][outcome as usize].fetch_add(1, Relaxed);
    }
}

impl Accounts {
    /// How often people have signed in by each method, and what came of it.
    pub fn sign_ins(&self) -> impl Iterator<Item = (SignInMethod, SignInOutcome, u64)> {
        let of = |method: SignInMethod| {
            SignInOutcome::ALL
                .map(|outcome| (method, outcome, self.sign_ins.0[method as usize][outcome as usize].load(Relaxed)))
        };
        SignInMethod::ALL.into_iter().flat_map(of)
    }
}
