//! Measured traffic: what was asked for and answered, against what the server says of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

mod figures;
mod log;
mod parts;
mod setup;
mod windows;
