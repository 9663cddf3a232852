//! The REST API over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answer;
mod auth;
mod backends;
mod domains;
mod explain;
mod live;
mod malformed;
#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../checks/name_server.rs"]
mod name_server;
mod regions;
mod revisions;
mod routes;
mod scoping;
mod secrets;
mod services;
mod setup;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod switch;
mod tokens;
mod tunnels;
