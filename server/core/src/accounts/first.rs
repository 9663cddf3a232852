//! The first account, and the code that keeps strangers from making it.

use crate::{CoreError, Result, auth::random_base32};
use std::sync::atomic::{AtomicBool, Ordering};
use subtle::ConstantTimeEq;

/// What is known of the first account in this process.
#[derive(Debug)]
pub(crate) struct FirstAccount {
    made: AtomicBool,
    code: Option<String>,
}

impl FirstAccount {
    /// With `needs_code` whoever makes the account must have read the server's log: 60 random bits, `XXXX-XXXX-XXXX`.
    pub(crate) fn new(needs_code: bool) -> Self {
        let code = || [random_base32(4), random_base32(4), random_base32(4)].join("-");
        Self { made: AtomicBool::new(false), code: needs_code.then(code) }
    }

    pub(crate) fn exists(&self) -> bool {
        self.made.load(Ordering::Acquire)
    }

    pub(crate) fn was_made(&self) {
        self.made.store(true, Ordering::Release);
    }

    pub(crate) fn needs_code(&self) -> bool {
        self.code.is_some()
    }

    pub(crate) fn code(&self) -> Option<String> {
        if self.exists() { None } else { self.code.clone() }
    }

    pub(crate) fn check(&self, given: Option<&str>) -> Result<()> {
        let Some(code) = &self.code else { return Ok(()) };
        let given = given.unwrap_or_default().trim().to_ascii_uppercase();
        if bool::from(given.as_bytes().ct_eq(code.as_bytes())) {
            return Ok(());
        }
        let message = if given.is_empty() {
            "the first account needs the set-up code that the server wrote to its log when it started"
        } else {
            "this is not the set-up code; it is in the server's log and changes with each start"
        };
        Err(CoreError::forbidden("setup_code_required", message))
    }
}

pub(crate) fn already_set_up() -> CoreError {
    CoreError::conflict("already_set_up", "the first account was already made; sign in")
}
