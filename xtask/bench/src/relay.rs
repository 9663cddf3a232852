//! A stretch of network between an agent and its server that can be cut or go dead.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
};

/// What happens to the connections that there are; those made later are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are closed.
    Cut,
    /// Nothing goes through any more, and neither end is told.
    Freeze,
}

/// Passes on what it is sent; everything ends when this is dropped.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    faults: broadcast::Sender<Fault>,
    _accepting: JoinSet<()>,
}

impl Relay {
    /// Listens on `address` and passes everything on to `to`.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(address: SocketAddr, to: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (faults, _) = broadcast::channel(1);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, to, faults.clone()));
        Ok(Self { address, faults, _accepting: accepting })
    }

    /// Harms the connections that there are.
    pub fn strike(&self, fault: Fault) {
        // Nobody listens when there are no connections.
        let _connections = self.faults.send(fault);
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, faults: broadcast::Sender<Fault>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that is gone before it is accepted is no reason to stop.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(pass(stream, to, faults.subscribe()));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn pass(mut from: TcpStream, to: SocketAddr, mut faults: broadcast::Receiver<Fault>) {
    let Ok(mut to) = TcpStream::connect(to).await else { return };
    // Without it the relay would only be slower.
    let _nodelay = (from.set_nodelay(true), to.set_nodelay(true));
    let fault = tokio::select! {
        _ended = copy_bidirectional(&mut from, &mut to) => return,
        fault = faults.recv() => fault,
    };
    if fault == Ok(Fault::Freeze) {
        std::future::pending::<()>().await;
    }
}
