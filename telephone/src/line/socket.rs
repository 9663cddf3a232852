//! A WebSocket over whatever moves bytes: our own framing (see [`wire::websocket`]), with buffers that an idle
//! connection does not hold.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::poll_read_buf;
use wire::websocket::{self, Decoder, Limits, Opcode, Received, Role, WebSocketError};

use super::spare;

/// What a read must have room for.
const MIN_READ: usize = 16 * 1024;
/// How much of a long frame is made room for at once. What a peer merely announces costs no more than what it has sent
/// already.
const MAX_READ: usize = spare::SIZE;
/// While more than this waits to be sent, only the latest ping is answered (RFC 6455 §5.5.3).
const MAX_PONGS: usize = 64 * 1024;

/// Why a WebSocket cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The peer ended the connection, with a close frame before or without.
    #[error("the connection broke off")]
    Gone,
    /// The peer broke the rules of RFC 6455, or a limit.
    #[error("the WebSocket broke: {0}")]
    Protocol(#[from] WebSocketError),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// A WebSocket after its handshake.
#[derive(Debug)]
pub struct Socket<S> {
    io: S,
    role: Role,
    decoder: Decoder,
    /// Read and not decoded yet.
    input: BytesMut,
    /// Encoded and not written yet.
    output: BytesMut,
    /// Something has been encoded and not flushed since.
    unflushed: bool,
    /// A ping to answer when there is room.
    ping: Option<Bytes>,
    close_sent: bool,
    close_received: bool,
    /// What the peer sends cannot be made sense of any more.
    broken: bool,
    received: u64,
    sent: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// A WebSocket of `io`, whose handshake is done. `early` is what was read behind the handshake.
    pub fn new(io: S, role: Role, limits: Limits, early: &[u8]) -> Self {
        Self {
            io,
            role,
            decoder: Decoder::new(role, limits),
            input: BytesMut::from(early),
            output: BytesMut::new(),
            unflushed: false,
            ping: None,
            close_sent: false,
            close_received: false,
            broken: false,
            received: 0,
            sent: 0,
        }
    }

    /// Sets other limits, for messages that begin from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.decoder.set_limits(limits);
    }

    /// Reads past text messages that are too long, see [`Decoder::skip_long_texts`].
    pub fn skip_long_texts(&mut self, keep: usize) {
        self.decoder.skip_long_texts(keep);
    }

    /// How many bytes have come from the peer, and how many it has taken, since the handshake.
    pub fn moved(&self) -> (u64, u64) {
        (self.received, self.sent)
    }

    /// The next message or control frame. Pings have been answered by then; the answer goes out with the next flush, at
    /// the latest when this has to wait.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, SocketError>> {
        loop {
            match self.decoder.decode(&mut self.input) {
                Ok(Some(received)) => {
                    self.note(&received);
                    return Poll::Ready(Ok(received));
                }
                Ok(None) => {}
                Err(error) => {
                    self.broken = true;
                    return Poll::Ready(Err(error.into()));
                }
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(SocketError::Gone)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {
                    spare::rest(&mut self.input);
                    if self.has_unsent()
                        && let Poll::Ready(Err(error)) = self.poll_flush(cx)
                    {
                        return Poll::Ready(Err(error.into()));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // When all that was read has been used up, the same memory is read into again: the processor has it at hand.
        if self.input.is_empty() {
            let _still_used = !self.input.try_reclaim(spare::SIZE);
        }
        let missing = self.decoder.missing(self.input.len()).min(MAX_READ.max(self.input.len()));
        spare::reserve(&mut self.input, missing.max(MIN_READ));
        let read = ready!(poll_read_buf(Pin::new(&mut self.io), cx, &mut self.input))?;
        self.received += read as u64;
        Poll::Ready(Ok(read))
    }

    fn note(&mut self, received: &Received) {
        match received {
            Received::Ping(payload) if self.output.len() <= MAX_PONGS => self.put_pong(payload),
            Received::Ping(payload) => self.ping = Some(payload.clone()),
            Received::Close(reason) => {
                self.close_received = true;
                // §5.5.1: the answer typically echoes the code.
                let code = reason.as_ref().map(|reason| (reason.code, ""));
                self.put_close(code);
            }
            Received::Text(_) | Received::TooLong(_) | Received::Binary(_) | Received::Pong(_) => {}
        }
    }

    /// Whether something waits to be written.
    pub fn has_unsent(&self) -> bool {
        self.unflushed
    }

    /// Writes what waits, in as few calls as the connection takes it.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.output.is_empty() {
                let written = match Pin::new(&mut self.io).poll_write(cx, &self.output) {
                    Poll::Ready(written) => written?,
                    Poll::Pending => {
                        spare::rest(&mut self.output);
                        return Poll::Pending;
                    }
                };
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.output.advance(written);
                self.sent += written as u64;
            }
            spare::rest(&mut self.output);
            if let Some(payload) = self.ping.take() {
                self.put_pong(&payload);
                continue;
            }
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(()));
        }
    }

    /// Queues a text message.
    pub fn put_text(&mut self, text: &str) {
        self.put(Opcode::Text, text.len(), |out| {
            out.extend_from_slice(text.as_bytes());
            true
        });
    }

    /// Queues a binary message that `write` appends to what it is given, where it is sent from; nothing when that says
    /// `false`. `room` is how long it will be, about.
    pub fn put_binary(&mut self, room: usize, write: impl FnOnce(&mut BytesMut) -> bool) -> bool {
        self.put(Opcode::Binary, room, write)
    }

    fn put_pong(&mut self, payload: &[u8]) {
        self.put(Opcode::Pong, payload.len(), |out| {
            out.extend_from_slice(payload);
            true
        });
    }

    /// Nothing follows a close frame (§5.5.1), so that nothing is queued behind one.
    fn put(&mut self, opcode: Opcode, room: usize, write: impl FnOnce(&mut BytesMut) -> bool) -> bool {
        if self.close_sent {
            return false;
        }
        spare::reserve(&mut self.output, room + websocket::MAX_HEADER);
        let key = self.key();
        let put = websocket::put_message(&mut self.output, opcode, key, write);
        self.unflushed |= put;
        if !put {
            spare::rest(&mut self.output);
        }
        put
    }

    fn put_close(&mut self, reason: Option<(u16, &str)>) {
        if !std::mem::replace(&mut self.close_sent, true) {
            let key = self.key();
            websocket::put_close(&mut self.output, key, reason);
            self.unflushed = true;
        }
    }

    /// A client's mask for one frame. §5.3 wants it unpredictable for whoever chooses what is sent: this is ChaCha12,
    /// seeded by the system.
    fn key(&self) -> Option<[u8; 4]> {
        (self.role == Role::Client).then(rand::random)
    }

    /// Sends a text message. The caller sets the deadline.
    pub async fn send_text(&mut self, text: &str) -> io::Result<()> {
        self.put_text(text);
        self.flush().await
    }

    /// Sends a binary message. The caller sets the deadline.
    pub async fn send_binary(&mut self, payload: &[u8]) -> io::Result<()> {
        self.put_binary(payload.len(), |out| {
            out.extend_from_slice(payload);
            true
        });
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Waits for the next message or control frame.
    pub async fn receive(&mut self) -> Result<Received, SocketError> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// Closes the connection as far as its state still asks for it (§7.1): a close frame with `code` and `reason` goes
    /// out unless one did, the peer's answer is waited for, and the server ends the connection first. The caller sets
    /// the deadline.
    pub async fn close(&mut self, code: u16, reason: &str) -> Result<(), SocketError> {
        self.put_close(Some((code, reason)));
        self.flush().await?;
        while !self.close_received && !self.broken {
            match self.receive().await {
                Err(SocketError::Protocol(_)) | Ok(_) => {}
                Err(SocketError::Gone) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if self.role == Role::Server || self.broken {
            self.io.shutdown().await?;
        }
        // A connection that is dropped with bytes unread is reset, and what was sent last is lost with it.
        if self.role == Role::Client || self.broken {
            self.discard().await?;
        }
        Ok(())
    }

    /// Reads to the end.
    async fn discard(&mut self) -> io::Result<()> {
        loop {
            self.input.clear();
            if poll_fn(|cx| self.poll_read(cx)).await? == 0 {
                return Ok(());
            }
        }
    }
}
