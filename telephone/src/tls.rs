//! TLS for both directions a telephone dials: the switchboard and the local server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::net::Socket;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with additional roots cannot be read or holds no certificate.
    #[error("--ca-file {path}: {reason}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no root certificates and no file was given either.
    #[error("no root certificates were found on this system; install them (ca-certificates) or give --ca-file")]
    NoRoots,
    /// The TLS library refused the settings.
    #[error("TLS could not be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// What a client of TLS trusts.
#[derive(Clone)]
pub(crate) struct Tls {
    /// Offers HTTP/1.1 alone: only there a connection can switch to another protocol.
    http1: TlsConnector,
    /// Offers HTTP/2, too.
    both: TlsConnector,
}

impl Tls {
    /// Trusts the system's roots and those in `ca_file`.
    pub(crate) fn verifying(ca_file: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "a root certificate of the system cannot be read");
        }
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = ca_file {
            add_file(&mut roots, path)?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        let config = builder()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self::of(config))
    }

    /// Trusts whatever the server shows (`--insecure`).
    pub(crate) fn unverified() -> Result<Self, TlsError> {
        let verifier = Arc::new(Unverified(Arc::new(ring::default_provider())));
        let config = builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(Self::of(config))
    }

    fn of(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = TlsConnector::from(Arc::new(config.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { http1, both: TlsConnector::from(Arc::new(config)) }
    }

    /// Makes a connection to `host` secure, over which HTTP/1.1 is spoken.
    pub(crate) async fn connect(&self, host: &str, socket: Socket) -> io::Result<Socket> {
        Ok(Box::new(connect(&self.http1, host, socket).await?))
    }

    /// The same, with the server's certificate.
    #[cfg(feature = "cli")]
    pub(crate) async fn connect_shown(
        &self,
        host: &str,
        socket: Socket,
    ) -> io::Result<(Socket, Option<CertificateDer<'static>>)> {
        let stream = connect(&self.http1, host, socket).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
        let certificate = shown.map(CertificateDer::into_owned);
        Ok((Box::new(stream), certificate))
    }

    /// The same; whether HTTP/2 is spoken over it is for the server to choose.
    pub(crate) async fn connect_either(&self, host: &str, socket: Socket) -> io::Result<(Socket, bool)> {
        let stream = connect(&self.both, host, socket).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), http2))
    }
}

async fn connect(connector: &TlsConnector, host: &str, socket: Socket) -> io::Result<TlsStream<Socket>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    connector.connect(name, socket).await
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// What to do about a handshake that failed, as the end of a sentence; empty when nobody knows.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            // An authority that was made anew under its old name has another signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "; nobody this machine trusts has signed its certificate. If you run the authority that has, give its \
                 certificate with --ca-file"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "; give the server's address with a name that its certificate is for, or get it one for this name"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "; have the server's certificate renewed, or set this machine's clock right"
            }
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

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TlsError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let error = |reason: String| TlsError::CaFile { path: path.to_owned(), reason };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|cause| error(format!("cannot be read as PEM certificates: {cause}")))?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 { Err(error("holds no certificate".to_owned())) } else { Ok(()) }
}

/// Accepts every certificate, yet still checks that the server holds its key.
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
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
