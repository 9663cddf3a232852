//! Signals that ask the process to stop, or to make room for the next one.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, exit};

/// SIGINT, SIGTERM and SIGUSR2, from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hand_over: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(exit::OS, format!("signals cannot be waited for: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hand_over: listen(SignalKind::user_defined2())?,
        })
    }

    /// The name of the next one that asks to stop; `None` when one asks to make room first.
    pub(super) async fn next_or_hand_over(&mut self) -> Option<&'static str> {
        tokio::select! {
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.hand_over.recv() => None,
        }
    }

    /// The name of the next one that asks to stop.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
