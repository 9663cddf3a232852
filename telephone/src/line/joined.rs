//! A line whose two ends are in one process, without a socket between them.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::mpsc;
use wire::control::{Control, Drain};
use wire::mux::{Settings, Side};

use super::shared::{Shared, wake};
use super::{ControlReceiver, Incoming, Line, LineError, SessionBudget, control};

/// About how much is moved at once: what a new request waits for at most.
const MAX_MESSAGE: usize = 128 * 1024;
/// How many messages are moved before other tasks have their turn.
const BUDGET: usize = 32;

/// One end of a [`joined`] line.
#[derive(Debug)]
pub struct End {
    /// The handle.
    pub line: Line,
    /// The requests that arrive here; none at the server's end.
    pub incoming: Incoming,
    /// The control messages that arrive here.
    pub control: ControlReceiver,
}

/// Makes a line without a socket: whoever has to speak another protocol to a telephone is the telephone's end of such a
/// line himself, and to everybody else it is a line like any other. Returns the server's end, the telephone's, and what
/// moves the bytes. The server's end is one of the lines of `session`.
pub fn joined(session: &SessionBudget, server: Settings, telephone: Settings) -> (End, End, Joint) {
    let (server, to_server, server_end) = make(Side::Server, server, session.clone());
    let own = SessionBudget::new(u32::MAX);
    let (telephone, to_telephone, telephone_end) = make(Side::Telephone, telephone, own);
    let joint = Joint { server, telephone, to_server, to_telephone, drained: false, wakers: Vec::new() };
    (server_end, telephone_end, joint)
}

fn make(side: Side, settings: Settings, session: SessionBudget) -> (Arc<Shared>, mpsc::Sender<Control>, End) {
    let shared = Arc::new(Shared::new(side, settings, session));
    let (sender, control) = control::channel();
    let end = End { line: Line { shared: shared.clone() }, incoming: Incoming::new(shared.clone()), control };
    (shared, sender, end)
}

/// Moves what either end of a [`joined`] line sends to the other one. There is no heartbeat: both live and die with it.
/// Dropping it ends the line.
#[derive(Debug)]
pub struct Joint {
    server: Arc<Shared>,
    telephone: Arc<Shared>,
    to_server: mpsc::Sender<Control>,
    to_telephone: mpsc::Sender<Control>,
    /// The telephone's `drain` has been answered.
    drained: bool,
    wakers: Vec<Waker>,
}

impl Drop for Joint {
    fn drop(&mut self) {
        self.end(&LineError::Dropped);
    }
}

impl Joint {
    /// Moves everything there is to move. Ready once one end has closed the line, with how that is called at the
    /// server's end.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        for shared in [&self.server, &self.telephone] {
            shared.lock().driver = Some(cx.waker().clone());
        }
        let moved = self.poll_move(cx);
        wake(&mut self.wakers);
        self.server.notify_if_idle();
        self.telephone.notify_if_idle();
        let reason = match moved {
            Ok(()) => match self.closed() {
                Some(reason) => reason,
                None => return Poll::Pending,
            },
            Err(reason) => reason,
        };
        self.end(&reason);
        Poll::Ready(reason)
    }

    /// Ends the line for both ends: all streams on it fail.
    pub fn end(&self, reason: &LineError) {
        self.server.end(reason.clone());
        self.telephone.end(reason.clone());
    }

    /// Makes known at the server's end how far away the telephone is that the other end stands for.
    pub fn set_rtt(&self, rtt: Duration) {
        self.server.set_rtt(rtt);
    }

    /// Refuses new streams from now on; those in flight go on.
    pub fn stop_opening(&self) {
        self.server.stop_opening();
    }

    fn poll_move(&mut self, cx: &Context<'_>) -> Result<(), LineError> {
        for _ in 0..BUDGET {
            let down = carry(&self.server, &self.telephone, &mut self.wakers)?;
            let up = carry(&self.telephone, &self.server, &mut self.wakers)?;
            let said = self.carry_control()?;
            if !(down || up || said) {
                return Ok(());
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Moves one control message each way, behind the streams that were opened before it.
    fn carry_control(&mut self) -> Result<bool, LineError> {
        let down = take_control(&self.server);
        let up = take_control(&self.telephone);
        let any = down.is_some() || up.is_some();
        if let Some(message) = down {
            deliver(&self.to_telephone, message)?;
        }
        if let Some(message) = up {
            if matches!(message, Control::Drain(_)) {
                self.answer_drain();
            }
            deliver(&self.to_server, message)?;
        }
        Ok(any)
    }

    /// The telephone drains: answered once, behind the last stream that was opened.
    fn answer_drain(&mut self) {
        let mut state = self.server.lock();
        state.stop_opening();
        if !std::mem::replace(&mut self.drained, true) {
            state.outbox.push_back(Control::Drain(Drain::default()));
        }
    }

    /// How one end has closed the line, when what goes before that has been moved.
    fn closed(&self) -> Option<LineError> {
        if let Some((code, reason)) = closing(&self.server) {
            return Some(LineError::ClosedByUs { code, reason });
        }
        let (code, reason) = closing(&self.telephone)?;
        Some(LineError::PeerClosed { code, reason })
    }
}

/// Moves one message of frames, never with both locks held.
fn carry(from: &Shared, to: &Shared, wakers: &mut Vec<Waker>) -> Result<bool, LineError> {
    let mut state = from.lock();
    let Some(message) = state.mux.next_message(MAX_MESSAGE) else { return Ok(false) };
    state.dispatch(wakers);
    drop(state);
    let mut state = to.lock();
    state.mux.receive(message)?;
    state.dispatch(wakers);
    Ok(true)
}

fn take_control(from: &Shared) -> Option<Control> {
    let mut state = from.lock();
    if state.mux.has_urgent() { None } else { state.outbox.pop_front() }
}

fn closing(end: &Shared) -> Option<(u16, String)> {
    let state = end.lock();
    let may_end = state.outbox.is_empty() && !state.mux.has_urgent();
    state.closing.clone().filter(|_| may_end)
}

fn deliver(to: &mpsc::Sender<Control>, message: Control) -> Result<(), LineError> {
    match to.try_send(message) {
        Err(mpsc::error::TrySendError::Full(_)) => Err(LineError::ControlFlood),
        // Whoever does not listen has dropped the receiver.
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
    }
}
