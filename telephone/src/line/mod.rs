//! One live line: a WebSocket whose opening messages have been exchanged, and the streams on it.
//!
//! Both ends use this. The owner [creates](new) the parts, spawns [`Driver::run`] and keeps the [`Line`]. The server
//! [opens](Line::open) streams; the telephone takes them from [`Incoming`]. Bodies are [`SendBody`] and [`RecvBody`].
//!
//! Everything a line owns is behind one mutex that is held for a few lines and never across an `await`: the driver and
//! the handles of a line usually live on one thread, so that it is all but never contended.

mod budget;
mod control;
mod driver;
mod error;
mod heartbeat;
mod incoming;
mod joined;
pub mod opening;
mod outgoing;
mod pipe;
mod recv;
mod send;
mod shared;
mod socket;
mod spare;
mod tcp;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use wire::control::Control;
use wire::head::RequestHead;
pub use wire::mux::{OpenError, Pressure, Side};
use wire::websocket::Limits;

pub use budget::{SessionBudget, held_bytes};
pub use control::ControlReceiver;
pub use driver::Driver;
pub use error::{CopyError, LineError, OpenStreamError, StreamError};
pub use heartbeat::Heartbeat;
pub use incoming::{Incoming, SendResponse};
pub use joined::{End, Joint, joined};
pub use outgoing::{Head, ResponseFuture};
pub use pipe::{PipeError, pipe};
pub use recv::RecvBody;
pub use send::SendBody;
use shared::Shared;
pub use socket::{Socket, SocketError};
pub(crate) use tcp::limit_unsent;

/// How a line behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Credits and bounds, as announced by both ends in the opening.
    pub mux: wire::mux::Settings,
    /// After how much silence the peer is sent a `ping`. One from which nothing came for two of these is dead, and so is
    /// one that takes nothing of what is sent for fifteen, or half a minute.
    pub heartbeat: Duration,
}

/// Makes a line of a WebSocket whose opening is done. Nothing happens until [`Driver::run`] is polled.
pub fn new<S>(socket: Socket<S>, side: Side, settings: Settings) -> (Line, Driver<S>, Incoming, ControlReceiver)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    new_in(&SessionBudget::new(u32::MAX), socket, side, settings)
}

/// The same for one of the lines of a session.
pub fn new_in<S>(
    session: &SessionBudget,
    mut socket: Socket<S>,
    side: Side,
    settings: Settings,
) -> (Line, Driver<S>, Incoming, ControlReceiver)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.set_limits(Limits::default());
    let shared = Arc::new(Shared::new(side, settings.mux, session.clone()));
    let (control, receiver) = control::channel();
    let driver = Driver::new(socket, shared.clone(), control, settings.heartbeat);
    (Line { shared: shared.clone() }, driver, Incoming::new(shared), receiver)
}

/// A handle of a live line.
#[derive(Clone, Debug)]
pub struct Line {
    shared: Arc<Shared>,
}

impl Line {
    /// Sends a request (server only). `end` says that it has no body; the [`SendBody`] is then already finished.
    pub fn open(&self, head: &RequestHead, end: bool) -> Result<(SendBody, ResponseFuture), OpenStreamError> {
        let id = self.shared.open(head, end)?;
        let body = if end { SendBody::none() } else { SendBody::new(&self.shared, id) };
        Ok((body, ResponseFuture::new(&self.shared, id)))
    }

    /// Queues a control message; it goes out before the next but one message of bodies. The queue is short: when it is full
    /// the peer has stopped reading, and the message is refused.
    pub fn send_control(&self, message: Control) -> Result<(), LineError> {
        self.shared.send_control(message)
    }

    /// Closes the line: heads and control messages that are queued go before, if the peer takes them within 2 s; bodies that
    /// are not over do not. `code` and `reason` (at most 123 bytes are sent of it) reach the peer in the close frame.
    /// Streams still open fail; whoever wants them whole waits for [`Line::idle`] first.
    pub fn close(&self, code: u16, reason: impl Into<String>) {
        self.shared.close(code, reason.into());
    }

    /// Refuses [`Line::open`] from now on; streams in flight go on.
    pub fn stop_opening(&self) {
        self.shared.stop_opening();
    }

    /// Whether both are handles of one line.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether the line has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.ended().is_some()
    }

    /// Waits until the line has ended and says why.
    pub async fn closed(&self) -> LineError {
        self.shared.wait_ended().await
    }

    /// How many streams are not over yet.
    pub fn active_streams(&self) -> usize {
        self.shared.active_streams()
    }

    /// How much waits on it, and for whom.
    pub fn pressure(&self) -> Pressure {
        self.shared.pressure()
    }

    /// Whether the peer was asked for a sign of life and has given none for half a heartbeat. Takes no lock.
    pub fn is_silent(&self) -> bool {
        self.shared.is_silent()
    }

    /// How many streams are open, `None` once no more can be opened. A peer that [is silent](Self::is_silent) counts as
    /// very busy. Takes no lock, and may be a moment behind: for
    /// choosing between lines.
    pub fn load(&self) -> Option<usize> {
        self.shared.load()
    }

    /// Waits until no stream is open, or the line has ended.
    pub async fn idle(&self) {
        self.shared.wait_idle().await;
    }

    /// The latest round-trip time, once there is one.
    pub fn rtt(&self) -> Option<Duration> {
        self.shared.rtt()
    }
}
