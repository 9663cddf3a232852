//! From one process to the next without losing a connection.
//!
//! Sockets that are listened on are handed over, so that whoever connects finds the same queue, whichever process takes
//! from it. The next process is started with them, as systemd does it for socket activation (`LISTEN_FDS`), gets everything
//! ready and says so; the one before stops accepting and says so; then the next one begins. So each connection is accepted
//! by exactly one of them, and nobody is refused.
//!
//! Telephones then move one after the other, over the same socket: the next process names tunnels that are asked for, whose
//! telephones the one before sends at once, and all others in their turn.

mod inherited;
mod moving;
mod notify;
mod successor;

pub use inherited::{Inherited, Predecessor};
pub use moving::{Moving, Wanted};
pub use notify::notify;
pub use successor::{Successor, SuccessorError};

/// Names the socket on which two processes agree who accepts.
const SOCKET: &str = "HANDOVER_SOCKET";
/// What a process says that is ready.
const READY: u8 = b'R';
/// What it is answered when it may accept.
const GO: u8 = b'G';
