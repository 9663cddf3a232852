//! The socket, seen as text messages: the one place that knows how WebSocket messages are read and written.

use std::task::{Context, Poll, ready};

use telephone::line::LineError;
use wire::plain::MAX_MESSAGE;
use wire::websocket::{self, CloseReason, Limits, Skipped};

use crate::tunnel::endpoint::Socket;

/// How much is kept of either end of a message that is too long, to find out what it answers.
const KEPT: usize = 64 * 1024;

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    /// A text message.
    Text(String),
    /// One that was too long, of which only either end is there.
    TooLong(Skipped),
    /// Something else that shows that the peer is alive, such as a WebSocket `ping`, which is answered.
    Sign,
}

/// A WebSocket of text messages.
#[derive(Debug)]
pub(super) struct TextSocket {
    socket: Socket,
}

impl TextSocket {
    pub(super) fn new(mut socket: Socket) -> Self {
        socket.set_limits(Limits { frame: MAX_MESSAGE, message: MAX_MESSAGE });
        socket.skip_long_texts(KEPT);
        Self { socket }
    }

    /// The next message, or why there is none.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, LineError>> {
        Poll::Ready(match ready!(self.socket.poll_receive(cx))? {
            websocket::Received::Text(text) => Ok(Received::Text(text)),
            websocket::Received::TooLong(message) => Ok(Received::TooLong(message)),
            websocket::Received::Binary(_) => Err(LineError::Unexpected("a binary message, which version 1.0 has not")),
            websocket::Received::Close(Some(CloseReason { code, reason })) => {
                Err(LineError::PeerClosed { code, reason })
            }
            // RFC 6455 section 7.1.5: a close frame without a code.
            websocket::Received::Close(None) => Err(LineError::PeerClosed { code: 1005, reason: String::new() }),
            websocket::Received::Ping(_) | websocket::Received::Pong(_) => Ok(Received::Sign),
        })
    }

    /// How many bytes have come from the telephone, and how many it has taken.
    pub(super) fn moved(&self) -> (u64, u64) {
        self.socket.moved()
    }

    /// Ready when the last message is on its way and another one may be given.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LineError>> {
        if self.socket.has_unsent() { self.socket.poll_flush(cx).map_err(LineError::from) } else { Poll::Ready(Ok(())) }
    }

    /// Gives a message; only when [`poll_ready`](Self::poll_ready) is.
    pub(super) fn send(&mut self, text: &str) {
        self.socket.put_text(text);
    }

    /// Goes through the closing handshake (RFC 6455 section 7.1.2); without a code, the peer's own close is answered.
    pub(super) async fn close(&mut self, why: Option<(u16, String)>) -> Result<(), LineError> {
        let (code, reason) = why.unwrap_or((wire::close::NORMAL, String::new()));
        Ok(self.socket.close(code, &reason).await?)
    }
}
