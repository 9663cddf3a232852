//! The other sides of the wire: a whole switchboard, a local server that does what it is told, and a plain client.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(dead_code, reason = "each test binary uses a part of this")]
#![expect(unreachable_pub, reason = "shared between test binaries")]

mod client;
pub mod fault;
mod home;
mod origin;
mod program;
mod programs;
mod provider;
mod skip;
mod switchboard;
mod wait;

pub use client::{Client, text, whole};
pub use home::Home;
pub use origin::{Body, Origin, full, one_by_one, streamed};
pub use program::Program;
pub use programs::Programs;
pub use provider::{Fault, Person, Provider, Twist};
pub use skip::skipped;
pub use switchboard::Switchboard;
pub use wait::{figure, until, within};
