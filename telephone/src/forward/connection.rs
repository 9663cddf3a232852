use std::io;
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::Forwarder;
use crate::line::RecvBody;
use crate::net::{Socket, connect_tcp, too_slow};
use crate::target::Target;

/// How long the local server may take to accept a connection, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connection to the local server. Dropping it closes the socket at once, whatever is in flight on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<RecvBody>,
    task: AbortOnDropHandle<()>,
}

impl Forwarder {
    /// Opens a fresh connection.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        let socket = timeout(CONNECT_LIMIT, self.dial()).await.map_err(|_| too_slow("connecting", CONNECT_LIMIT))??;
        let (sender, connection) = Builder::new()
            .max_headers(wire::head::MAX_HEADERS)
            .max_buf_size(64 * 1024)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(io::Error::other)?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "the connection to the local server broke");
            }
        });
        Ok(Connection { sender, task: AbortOnDropHandle::new(task) })
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

impl Connection {
    /// Lets the connection's task live on by itself: it has handed its socket over to an upgrade and is done.
    pub(super) fn detach(self) {
        drop(self.task.detach());
    }
}
