//! The process that comes after this one.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping, FdMappingCollision};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};

use super::{GO, SOCKET, Wanted};

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(120);
/// The number of the first descriptor that is handed over (sd_listen_fds(3)).
const FIRST: i32 = 3;

/// A process that is ready to serve in this one's place.
#[derive(Debug)]
pub struct Successor {
    child: Child,
    socket: UnixStream,
    _folder: TempDir,
}

/// Why there is none; this process goes on.
#[derive(Debug, thiserror::Error)]
pub enum SuccessorError {
    /// It could not be started.
    #[error("it could not be started: {0}")]
    Io(#[from] io::Error),
    /// The sockets could not be given to it.
    #[error("the sockets could not be handed over: {0}")]
    Sockets(#[from] FdMappingCollision),
    /// It ended instead.
    #[error("it ended before it was ready ({0})")]
    Ended(ExitStatus),
    /// It took too long.
    #[error("it was not ready within {} s", PATIENCE.as_secs())]
    Late,
}

impl Successor {
    /// Starts `program` with the arguments of this process and with these sockets, and waits until it is ready.
    ///
    /// # Errors
    /// See [`SuccessorError`]; it has ended then.
    pub async fn start(program: &Path, sockets: Vec<OwnedFd>) -> Result<Self, SuccessorError> {
        // Nobody else may say that it is ready.
        let folder = tempfile::Builder::new().prefix("switchboard-").tempdir()?;
        let path = folder.path().join("handover");
        let listener = UnixListener::bind(&path)?;
        let mut command = Command::new(program);
        command.args(env::args_os().skip(1)).env(SOCKET, &path);
        command.env("LISTEN_FDS", sockets.len().to_string()).env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES");
        let numbered = (FIRST..).zip(sockets).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(numbered.collect())?;
        let mut child = command.spawn()?;
        let ready = async {
            let (mut socket, _) = listener.accept().await?;
            socket.read_u8().await?;
            Ok::<_, io::Error>(socket)
        };
        let refused = tokio::select! {
            ready = ready => match ready {
                Ok(socket) => return Ok(Self { child, socket, _folder: folder }),
                Err(error) => error.into(),
            },
            ended = child.wait() => return Err(SuccessorError::Ended(ended?)),
            () = tokio::time::sleep(PATIENCE) => SuccessorError::Late,
        };
        child.kill().await?;
        Err(refused)
    }

    /// Its number.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system does not tell.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Tells it to accept; what it asks for then, unless it is gone.
    pub async fn take_over(mut self) -> Option<Wanted> {
        match self.socket.write_u8(GO).await {
            Ok(()) => Some(Wanted::new(self.socket)),
            Err(error) => {
                tracing::warn!(%error, "the next process does not listen");
                None
            }
        }
    }
}
