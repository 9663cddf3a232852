//! The messages before a line is a line: control messages, one at a time, on the bare WebSocket.

use tokio::io::{AsyncRead, AsyncWrite};
use wire::control::{Control, ControlError};
use wire::websocket::{CloseReason, Received};

use super::{Socket, SocketError};

/// Why an opening message could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// The WebSocket failed, or broke a limit.
    #[error(transparent)]
    WebSocket(#[from] SocketError),
    /// The peer closed the WebSocket.
    #[error("closed by the peer with code {code}: {reason}")]
    Closed {
        /// The close code; as RFC 6455 §7.1.5 has it, 1005 when the close frame had none and 1006 when there was none.
        code: u16,
        /// The peer's words.
        reason: String,
    },
    /// A text message that is not a control message.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A binary message before the opening was done.
    #[error("a binary message before the opening was done")]
    Binary,
}

/// Sends one message. The caller sets the deadline.
pub async fn send<S>(socket: &mut Socket<S>, message: &Control) -> Result<(), OpeningError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.send_text(&message.encode()?).await.map_err(SocketError::Io)?;
    Ok(())
}

/// Receives one message. The caller sets the deadline.
pub async fn receive<S>(socket: &mut Socket<S>) -> Result<Control, OpeningError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let closed = |code, reason| Err(OpeningError::Closed { code, reason });
    loop {
        match socket.receive().await {
            Ok(Received::Text(text)) => return Ok(Control::decode(&text)?),
            Ok(Received::Binary(_)) => return Err(OpeningError::Binary),
            Ok(Received::Close(Some(CloseReason { code, reason }))) => return closed(code, reason),
            Ok(Received::Close(None)) => return closed(1005, String::new()),
            Ok(Received::TooLong(message)) => {
                return Err(ControlError::TooLong(usize::try_from(message.length).unwrap_or(usize::MAX)).into());
            }
            Ok(Received::Ping(_) | Received::Pong(_)) => {}
            Err(SocketError::Gone) => return closed(1006, "the connection broke off".to_owned()),
            Err(error) => return Err(error.into()),
        }
    }
}
