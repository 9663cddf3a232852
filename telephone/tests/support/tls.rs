//! TLS in front of a hub, as a reverse proxy does it, with certificates of the test's own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// Its own certificate, for those who are to trust it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for `name`, with its key.
    fn sign(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), key.into())
    }
}

/// Ends TLS and passes the rest on; dropping it closes it with all its connections.
pub struct Terminator {
    pub port: u16,
    connections: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Terminator {
    /// In front of the server at `to`, with a certificate of `authority` for `name`.
    pub async fn start(authority: &Authority, name: &str, to: &str) -> Self {
        Self::preferring(&[], authority, name, to).await
    }

    /// The same, which agrees on the first of these protocols that is offered (RFC 7301).
    pub async fn preferring(protocols: &[&str], authority: &Authority, name: &str, to: &str) -> Self {
        let (certificate, key) = authority.sign(name);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, to) = (connections.clone(), to.to_owned());
        let task = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                passing.spawn(pass(acceptor.clone(), stream, to.clone()));
            }
        });
        Self { port, connections, _task: AbortOnDropHandle::new(task) }
    }

    /// Where it is, under the name that leads to this machine.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// How often it was dialled.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn pass(acceptor: TlsAcceptor, stream: TcpStream, to: String) {
    // Whoever does not like the certificate goes away again.
    let Ok(mut secure) = acceptor.accept(stream).await else { return };
    let mut behind = TcpStream::connect(to).await.unwrap();
    let _ended = copy_bidirectional(&mut secure, &mut behind).await;
}
