//! What fails, and what it costs: networks, programs and local servers that break at every point, over real sockets and,
//! where a process is what breaks, with the real programs. `docs/reliability.md` says what each of these shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cuts;
mod database;
mod dismissed;
mod endless;
mod half_close;
mod killed;
mod networks;
mod openings;
mod origins;
mod relay;
mod restart;
mod servers;
mod sharing;
mod silence;
mod soak;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod talk;
mod visit;
mod visitors;
mod writes;
