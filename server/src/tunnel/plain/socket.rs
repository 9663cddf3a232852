//! The socket, seen as text messages: the one place that knows how WebSocket messages are read and written.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use telephone::line::LineError;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::tunnel::endpoint::Socket;

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    /// A text message.
    Text(String),
    /// Something else that shows that the peer is alive, such as a WebSocket `ping`, which is answered.
    Sign,
}

/// A WebSocket of text messages.
#[derive(Debug)]
pub(super) struct TextSocket {
    socket: Socket,
    unflushed: bool,
}

impl TextSocket {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, unflushed: false }
    }

    /// The next message, or why there is none.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, LineError>> {
        Poll::Ready(match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
            None => Err(LineError::PeerGone),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(Message::Text(text))) => Ok(Received::Text(text.as_str().to_owned())),
            Some(Ok(Message::Binary(_))) => Err(LineError::Unexpected("a binary message, which version 1.0 has not")),
            Some(Ok(Message::Close(Some(frame)))) => {
                Err(LineError::PeerClosed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() })
            }
            // RFC 6455 section 7.1.5: a close frame without a code.
            Some(Ok(Message::Close(None))) => Err(LineError::PeerClosed { code: 1005, reason: String::new() }),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Received::Sign),
        })
    }

    /// Ready when the last message is on its way and another one may be given.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LineError>> {
        if self.unflushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives a message; only when [`poll_ready`](Self::poll_ready) is.
    pub(super) fn send(&mut self, text: String) -> Result<(), LineError> {
        Pin::new(&mut self.socket).start_send(Message::Text(text.into()))?;
        self.unflushed = true;
        Ok(())
    }

    /// Goes through the closing handshake (RFC 6455 section 7.1.2); without a code, the peer's own close is answered.
    pub(super) async fn close(&mut self, why: Option<(u16, String)>) -> Result<(), LineError> {
        if let Some((code, reason)) = why {
            let reason = reason[..reason.floor_char_boundary(123)].to_owned();
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            self.socket.send(Message::Close(Some(frame))).await?;
        }
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(())
    }
}
