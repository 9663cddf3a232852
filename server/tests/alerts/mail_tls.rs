//! Mail that goes over TLS, to servers whose certificate is good and to others.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::answer::call;
use crate::browser::Browser;
use crate::certificates::Authority;
use crate::mail::{GREETING, Mail, serve};
use crate::receiver::{SOON, events};
use crate::support::{Programs, Switchboard, until, within};

/// When a mail server's connections become secure.
#[derive(Clone, Copy, Debug)]
enum Secure {
    FromTheFirstByte,
    WhenAsked,
    Never,
}

/// Takes mail over TLS; the port and what was handed over.
async fn mail_server(acceptor: TlsAcceptor, secure: Secure) -> (u16, mpsc::Receiver<Mail>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, mails) = mpsc::channel(100);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mail = match secure {
                Secure::FromTheFirstByte => greeted(&acceptor, stream).await,
                Secure::WhenAsked if wants_tls(&mut stream).await.is_some() => match acceptor.accept(stream).await {
                    Ok(stream) => serve(stream, false).await,
                    Err(_) => None,
                },
                Secure::WhenAsked => None,
                Secure::Never => {
                    stream.write_all(GREETING).await.unwrap();
                    serve(stream, false).await
                }
            };
            if let Some(mail) = mail {
                sender.send(mail).await.unwrap();
            }
        }
    });
    (port, mails)
}

async fn greeted(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<Mail> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    stream.write_all(GREETING).await.ok()?;
    serve(stream, false).await
}

/// Waits until it is asked for TLS (RFC 3207). Nothing else is to be said before, but who is there.
async fn wants_tls(stream: &mut TcpStream) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(GREETING).await.ok()?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.split([' ', '\r']).next()? {
            "EHLO" => stream.write_all(b"250-mail.test\r\n250 STARTTLS\r\n").await.ok()?,
            "STARTTLS" => return stream.write_all(b"220 begin\r\n").await.ok(),
            "QUIT" | "" => return None,
            _ => panic!("said in plain text: {line}"),
        }
    }
}

/// The file with an authority's certificate.
fn keep(authority: &Authority, folder: &Path) -> String {
    let path = folder.join("authority.pem");
    let text = STANDARD.encode(&authority.certificate);
    std::fs::write(&path, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).unwrap();
    path.display().to_string()
}

/// A server that trusts these authorities and sends its mail there.
async fn programs(authorities: &str, url: &str) -> Programs {
    let settings = [
        ("SSL_CERT_FILE", authorities),
        ("SWITCHBOARD_SMTP_URL", url),
        ("SWITCHBOARD_SMTP_PASSWORD", "secret word"),
        ("SWITCHBOARD_SMTP_FROM", "sb@example.com"),
    ];
    Programs::start_with(&settings).await
}

/// Has a notice mailed; the alert's id.
async fn notice(programs: &Programs) -> String {
    let client = programs.client();
    let rule = json!({"name": "a", "kind": "tunnel_offline", "email": "ops@example.org"});
    let made = call(&client, "POST", "/api/v1/alerts", rule).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(call(&client, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await.status, 202);
    id.to_owned()
}

fn url(secure: Secure, port: u16) -> String {
    let scheme = if matches!(secure, Secure::FromTheFirstByte) { "smtps" } else { "smtp" };
    format!("{scheme}://post%40example.com@localhost:{port}")
}

#[tokio::test]
async fn mail_and_password_go_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let trusted = keep(&authority, folder.path());
    for secure in [Secure::FromTheFirstByte, Secure::WhenAsked] {
        let (port, mut mails) = mail_server(authority.acceptor("localhost", &[]), secure).await;
        let programs = programs(&trusted, &url(secure, port)).await;
        let id = notice(&programs).await;
        let mail = within(SOON, "a mail", mails.recv()).await.unwrap();
        assert_eq!(mail.to, "RCPT TO:<ops@example.org>", "{secure:?}");
        let account = mail.signed_in.strip_prefix("AUTH PLAIN ").unwrap();
        assert_eq!(STANDARD.decode(account).unwrap(), b"\0post@example.com\0secret word");
        let client = programs.client();
        until(SOON, "it is delivered", async || events(&client, &id).await[0]["delivery"] == "delivered").await;
    }
}

#[tokio::test]
async fn nothing_is_mailed_to_whom_nobody_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let trusted = keep(&authority, folder.path());
    for (acceptor, secure, why) in [
        (stranger.acceptor("localhost", &[]), Secure::FromTheFirstByte, "invalid peer certificate"),
        (stranger.acceptor("localhost", &[]), Secure::WhenAsked, "invalid peer certificate"),
        (authority.acceptor("other.example.com", &[]), Secure::WhenAsked, "not valid for name"),
        (authority.acceptor("localhost", &[]), Secure::Never, "STARTTLS is not supported"),
    ] {
        let (port, mut mails) = mail_server(acceptor, secure).await;
        let programs = programs(&trusted, &url(secure, port)).await;
        let id = notice(&programs).await;
        let client = programs.client();
        until(SOON, "it has failed", async || !events(&client, &id).await[0]["last_error"].is_null()).await;
        let event = &events(&client, &id).await[0];
        let said = event["last_error"].as_str().unwrap();
        assert!(said.starts_with("the mail was not taken: ") && said.contains(why), "{secure:?}: {said}");
        assert_ne!(event["delivery"], "delivered");
        let mut browser =
            Browser { client: client.clone().bearer(""), origin: programs.url(), cookie: None, journey: None };
        let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
        browser.submit("/web/action/sign_in", &account).await;
        let page = browser.open(&format!("/web/alerts/{id}")).await.body;
        assert!(page.contains(why), "{page}");
        assert!(mails.try_recv().is_err(), "{secure:?}");
    }
}
