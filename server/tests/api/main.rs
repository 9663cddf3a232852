//! The REST API over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answer;
mod auth;
mod live;
mod malformed;
mod scoping;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod tunnels;
