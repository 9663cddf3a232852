//! The way of an alert's notices out of this server: to webhooks, and by e-mail. What is told when, `server-core` decides.

mod mail;
mod signature;
mod webhook;

pub use mail::Mailer;
pub use signature::sign;
pub use webhook::Webhooks;

use async_trait::async_trait;
use domain::Email;
use server_core::{Courier, Notice};

const NO_MAIL: &str = "this server sends no mail any more; its administrator can set smtp_url";

/// Delivers notices.
#[derive(Debug)]
pub struct Messenger {
    /// To webhooks.
    pub webhooks: Webhooks,
    /// By e-mail, where a server for that is set.
    pub mailer: Option<Mailer>,
}

#[async_trait]
impl Courier for Messenger {
    fn can_mail(&self) -> bool {
        self.mailer.is_some()
    }

    async fn deliver(&self, notice: &Notice) -> Result<(), String> {
        match (&notice.alert.webhook, &notice.alert.email) {
            (Some(url), _) => self.webhooks.post(url, notice).await,
            (None, Some(to)) => match &self.mailer {
                Some(mailer) => mailer.notify(to, notice).await,
                None => Err(NO_MAIL.to_owned()),
            },
            (None, None) => Err("the alert does not say where its notices go".to_owned()),
        }
    }

    async fn mail(&self, to: &Email, subject: &str, text: &str) -> Result<(), String> {
        match &self.mailer {
            Some(mailer) => mailer.send(to, subject, text, &format!("{:032x}", rand::random::<u128>())).await,
            None => Err(NO_MAIL.to_owned()),
        }
    }
}
