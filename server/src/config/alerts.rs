//! How alerts get out.

use lettre::message::Mailbox;
use server_core::Secret;
use url::Url;

use super::{reader::Reader, setting};

/// How alerts get out.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// `smtp_url`, `smtp_from`, `smtp_password`: who sends mail; `None`: nobody does.
    pub smtp: Option<Smtp>,
}

/// A server that takes mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is made secure.
    pub security: SmtpSecurity,
    /// Who signs in; nobody without.
    pub user: Option<String>,
    /// With what.
    pub password: Option<Secret>,
    /// Whom mail is from.
    pub from: Mailbox,
}

/// How a connection to a mail server is made secure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// With TLS from its first byte (RFC 8314).
    Tls,
    /// With TLS once the server was asked for it (RFC 3207); without it nothing is sent.
    StartTls,
    /// Not at all.
    None,
}

impl Alerts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let from = reader.take_optional(&setting::SMTP_FROM, mailbox);
        let password = reader.take_optional(&setting::SMTP_PASSWORD, |text| Ok(Secret::new(text)));
        let server = reader.take_optional(&setting::SMTP_URL, server);
        let smtp = match (server, from) {
            (Some((url, security)), Some(from)) => {
                let user = user(&url);
                if user.is_some() != password.is_some() {
                    let problem = "a user in smtp_url and smtp_password belong together; give both or neither";
                    reader.refuse(&setting::SMTP_URL, problem.to_owned());
                }
                let port = url.port().unwrap_or(match security {
                    SmtpSecurity::Tls => 465,
                    SmtpSecurity::StartTls => 587,
                    SmtpSecurity::None => 25,
                });
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                Some(Smtp { host, port, security, user, password, from })
            }
            (Some(_), None) => {
                let problem = "say with smtp_from whom mail is from, such as switchboard@example.com";
                reader.refuse(&setting::SMTP_URL, problem.to_owned());
                None
            }
            (None, _) => None,
        };
        Self { smtp }
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is not an address of e-mail; write switchboard@example.com or Switchboard <switchboard@example.com>")
    })
}

fn user(url: &Url) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), url.username().as_bytes());
    while let [first, others @ ..] = rest {
        match domain::percent::decode(rest) {
            Some(byte) => (bytes.push(byte), rest = &rest[3..]).1,
            None => (bytes.push(*first), rest = others).1,
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|user| !user.is_empty())
}

/// The errors repeat nothing, since people write passwords there.
fn server(text: &str) -> Result<(Url, SmtpSecurity), String> {
    let example =
        "write it like smtp://user@mail.example.com:587, smtps://mail.example.com or smtp://localhost:25?tls=none";
    let url = Url::parse(text).map_err(|error| format!("this is not a URL ({error}); {example}"))?;
    if url.password().is_some() {
        return Err("leave the password out and give it as smtp_password, which has no flag".to_owned());
    }
    let bare = matches!(url.path(), "" | "/") && url.fragment().is_none();
    if !bare || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("only a user, a host and a port may be given; {example}"));
    }
    match (url.scheme(), url.query()) {
        ("smtps", None) => Ok((url, SmtpSecurity::Tls)),
        ("smtp", None | Some("tls=starttls")) => Ok((url, SmtpSecurity::StartTls)),
        ("smtp", Some("tls=none")) => Ok((url, SmtpSecurity::None)),
        _ => Err(format!("use smtps, smtp or smtp with ?tls=none; {example}")),
    }
}
