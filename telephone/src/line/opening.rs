//! The messages before a line is a line: control messages, one at a time, on the bare WebSocket.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use wire::control::{Control, ControlError};

/// Why an opening message could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// The WebSocket failed, or broke a limit.
    #[error(transparent)]
    WebSocket(Box<tungstenite::Error>),
    /// The peer closed the WebSocket.
    #[error("closed by the peer with code {code}: {reason}")]
    Closed {
        /// The close code, 1006 when there was no close frame.
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

impl From<tungstenite::Error> for OpeningError {
    fn from(error: tungstenite::Error) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

/// Sends one message. The caller sets the deadline.
pub async fn send<S>(ws: &mut WebSocketStream<S>, message: &Control) -> Result<(), OpeningError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    Ok(ws.send(Message::Text(message.encode()?.into())).await?)
}

/// Receives one message. The caller sets the deadline.
pub async fn receive<S>(ws: &mut WebSocketStream<S>) -> Result<Control, OpeningError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match ws.next().await.transpose()? {
            Some(Message::Text(text)) => return Ok(Control::decode(&text)?),
            Some(Message::Binary(_)) => return Err(OpeningError::Binary),
            Some(Message::Close(Some(frame))) => {
                return Err(OpeningError::Closed { code: frame.code.into(), reason: frame.reason.to_string() });
            }
            Some(Message::Close(None)) | None => {
                return Err(OpeningError::Closed { code: 1006, reason: "the connection broke off".to_owned() });
            }
            Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
        }
    }
}
