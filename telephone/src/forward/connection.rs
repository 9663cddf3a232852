use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::Forwarder;
use crate::net::{Socket, connect_tcp, too_slow};
use crate::target::Target;

/// How long the local server may take to accept a connection, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connection to the local server on which no request is under way.
pub(super) type Connection = http1::client::Connection<Socket>;

impl Forwarder {
    /// Opens a fresh connection.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        let socket = timeout(CONNECT_LIMIT, self.dial()).await.map_err(|_| too_slow("connecting", CONNECT_LIMIT))??;
        Ok(Connection::new(socket))
    }

    async fn dial(&self) -> io::Result<Socket> {
        match &self.target {
            Target::Tcp { host, port, .. } => {
                let socket: Socket = Box::new(connect_tcp(host, *port, CONNECT_LIMIT).await?);
                match &self.tls {
                    Some(tls) => tls.connect(host, socket).await,
                    None => Ok(socket),
                }
            }
            #[cfg(unix)]
            Target::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Target::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets")),
        }
    }
}
