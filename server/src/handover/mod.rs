//! From one process to the next without losing a connection.
//!
//! Sockets that are listened on are handed over, so that whoever connects finds the same queue, whichever process takes
//! from it. The next process is started with them, as systemd does it for socket activation (`LISTEN_FDS`), gets everything
//! ready and says so; the one before stops accepting and says so; then the next one begins. So each connection is accepted
//! by exactly one of them, and nobody is refused.

mod inherited;
mod notify;
mod successor;

pub use inherited::{Inherited, Predecessor};
pub use notify::notify;
pub use successor::{Successor, SuccessorError};

/// Names the socket on which two processes agree who accepts.
const SOCKET: &str = "HANDOVER_SOCKET";
