//! How the process is seen from outside: logs, metrics, health.

mod exposition;
mod health;
pub mod logs;
pub mod metrics;
pub mod panics;
mod process;

pub use health::Health;
