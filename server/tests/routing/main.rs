//! Domains, routes and pools of backends, as visitors and backends see them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod affinity;
mod announced;
mod backends;
mod balance;
mod busy;
#[path = "../upstream/certificates.rs"]
mod certificates;
mod changes;
mod grpc;
mod health;
mod hosts;
mod lasting;
mod regions;
mod rules;
mod setup;
mod switching;
