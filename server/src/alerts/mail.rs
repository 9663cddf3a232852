//! Notices and other mail.

use std::time::Duration;

use domain::{AlertState, Email};
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use server_core::Notice;

use crate::config::{Smtp, SmtpSecurity};

/// How long each step of sending may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long all of them may take together.
const LIMIT: Duration = Duration::from_secs(25);

/// Hands mail to a server that sends it on.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    dashboard: String,
}

impl Mailer {
    /// Sends by this server; mails lead to the dashboard at `public_url`.
    ///
    /// # Errors
    /// When the certificates that the system trusts cannot be read.
    pub fn new(smtp: &Smtp, public_url: &url::Url) -> Result<Self, lettre::transport::smtp::Error> {
        let tls = match smtp.security {
            SmtpSecurity::Tls => Tls::Wrapper(TlsParameters::new_rustls(smtp.host.clone())?),
            SmtpSecurity::StartTls => Tls::Required(TlsParameters::new_rustls(smtp.host.clone())?),
            SmtpSecurity::None => Tls::None,
        };
        let name = public_url.host_str().unwrap_or("localhost").to_owned();
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.as_str())
            .port(smtp.port)
            .tls(tls)
            .hello_name(ClientId::Domain(name))
            .timeout(Some(PATIENCE));
        if let (Some(user), Some(password)) = (&smtp.user, &smtp.password) {
            let password = String::from_utf8_lossy(password.expose()).into_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        let dashboard = public_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { transport: builder.build(), from: smtp.from.clone(), dashboard })
    }

    /// Hands a notice to the server.
    pub(super) async fn notify(&self, to: &Email, notice: &Notice) -> Result<(), String> {
        let (event, alert) = (&notice.event, &notice.alert);
        let state = match event.state {
            AlertState::Firing => "Alert",
            AlertState::Recovered => "Recovered",
            AlertState::Test => "Test",
        };
        let text = format!(
            "{}\n\nSince: {}\nAlert: {}\nChange or end it: {}/web/alerts/{}\n",
            event.message,
            event.at.format("%Y-%m-%d %H:%M:%S UTC"),
            alert.name,
            self.dashboard,
            alert.id,
        );
        let id = format!("{}.{}", event.id, event.attempts);
        self.send(to, &format!("[Switchboard] {state}: {}", alert.name), &text, &id).await
    }

    /// Hands a mail to the server. `id` tells it apart from all others.
    pub(super) async fn send(&self, to: &Email, subject: &str, text: &str, id: &str) -> Result<(), String> {
        let address = to.as_str().parse().map_err(|error| format!("{to} cannot be mailed to: {error}"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(subject)
            .message_id(Some(format!("<{id}@switchboard>")))
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|error| format!("the mail cannot be written: {error}"))?;
        match tokio::time::timeout(LIMIT, Box::pin(self.transport.send(message))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the mail was not taken: {error}")),
            Err(_) => Err(format!("the mail server did not take the mail within {} s", LIMIT.as_secs())),
        }
    }
}
