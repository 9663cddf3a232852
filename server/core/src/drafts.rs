//! What somebody has entered into a form that is refused and comes back, as far as it may be secret.
//!
//! A form comes back by a redirect, and an address is stored and shown in many places: in the browser's history, in logs of
//! proxies. So what may be secret is in it only encrypted, for who has entered it and for a short time. Nothing of it is
//! kept here, so that any node can show it again.

use crate::{Result, Viewer, tickets::Seal};
use chrono::TimeDelta;

/// How long it can be shown again.
const LIFE: TimeDelta = TimeDelta::minutes(15);

/// Encrypts what was entered.
#[derive(Debug)]
pub struct Drafts {
    pub(crate) seal: Seal,
}

impl Drafts {
    /// A field with what was entered, as a text that only tells this viewer what it was, and only here.
    ///
    /// # Errors
    /// `Internal`.
    pub fn keep(&self, viewer: &Viewer, name: &str, entered: &str) -> Result<String> {
        self.seal.ticket(&purpose(viewer), (name, entered), LIFE)
    }

    /// The field that such a text is, and what was entered; `None`: it is none, of somebody else's, or too old.
    pub fn read(&self, viewer: &Viewer, kept: &str) -> Option<(String, String)> {
        self.seal.redeem(&purpose(viewer), kept)
    }
}

fn purpose(viewer: &Viewer) -> String {
    format!("draft {}", viewer.id())
}
