//! Both ends of HTTP, byte by byte, so that they can get it wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What the kernel may keep in one direction of a connection, bytes.
const BUFFER: u32 = 64 * 1024;

/// A local server that does with each connection what it is told.
pub struct RawOrigin {
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl RawOrigin {
    pub async fn start<F, A>(serve: F) -> Self
    where
        F: Fn(Connection) -> A + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpSocket::new_v4().unwrap();
        // The kernel would take megabytes for each connection that is not read.
        socket.set_send_buffer_size(BUFFER).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(4096).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(Connection::new(stream)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, accepted, _task: AbortOnDropHandle::new(task) }
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// One connection, at either end.
pub struct Connection {
    stream: TcpStream,
    /// What has been read beyond what was asked for.
    ahead: Vec<u8>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        // What is written is on its way when the write returns.
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    pub async fn to(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    /// One whose other end cannot send far ahead: the kernel would take megabytes that nobody reads.
    pub async fn narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(BUFFER).unwrap();
        Self::new(socket.connect(address).await.unwrap())
    }

    /// Waits until the other end has left, without reading what it has sent.
    pub async fn gone_unread(&mut self) {
        self.stream.ready(Interest::ERROR).await.unwrap();
    }

    /// Writes until nobody takes any more.
    pub async fn write_until_stuck(&mut self) {
        let piece = vec![b'x'; 64 * 1024];
        while let Ok(true) = tokio::time::timeout(Duration::from_millis(300), self.write(&piece)).await {}
    }

    /// Reads up to `mark` and gives what came, with it; `None` when the other end leaves before that.
    pub async fn read_to(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.ahead.windows(mark.len()).position(|window| window == mark);
            if let Some(start) = found {
                let rest = self.ahead.split_off(start + mark.len());
                return Some(std::mem::replace(&mut self.ahead, rest));
            }
            match self.stream.read_buf(&mut self.ahead).await {
                Ok(read) if read > 0 => {}
                _ => return None,
            }
        }
    }

    /// The head of the next message; `None` when the other end leaves.
    pub async fn head(&mut self) -> Option<String> {
        let head = self.read_to(b"\r\n\r\n").await?;
        Some(String::from_utf8_lossy(&head).into_owned())
    }

    /// Whether it could be written.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Everything up to the end.
    pub async fn rest(mut self) -> Vec<u8> {
        while matches!(self.stream.read_buf(&mut self.ahead).await, Ok(read) if read > 0) {}
        self.ahead
    }

    /// Reads that many bytes, and says whether they came.
    pub async fn skip(&mut self, bytes: usize) -> bool {
        let ahead = self.ahead.len().min(bytes);
        self.ahead.drain(..ahead);
        let mut left = bytes - ahead;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let most = left.min(buffer.len());
            match self.stream.read(&mut buffer[..most]).await {
                Ok(read) if read > 0 => left -= read,
                _ => return false,
            }
        }
        true
    }

    /// Reads until the other end has left.
    pub async fn gone(&mut self) {
        let mut buffer = vec![0; 16 * 1024];
        while matches!(self.stream.read(&mut buffer).await, Ok(read) if read > 0) {}
    }

    /// Ends it at once (RST), whatever is under way.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
