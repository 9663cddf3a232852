//! Which telephones have to move first.

use std::io;

use domain::TunnelId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use uuid::Uuid;

/// The process before this one, as long as it has telephones that are to move.
#[derive(Debug)]
pub struct Moving(UnixStream);

impl Moving {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self(socket)
    }

    /// Has the telephones of a tunnel move now.
    ///
    /// # Errors
    /// When there are none left to move.
    pub async fn ask(&mut self, tunnel: TunnelId) -> io::Result<()> {
        self.0.write_all(tunnel.0.as_bytes()).await
    }

    /// Waits until all have been told to move. May be dropped and called again.
    pub async fn over(&mut self) {
        let mut byte = [0];
        while matches!(self.0.read(&mut byte).await, Ok(1)) {}
    }
}

/// What the next process asks for. Dropping it says that all telephones have been told to move.
#[derive(Debug)]
pub struct Wanted {
    socket: UnixStream,
    /// A tunnel of which not all bytes may have come.
    id: [u8; 16],
    read: usize,
}

impl Wanted {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, id: [0; 16], read: 0 }
    }

    /// The next tunnel whose telephones are to move now; `None` when there will be none. May be dropped and called again.
    pub async fn next(&mut self) -> Option<TunnelId> {
        while self.read < self.id.len() {
            match self.socket.read(&mut self.id[self.read..]).await {
                Ok(0) | Err(_) => return None,
                Ok(more) => self.read += more,
            }
        }
        self.read = 0;
        Some(TunnelId(Uuid::from_bytes(self.id)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn tunnels_arrive_whole_until_all_have_moved() {
        let (next, before) = UnixStream::pair().unwrap();
        let (mut moving, mut wanted) = (Moving::new(next), Wanted::new(before));
        let tunnels = [TunnelId(Uuid::now_v7()), TunnelId(Uuid::now_v7())];
        for tunnel in tunnels {
            moving.ask(tunnel).await.unwrap();
        }
        assert_eq!([wanted.next().await, wanted.next().await], tunnels.map(Some));
        let half = &tunnels[0].0.as_bytes()[..7];
        moving.0.write_all(half).await.unwrap();
        moving.0.shutdown().await.unwrap();
        assert_eq!(wanted.next().await, None);
        drop(wanted);
        moving.over().await;
    }
}
