//! The other sides of the wire: a whole switchboard, a local server that does what it is told, and a plain client.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(dead_code, reason = "each test binary uses a part of this")]
#![expect(unreachable_pub, reason = "shared between test binaries")]

mod client;
mod origin;
mod programs;
mod switchboard;

pub use client::{Client, text, whole};
pub use origin::{Body, Origin, full, streamed};
pub use programs::Programs;
pub use switchboard::Switchboard;
