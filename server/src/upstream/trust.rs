//! TLS to backends.

use std::io;
use std::sync::Arc;

use domain::BackendHost;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What is offered in the handshake, the best first (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// HTTP/2 or HTTP/1.1.
    Both,
    /// HTTP/1.1 alone: only there a connection can switch to another protocol.
    Http1,
}

/// Whose certificates are believed.
#[derive(Debug)]
pub struct Trust {
    roots: OnceCell<Arc<RootCertStore>>,
    verified: OnceCell<Connectors>,
    unverified: OnceCell<Connectors>,
}

/// One for each [`Offer`].
struct Connectors {
    both: TlsConnector,
    http1: TlsConnector,
}

impl Trust {
    /// The authorities that the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. They are read when the
    /// first backend needs them.
    pub fn of_system() -> Self {
        Self { roots: OnceCell::new(), verified: OnceCell::new(), unverified: OnceCell::new() }
    }

    /// These authorities and no others.
    pub fn of(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        Self { roots: OnceCell::new_with(Some(Arc::new(roots))), ..Self::of_system() }
    }

    /// Makes a connection to `host` secure. Its certificate is to be for `host`, unless `verify` is false: then any is
    /// taken, and whoever is on the way can read and change everything.
    pub(super) async fn connect(
        &self,
        host: &BackendHost,
        verify: bool,
        offer: Offer,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match host {
            BackendHost::Name(name) => ServerName::try_from(name.to_string()).map_err(io::Error::other)?,
            BackendHost::Ip(address) => ServerName::IpAddress((*address).into()),
        };
        let connectors = if verify { self.verified().await } else { self.unverified().await }?;
        let connector = if offer == Offer::Both { &connectors.both } else { &connectors.http1 };
        connector.connect(name, stream).await
    }

    async fn verified(&self) -> io::Result<&Connectors> {
        self.verified
            .get_or_try_init(async || {
                let roots = self.roots.get_or_try_init(load).await?.clone();
                Ok(Connectors::of(builder()?.with_root_certificates(roots).with_no_client_auth()))
            })
            .await
    }

    async fn unverified(&self) -> io::Result<&Connectors> {
        self.unverified
            .get_or_try_init(async || {
                let verifier = Arc::new(Unverified(Arc::new(ring::default_provider())));
                let config = builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
                Ok(Connectors::of(config))
            })
            .await
    }
}

impl Connectors {
    fn of(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = TlsConnector::from(Arc::new(config.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { both: TlsConnector::from(Arc::new(config)), http1 }
    }
}

impl std::fmt::Debug for Connectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connectors")
    }
}

/// Reads the system's authorities, which takes some milliseconds.
async fn load() -> io::Result<Arc<RootCertStore>> {
    let native = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await?;
    for error in &native.errors {
        tracing::debug!(%error, "a root certificate of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        return Err(io::Error::other(
            "no root certificates were found on this system; install them (ca-certificates), or name a file of them in SSL_CERT_FILE",
        ));
    }
    Ok(Arc::new(roots))
}

fn builder() -> io::Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)
}

/// What to do about a handshake that failed, as the end of a sentence; empty when nobody knows.
pub(super) fn advice(error: &io::Error) -> &'static str {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            // An authority that was made anew under its old name has another signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "; nobody this machine trusts has signed its certificate: give it one that is, or switch verification off for this backend"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "; give the backend's address with a name that its certificate is for"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "; have its certificate renewed",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "; set this machine's clock right"
            }
            _ => "",
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            "; what answers there does not speak TLS: is it the right port, or is the address one with http://?"
        }
        _ => "",
    }
}

/// Accepts every certificate, yet still checks that the server holds its key. Whoever stands between the switchboard and
/// the backend can pretend to be the backend: only for networks in which nobody can.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
