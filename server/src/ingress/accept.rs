//! Accepting connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http1::server::Stop;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::connection::{self, Shared};
use super::places::Places;
use super::{DataPlane, Handler};
use crate::handover::Wanted;

/// How much the kernel takes for a client beyond what is already on its way, bytes.
#[cfg(any(target_os = "android", target_os = "linux"))]
const MAX_UNSENT: u32 = 128 * 1024;

/// How long whoever there is no place for may take to say what it wants, and to read that it cannot have it.
const SPARE_HEAD: Duration = Duration::from_secs(2);
const SPARE_IDLE: Duration = Duration::from_secs(5);

/// What a client may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From accepting a connection, or from the first byte of a later request, to a complete head.
    pub head: Duration,
    /// From one request to the next, and how long a client may take nothing of what is sent.
    pub idle: Duration,
}

impl Limits {
    /// Those of a connection that there is no place for: it is there to be told so.
    fn of_spare(self) -> Self {
        Self { head: self.head.min(SPARE_HEAD), idle: self.idle.min(SPARE_IDLE) }
    }
}

/// For how long those who were accepted and have not asked for anything may do so when nobody is accepted any more.
const FIRST_REQUESTS: Duration = Duration::from_secs(3);

/// How accepting comes to its end.
#[derive(Clone, Debug, Default)]
pub struct Departure {
    /// What its connections are told.
    pub connections: Arc<Stop>,
    /// Ends it.
    pub stop: CancellationToken,
    /// Nobody is accepted any more.
    pub stopped: CancellationToken,
    /// Where to hear what the next process asks for, when there is one.
    next: Arc<Mutex<Option<oneshot::Receiver<Wanted>>>>,
}

impl Departure {
    /// For whom there is no next process.
    pub fn when(stop: CancellationToken) -> Self {
        Self { stop, ..Self::default() }
    }

    /// There is a next process. What it asks for is to be sent to what this returns.
    pub fn hand_over(&self) -> oneshot::Sender<Wanted> {
        let (sender, receiver) = oneshot::channel();
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
        sender
    }

    /// What the next process asks for, when there is one that does.
    pub async fn wanted(&self) -> Option<Wanted> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        next?.await.ok()
    }
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

    /// Takes a socket that listens already.
    pub fn adopt(listener: TcpListener) -> io::Result<Self> {
        let socket = SockRef::from(&listener);
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        #[cfg(any(target_os = "android", target_os = "linux"))]
        socket.set_tcp_notsent_lowat(MAX_UNSENT)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The same socket once more, for the process that comes after this one.
    pub fn socket(&self) -> io::Result<OwnedFd> {
        Ok(self.listener.try_clone()?.into())
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
        places: Arc<Places>,
        tracker: TaskTracker,
        departure: Departure,
    ) -> io::Result<()> {
        let first = plane.first().clone();
        let Departure { connections: ends, stop, stopped, .. } = departure;
        let (handler, unanswered) = (Arc::new(handler), TaskTracker::new());
        let shared = Shared {
            handler,
            limits,
            plane,
            tracker,
            stop: ends.clone(),
            unanswered: unanswered.clone(),
            spare: false,
        };
        let spare = Shared { limits: limits.of_spare(), spare: true, ..shared.clone() };
        let served = Served { usual: Arc::new(shared), spare: Arc::new(spare), places };
        let accepting = first.spawn(async move {
            let ended = accept(self.listener, served, stop).await;
            stopped.cancel();
            // Whoever was accepted a moment ago is about to ask for something.
            unanswered.close();
            let _silent = tokio::time::timeout(FIRST_REQUESTS, unanswered.wait()).await;
            ends.stop();
            ended
        });
        AbortOnDropHandle::new(accepting).await.map_err(io::Error::other)?
    }
}

/// How connections are served, and how many.
struct Served<H> {
    usual: Arc<Shared<H>>,
    spare: Arc<Shared<H>>,
    places: Arc<Places>,
}

impl<H: Handler> Served<H> {
    fn begin(&self, stream: std::net::TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        // Behind a proxy are many clients, and one that nobody has told us of is most likely on this machine.
        let is_client = !address.is_loopback() && !self.usual.handler.is_proxy(address);
        match self.places.place(is_client.then_some(address)) {
            Some(place) => {
                let shared = if place.is_spare() { &self.spare } else { &self.usual };
                connection::begin(stream, peer, shared.clone(), place);
            }
            None => tracing::debug!(%peer, "a connection was closed: its client has as many as it may"),
        }
    }
}

async fn accept(listener: TcpListener, served: Served<impl Handler>, stop: CancellationToken) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, for types that do not keep their descriptor; this one does"
    )]
    let listener = AsyncFd::with_interest(listener, Interest::READABLE)?;
    loop {
        // With the spare places taken as well nobody is accepted: clients wait in the kernel's queue.
        tokio::select! {
            biased;
            () = served.places.room() => {}
            () = stop.cancelled() => return Ok(()),
        }
        let accepted = tokio::select! {
            biased;
            // Not registered with this thread's runtime yet: most of them are another's.
            accepted = listener.async_io(Interest::READABLE, TcpListener::accept) => accepted,
            () = stop.cancelled() => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => served.begin(stream, peer),
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
