//! HTTP/2 for visitors, over real sockets: with a client of the kind that people use, and frame by frame.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod client;
mod clocks;
mod compressed;
mod ends;
mod floods;
mod frames;
#[path = "../upstream/http2_origin.rs"]
mod http2_origin;
mod local;
mod malformed;
mod raw;
mod requests;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

/// How long things may take for which nothing is promised.
const SOON: Duration = Duration::from_secs(10);
/// What is promised for a request that is taken back.
const AT_ONCE: Duration = Duration::from_secs(1);
