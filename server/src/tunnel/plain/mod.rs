//! Telephones that speak version 1.0 of the line: whole exchanges as JSON.
//!
//! To the rest of the server such a telephone is a [`Line`] like any other. That line has no socket: its telephone's end
//! is a [`Driver`] here, which gathers each request, sends it as one text message, and makes the message that answers
//! it into the stream's response.

mod budget;
mod driver;
mod exchange;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use telephone::line::{ControlReceiver, Line, SessionBudget, joined};
use wire::control::Limits;
use wire::flow::STREAM_WINDOW;
use wire::mux::Settings;
use wire::plain::MAX_REQUESTS;

use super::endpoint::Socket;
pub(super) use budget::Budget;
pub(super) use driver::Driver;

/// How many bytes of whole requests and responses lie here, of all sessions of the process.
pub fn held_bytes() -> usize {
    budget::held_bytes()
}

/// Makes a line of a socket whose opening is done and whose telephone announced `limits`, one of those of a session.
pub(super) fn line(
    (session, budget): (&SessionBudget, &Arc<Budget>),
    socket: Socket,
    limits: Limits,
    heartbeat: Duration,
) -> (Line, Driver, ControlReceiver) {
    let limits = Limits { max_streams: limits.max_streams.min(MAX_REQUESTS), ..Limits::default() };
    // Bodies are gathered at the one end and whole at the other: a larger window would only hold more of them twice.
    let settings = Settings { max_stream_window: STREAM_WINDOW, ..Settings::new(limits, limits) };
    let (near, far, joint) = joined(session, settings, settings);
    (near.line, Driver::new(socket, joint, far, (budget.clone(), heartbeat)), near.control)
}
