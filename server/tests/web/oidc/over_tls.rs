//! A provider that is reached over TLS, whose certificate is of an authority of one's own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::setup::there_and_back;
use crate::browser::Browser;
use crate::certificates::Authority;
use crate::support::{Programs, Provider};

/// A provider behind what ends TLS in front of it.
async fn secured(acceptor: TlsAcceptor) -> (Provider, AbortOnDropHandle<()>) {
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://localhost:{}", front.local_addr().unwrap().port());
    let provider = Provider::called(&issuer, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let behind = provider.address;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = front.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Whoever does not believe the certificate leaves.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(behind).await.unwrap();
                copy_bidirectional(&mut stream, &mut behind).await.ok();
            });
        }
    });
    (provider, AbortOnDropHandle::new(task))
}

/// A server by which people sign in there, and which trusts what is in this file.
async fn programs(provider: &Provider, trusted: &str) -> Programs {
    let settings = provider.settings();
    let mut settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    settings.extend([("SSL_CERT_FILE", trusted), ("SWITCHBOARD_OIDC_SIGN_UP", "anyone")]);
    Programs::start_with(&settings).await
}

fn browser(programs: &Programs) -> Browser {
    Browser { client: programs.client().bearer(""), origin: programs.url(), cookie: None, journey: None }
}

#[tokio::test]
async fn a_provider_is_believed_whose_certificate_is() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let path = folder.path().join("authority.pem");
    let text = BASE64_STANDARD.encode(&authority.certificate);
    std::fs::write(&path, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).unwrap();
    let trusted = path.display().to_string();

    let (provider, _tls) = secured(authority.acceptor("localhost", &["http/1.1"])).await;
    let programs_of_it = programs(&provider, &trusted).await;
    let mut grace = browser(&programs_of_it);
    let back = there_and_back(&mut grace, &provider, "/web/login/oidc").await;
    let mut again = grace.clone();
    assert_eq!(grace.open(&back).await.goes_to(), "/web");
    assert_eq!(grace.open("/web").await.status, 200);
    // Its code was used.
    let refused = again.open(&back).await;
    assert!(refused.goes_to().starts_with("/web/login?error="), "{refused:?}");
    for (outcome, count) in [("done", 1.0), ("refused", 1.0), ("continued", 0.0), ("failed", 0.0)] {
        let figure = format!("switchboard_sign_ins_total{{method=\"provider\",outcome=\"{outcome}\"}}");
        assert_eq!(programs_of_it.figure(&figure).await, count, "{figure}");
    }

    // The same name, and nobody whom the server trusts vouches for it; somebody trusted, and another name.
    for acceptor in [stranger.acceptor("localhost", &[]), authority.acceptor("other.example.com", &[])] {
        let (provider, _tls) = secured(acceptor).await;
        let programs = programs(&provider, &trusted).await;
        let sent = browser(&programs).open("/web/login/oidc").await;
        assert!(sent.goes_to().starts_with("/web/login?error="), "{sent:?}");
        assert_eq!(provider.asked("/.well-known/openid-configuration"), 0);
    }
}
