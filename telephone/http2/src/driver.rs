//! What keeps a connection going, and ends it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use h2::client::Connection;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::Connections;
use crate::connection::Load;

/// How long a server of which it is in doubt whether it is still there has to show that it is.
const DOUBT: Duration = Duration::from_secs(5);
/// How often it is looked at most whether a connection is still needed.
const SHORTEST: Duration = Duration::from_millis(50);

/// Why a connection is not driven any further.
#[derive(Debug)]
enum End {
    /// Nobody has needed it for a while.
    Idle,
    /// The server does not answer any more.
    Lost,
}

/// What a connection's task knows.
pub(crate) struct Driver {
    load: Arc<Load>,
    connections: Weak<Connections>,
    idle: Duration,
}

impl Driver {
    pub(crate) fn new(load: Arc<Load>, connections: &Arc<Connections>, idle: Duration) -> Self {
        Self { load, connections: Arc::downgrade(connections), idle }
    }

    pub(crate) async fn run<S>(
        self,
        mut connection: Connection<S, Bytes>,
        mut pings: PingPong,
        mut opened: oneshot::Sender<Result<(), String>>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // The server's settings come before anything else it says, so that they are known with the answer to this.
        let answered = tokio::select! {
            ended = &mut connection => Err(ended.err().map_or("it closed the connection".to_owned(), |error| error.to_string())),
            answered = pings.ping(Ping::opaque()) => answered.map(drop).map_err(|error| error.to_string()),
            () = opened.closed() => return,
        };
        let failed = answered.is_err();
        if opened.send(answered).is_err() || failed {
            return;
        }
        let end = tokio::select! {
            ended = &mut connection => {
                tracing::debug!(error = ended.err().map(tracing::field::display), "an HTTP/2 connection to a server ended");
                self.forget();
                return;
            }
            end = self.watch(pings) => end,
        };
        self.forget();
        match end {
            // With nobody left who could send a request, it says goodbye by itself.
            End::Idle => drop(timeout(DOUBT, connection).await),
            End::Lost => {
                tracing::debug!("an HTTP/2 connection to a server is given up: nothing comes from it any more")
            }
        }
    }

    /// Regular pings would keep a dead connection from being used for long; yet servers of gRPC take more than one in five
    /// minutes for an attack. So there is one when there is reason for it.
    async fn watch(&self, mut pings: PingPong) -> End {
        let (mut begun, interval) = (0, self.idle.max(SHORTEST));
        loop {
            tokio::select! {
                () = self.load.doubt.notified() => {
                    match timeout(DOUBT, pings.ping(Ping::opaque())).await {
                        Ok(Ok(_)) => self.load.doubted.store(false, Ordering::Relaxed),
                        Ok(Err(_)) | Err(_) => return End::Lost,
                    }
                    if let Some(connections) = self.connections.upgrade() {
                        connections.notify();
                    }
                }
                () = sleep(interval) => {
                    let before = std::mem::replace(&mut begun, self.load.begun.load(Ordering::Relaxed));
                    if begun == before && self.load.streams.load(Ordering::Relaxed) == 0 {
                        return End::Idle;
                    }
                }
            }
        }
    }

    /// No more requests go here.
    fn forget(&self) {
        self.load.over.store(true, Ordering::Relaxed);
        if let Some(connections) = self.connections.upgrade() {
            connections.forget(&self.load);
        }
    }
}
