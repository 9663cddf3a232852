//! Which host and mount a request is for, and which backend takes it.
//!
//! Nothing here does I/O, reads a clock or takes a lock, so that what decides over every request can be tested, measured
//! and explained by itself. `docs/routing.md` tells the same from the outside.
//!
//! 1. [`path::normalise`] brings the path of a request into the form in which it is compared.
//! 2. [`Table::find`] finds the target: the most specific host, and within it the one mount that covers the path.
//! 3. [`balance::pick`] picks one of the target's backends.

pub mod balance;
pub mod path;
mod table;

pub use table::{Builder, Found, HostMatch, Refused, Step, Table};
