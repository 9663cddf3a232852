//! The request inspector: what passes through real programs, against what is recorded of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

mod away;
mod levels;
mod masked;
mod messages;
mod rest;
mod setup;
