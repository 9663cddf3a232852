//! What a process is started with.

use std::env;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;

use listenfd::ListenFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Moving, READY, SOCKET};

/// What whoever started this process has handed to it; nothing by default.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Where to serve.
    pub listener: Option<TcpListener>,
    /// Where to show metrics.
    pub metrics: Option<TcpListener>,
    /// The process that serves until this one is ready.
    pub predecessor: Option<Predecessor>,
}

impl Inherited {
    /// By `LISTEN_FDS`: the first socket is the one to serve on, the second, if any, is for metrics.
    ///
    /// # Errors
    /// When what is handed over is no TCP socket.
    pub fn of_environment() -> io::Result<Self> {
        let mut sockets = ListenFd::from_env();
        let predecessor = env::var_os(SOCKET).map(|socket| Predecessor { socket: socket.into() });
        Ok(Self { listener: sockets.take_tcp_listener(0)?, metrics: sockets.take_tcp_listener(1)?, predecessor })
    }
}

/// The process that serves until this one is ready.
#[derive(Debug)]
pub struct Predecessor {
    socket: PathBuf,
}

impl Predecessor {
    /// Says that this process is ready, and waits until the other one accepts no more, which is so at the latest when it has
    /// ended. What it returns is for the telephones that are there still, if there are any.
    pub async fn relieve(self) -> Option<Moving> {
        let relieved = async {
            let mut socket = UnixStream::connect(&self.socket).await?;
            socket.write_u8(READY).await?;
            socket.read_u8().await?;
            Ok::<_, io::Error>(Moving::new(socket))
        };
        let gone = |error: &io::Error| tracing::debug!(%error, "the process before this one is gone, and its telephones with it");
        relieved.await.inspect_err(gone).ok()
    }
}
