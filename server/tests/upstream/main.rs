//! Requests to backends that are addresses, over real sockets: what is kept, what is sent again, what is noticed, and what
//! is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod asking;
mod bodies;
mod cancels;
mod certificates;
mod http2;
mod http2_origin;
mod limits;
#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../checks/name_server.rs"]
mod name_server;
mod names;
#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../faults_load/raw.rs"]
mod raw;
mod responses;
mod reuse;
mod tls;
mod unix;
mod upgrades;
