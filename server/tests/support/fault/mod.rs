//! A network that can be made to fail: a relay of TCP connections that does to them what it is told.

mod relay;
mod way;

pub use relay::{Relay, Stranded};
pub use way::{Direction, End, Flow};
