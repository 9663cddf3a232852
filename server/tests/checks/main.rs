//! What the control plane asks of others: whose a domain is, and whether backends are well. Name servers and web servers
//! on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod domains;
mod health;
mod name_server;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod watch;
