//! Notices by e-mail, to a server that speaks SMTP.

use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::answer::{OPEN, call, member};
use crate::receiver::{SOON, events};
use crate::support::{Origin, Switchboard, full, until, within};

/// A mail, as it was handed over.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    /// Who signed in, as it was said; empty when nobody did.
    pub(crate) signed_in: String,
}

/// What a mail server says first.
pub(crate) const GREETING: &[u8] = b"220 mail.test ESMTP\r\n";

/// Takes mail (RFC 5321); the first is refused for the time being.
async fn mail_server() -> (String, mpsc::Receiver<Mail>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
    let (sender, mails) = mpsc::channel(100);
    tokio::spawn(async move {
        let mut is_first = true;
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever has left is noticed by what follows.
            stream.write_all(GREETING).await.ok();
            if let Some(mail) = serve(stream, std::mem::take(&mut is_first)).await {
                // The test may be over.
                sender.send(mail).await.ok();
            }
        }
    });
    (url, mails)
}

/// Takes mail from a client that was greeted.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, refuse: bool) -> Option<Mail> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to, mut signed_in, mut mail) = (String::new(), String::new(), String::new(), None);
    let mut line = String::new();
    while {
        line.clear();
        stream.read_line(&mut line).await.ok()? > 0
    } {
        let answer = match line.split([' ', '\r']).next()?.to_ascii_uppercase().as_str() {
            "EHLO" => "250-mail.test\r\n250 AUTH PLAIN\r\n",
            "AUTH" => {
                signed_in = line.trim_end().to_owned();
                "235 good\r\n"
            }
            "MAIL" if refuse => "451 not now\r\n",
            "MAIL" => {
                from = line.trim_end().to_owned();
                "250 good\r\n"
            }
            "RCPT" => {
                to = line.trim_end().to_owned();
                "250 good\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while {
                    line.clear();
                    stream.read_line(&mut line).await.ok()? > 0
                } && line != ".\r\n"
                {
                    text.push_str(&line);
                }
                mail = Some(Mail { from: from.clone(), to: to.clone(), text, signed_in: signed_in.clone() });
                "250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.ok()?;
                break;
            }
            _ => "250 good\r\n",
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
    mail
}

#[tokio::test]
async fn too_many_errors_are_mailed() {
    let (url, mut mails) = mail_server().await;
    let settings = [("SWITCHBOARD_SMTP_URL", url.as_str()), ("SWITCHBOARD_SMTP_FROM", "Switchboard <sb@example.com>")];
    let switchboard = Switchboard::start_with(&settings).await;
    let failing = Origin::start(|_| {
        std::future::ready(Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body(full("")).unwrap())
    });
    let failing = failing.await;
    let _telephone = switchboard.telephone("shop", &failing).await;
    let client = switchboard.client();
    let rule = json!({"name": "shop fails", "kind": "error_share", "limit": 0.05, "for_seconds": 0,
        "tunnel_id": switchboard.tunnel("shop").await["id"], "email": "ops@example.org"});
    let made = call(&client, "POST", "/api/v1/alerts", rule).await;
    assert_eq!((made.status, &made.json["secret"]), (201, &Value::Null), "{made:?}");
    for _ in 0..10 {
        assert_eq!(switchboard.visitor("shop").text("/").await.0, 500);
    }
    let Mail { from, to, text, .. } = within(SOON, "a mail", mails.recv()).await.unwrap();
    assert_eq!((from.as_str(), to.as_str()), ("MAIL FROM:<sb@example.com>", "RCPT TO:<ops@example.org>"));
    for part in ["Subject: [Switchboard] Alert: shop fails\r\n", "To: ops@example.org\r\n", "100.0 % were errors"] {
        let unfolded = text.replace("=\r\n", "");
        assert!(unfolded.contains(part), "{part} in {text}");
    }
    let id = made.json["id"].as_str().unwrap();
    until(SOON, "it is noted", async || events(&client, id).await[0]["delivery"] == "delivered").await;
    assert_eq!(events(&client, id).await[0]["attempts"], 2);
}

#[tokio::test]
async fn members_have_notices_mailed_to_themselves_only() {
    let (url, mut mails) = mail_server().await;
    let settings = [OPEN[0], ("SWITCHBOARD_SMTP_URL", &url), ("SWITCHBOARD_SMTP_FROM", "sb@example.com")];
    let switchboard = Switchboard::start_with(&settings).await;
    let bob = member(&switchboard).await;
    let rule = |email: &str| json!({"name": "a", "kind": "tunnel_offline", "email": email});
    let refused = call(&bob, "POST", "/api/v1/alerts", rule("victim@example.org")).await;
    assert_eq!(refused.at_fault(), (422, "email"));
    let made = call(&bob, "POST", "/api/v1/alerts", rule("bob@example.com")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(call(&bob, "POST", &format!("/api/v1/alerts/{id}/test"), Value::Null).await.status, 202);
    let mail = within(SOON, "a mail", mails.recv()).await.unwrap();
    assert_eq!(mail.to, "RCPT TO:<bob@example.com>");
    assert!(mail.text.contains("Subject: [Switchboard] Test: a\r\n"), "{}", mail.text);

    let without = Switchboard::start().await;
    let refused = call(&without.client(), "POST", "/api/v1/alerts", rule(Switchboard::EMAIL)).await;
    assert_eq!(refused.refusal(), (409, "no_mail"));
}

#[tokio::test]
async fn an_invitation_is_mailed() {
    let (url, mut mails) = mail_server().await;
    let settings = [("SWITCHBOARD_SMTP_URL", url.as_str()), ("SWITCHBOARD_SMTP_FROM", "sb@example.com")];
    let switchboard = Switchboard::start_with(&settings).await;
    let client = switchboard.client();
    let refused = call(&client, "POST", "/api/v1/invitations", json!({"email": "bob@example.org"})).await;
    assert_eq!((refused.status, &refused.json["mailed"]), (201, &json!(false)), "the link is there all the same");
    let made = call(&client, "POST", "/api/v1/invitations", json!({"email": "bob@example.org"})).await;
    assert_eq!((made.status, &made.json["mailed"]), (201, &json!(true)));
    let Mail { to, text, .. } = within(SOON, "a mail", mails.recv()).await.unwrap();
    assert_eq!(to, "RCPT TO:<bob@example.org>");
    let unfolded = text.replace("=\r\n", "").replace("=3D", "=");
    assert!(unfolded.contains(made.json["link"].as_str().unwrap()), "{unfolded}");
}
