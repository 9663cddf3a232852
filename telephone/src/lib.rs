//! The agent that gives a local web server a public address through a switchboard.

pub mod line;

pub use wire;
