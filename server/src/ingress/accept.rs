//! Accepting connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http1::server::Stop;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::connection;
use super::{DataPlane, Handler};

/// How much the kernel takes for a client beyond what is already on its way, bytes.
#[cfg(any(target_os = "android", target_os = "linux"))]
const MAX_UNSENT: u32 = 128 * 1024;

/// What a client may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// From accepting a connection, or from the first byte of a later request, to a complete head.
    pub head: Duration,
    /// From one request to the next, and how long a client may take nothing of what is sent.
    pub idle: Duration,
}

/// A bound listener that does not accept yet.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    address: SocketAddr,
}

impl Acceptor {
    /// Takes the address. Connections queue in the kernel until [`run`](Self::run).
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for the last connections of the process before it (TIME_WAIT).
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        // Accepted sockets inherit it: nothing that is written waits for more to come.
        socket.set_tcp_nodelay(true)?;
        // And this: with the megabytes that the kernel would take for each client that does not read, a few hundred of
        // them slow down every connection of the machine.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        socket.set_tcp_notsent_lowat(MAX_UNSENT)?;
        socket.bind(&address.into())?;
        socket.listen(4096)?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address it has, with the real port where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `stop`, and has each connection served on the data plane thread where it [belongs](Handler::home).
    /// Connections then go on until their request is answered; `tracker` knows them.
    ///
    /// One task accepts for all threads: with a listener each (`SO_REUSEPORT`) the kernel spreads connections by a
    /// hash, which knows nothing of where they belong, and a second process could share the port unnoticed.
    pub async fn run(
        self,
        plane: Arc<DataPlane>,
        handler: impl Handler,
        limits: Limits,
        tracker: TaskTracker,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let first = plane.first().clone();
        let shared = Arc::new(connection::Shared { handler, limits, plane, tracker, stop: Stop::default() });
        let connections = shared.clone();
        let accepting = first.spawn(async move {
            let ended = accept(self.listener, shared, stop).await;
            connections.stop.stop();
            ended
        });
        AbortOnDropHandle::new(accepting).await.map_err(io::Error::other)?
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<connection::Shared<impl Handler>>,
    stop: CancellationToken,
) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, for types that do not keep their descriptor; this one does"
    )]
    let listener = AsyncFd::with_interest(listener, Interest::READABLE)?;
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        // Beyond the limit nobody is accepted: clients wait in the kernel's queue instead of being turned away.
        let place = tokio::select! {
            biased;
            place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
            () = stop.cancelled() => return Ok(()),
        };
        let accepted = tokio::select! {
            biased;
            // Not registered with this thread's runtime yet: most of them are another's.
            accepted = listener.async_io(Interest::READABLE, TcpListener::accept) => accepted,
            () = stop.cancelled() => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => connection::begin(stream, peer, shared.clone(), place),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors or memory: what is open may end and free some.
                tracing::warn!(%error, "connections cannot be accepted for the moment; raise the limit of open files if this persists");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
