//! From a backend's address to an open connection.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{BackendAddress, BackendHost, BackendScheme, Hostname};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::error::ConnectError;
use super::names::{Found, NameError, Names};
use super::socket::Socket;
use super::tcp;
use super::trust::{Offer, Trust, advice};
use super::{ConnectPolicy, PolicyError};

/// How soon a name that could not be looked up is looked up again.
const RETRY: Duration = Duration::from_secs(1);
/// How long name servers have to say where a backend is of which it is known where it was, and how soon they are asked
/// again if they do not.
const REFRESH: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// The version of HTTP that a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// Opens connections to one backend.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) address: BackendAddress,
    pub(super) verify: bool,
    pub(super) policy: ConnectPolicy,
    pub(super) names: Arc<Names>,
    pub(super) trust: Arc<Trust>,
    /// What the name of the backend stands for. Whoever wants to know waits for the one who asks.
    pub(super) known: Mutex<Option<Known>>,
}

/// The last answer, and until when it is used.
#[derive(Debug)]
pub(super) struct Known {
    answer: Result<Arc<[IpAddr]>, NameError>,
    until: Instant,
}

impl Dial {
    /// Opens a connection. The caller sets the deadline.
    pub(super) async fn open(&self, offer: Offer) -> Result<(Socket, Version), ConnectError> {
        let (scheme, host, port) = match &self.address {
            BackendAddress::Unix(path) => return Ok((self.open_unix(path.as_ref()).await?, Version::Http1)),
            BackendAddress::Tcp { scheme, host, port } => (scheme, host, *port),
        };
        let stream = match host {
            BackendHost::Ip(address) => tcp::connect(&[SocketAddr::new(*address, port)], &self.policy).await?,
            BackendHost::Name(name) => self.open_named(name, port).await?,
        };
        match scheme {
            BackendScheme::Http => Ok((Socket::Tcp(stream), Version::Http1)),
            BackendScheme::H2c => Ok((Socket::Tcp(stream), Version::Http2)),
            BackendScheme::Https => {
                let secured = self.trust.connect(host, self.verify, offer, stream).await;
                let stream = secured.map_err(|cause| ConnectError::Tls { advice: advice(&cause), cause })?;
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Ok((Socket::Tls(Box::new(stream)), if h2 { Version::Http2 } else { Version::Http1 }))
            }
        }
    }

    /// Why it may not be connected to, if that is known without asking a name server: what is written tells, or what the
    /// name was found to stand for.
    pub(super) fn refusal(&self) -> Option<PolicyError> {
        if let Err(refused) = self.policy.check_written(&self.address) {
            return Some(refused);
        }
        let BackendAddress::Tcp { host: BackendHost::Name(_), port, .. } = &self.address else { return None };
        // Whoever looks the name up right now will tell soon.
        let known = self.known.try_lock().ok()?;
        let addresses = known.as_ref()?.answer.as_ref().ok()?;
        let refused = |ip: &IpAddr| self.policy.check(SocketAddr::new(*ip, *port)).err();
        addresses.iter().map(refused).collect::<Option<Vec<_>>>()?.pop()
    }

    #[cfg(unix)]
    async fn open_unix(&self, path: &Path) -> Result<Socket, ConnectError> {
        self.policy.check_unix()?;
        let opened = tokio::net::UnixStream::connect(path).await;
        opened.map(Socket::Unix).map_err(|cause| ConnectError::Io { to: self.address.to_string(), cause })
    }

    #[cfg(not(unix))]
    async fn open_unix(&self, _: &Path) -> Result<Socket, ConnectError> {
        let cause = std::io::Error::new(std::io::ErrorKind::Unsupported, "this system has no Unix sockets");
        Err(ConnectError::Io { to: self.address.to_string(), cause })
    }

    /// Addresses change hands: when nobody answers at those of a while ago, the name is looked up anew.
    async fn open_named(&self, name: &Hostname, port: u16) -> Result<tokio::net::TcpStream, ConnectError> {
        let began = Instant::now();
        let addresses = self.look_up(name, None).await?;
        let error = match tcp::connect(&with_port(&addresses, port), &self.policy).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let renewed = self.look_up(name, Some((&addresses, began))).await?;
        if renewed == addresses {
            return Err(error);
        }
        tcp::connect(&with_port(&renewed, port), &self.policy).await
    }

    /// What `name` stands for, asked for anew if the last answer is too old, or is the one that has `failed` and is older
    /// than the attempt.
    async fn look_up(
        &self,
        name: &Hostname,
        failed: Option<(&Arc<[IpAddr]>, Instant)>,
    ) -> Result<Arc<[IpAddr]>, ConnectError> {
        let mut known = self.known.lock().await;
        let now = Instant::now();
        let usable = known.as_ref().filter(|known| match (&known.answer, failed) {
            (Ok(answer), Some((addresses, _))) => !Arc::ptr_eq(answer, addresses),
            _ => known.until > now,
        });
        if let Some(known) = usable {
            return Ok(known.answer.clone()?);
        }
        let before = known.as_ref().and_then(|known| known.answer.clone().ok());
        let patience = if before.is_some() { REFRESH.0 } else { Duration::MAX };
        let answer = match (timeout(patience, self.names.look_up(name)).await, before) {
            (Ok(Ok(Found { addresses, until })), _) => Known { answer: Ok(addresses.into()), until },
            // Name servers that do not answer are no reason to forget where the backend was.
            (Err(_) | Ok(Err(NameError::Failed(..))), Some(before)) => {
                tracing::debug!(%name, "the name could not be looked up; its addresses of before are used");
                Known { answer: Ok(before), until: Instant::now() + REFRESH.1 }
            }
            (Ok(Err(error)), _) => Known { answer: Err(error), until: Instant::now() + RETRY },
            // Nobody waits for ever.
            (Err(_), None) => return Err(ConnectError::NoAddress),
        };
        Ok(known.insert(answer).answer.clone()?)
    }
}

fn with_port(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addresses.iter().map(|address| SocketAddr::new(*address, port)).collect()
}
