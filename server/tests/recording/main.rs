//! What is recorded of requests, seen through the API: traffic is real, and so is whoever answers it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

mod disk;
mod ends;
mod heads;
mod levels;
mod messages;
mod own_answers;
mod recorded;
mod room;
