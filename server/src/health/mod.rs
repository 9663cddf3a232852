//! Active health checks: whether backends that are addresses answer as their services expect.
//!
//! One task on the control plane asks them all, and no request ever waits for it. Whoever makes routing tables says with
//! [`HealthChecks::follow`] which backends there are; a change of status goes to each backend's [`HealthSink`] at once,
//! and all that is known is on the [`HealthBoard`]. Backends that are tunnels are not asked: their sessions are live, and
//! their telephones have heartbeats.

mod board;
mod probe;
mod schedule;
mod target;
mod verdict;

pub use board::{HealthBoard, HealthEvent};
pub use schedule::HealthChecks;
pub use target::{HealthSink, Target, Times};
pub use verdict::{Thresholds, Verdict};
