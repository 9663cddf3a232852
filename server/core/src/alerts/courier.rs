//! What takes notices to where they go, which takes the network. The services only pass on to it.

use std::fmt;

use async_trait::async_trait;
use domain::{Alert, AlertEvent, Email};

use crate::SigningSecret;

/// A notice that is to be delivered.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What is told.
    pub event: AlertEvent,
    /// The alert, with where its notices go.
    pub alert: Alert,
    /// What a webhook's notices are signed with.
    pub secret: Option<SigningSecret>,
    /// Whether an administrator has entered where it goes.
    pub of_administrator: bool,
}

/// Delivers notices.
#[async_trait]
pub trait Courier: fmt::Debug + Send + Sync {
    /// Whether it delivers by e-mail.
    fn can_mail(&self) -> bool;

    /// Delivers a notice now, within half a minute.
    ///
    /// # Errors
    /// What went wrong, for the alert's owner. It is tried again later.
    async fn deliver(&self, notice: &Notice) -> Result<(), String>;

    /// Mails a text to somebody now, within half a minute.
    ///
    /// # Errors
    /// What went wrong, for whoever has it sent.
    async fn mail(&self, to: &Email, subject: &str, text: &str) -> Result<(), String>;
}
