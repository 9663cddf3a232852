//! How the process is seen from outside: logs, metrics, health.

mod exposition;
mod health;
pub mod logs;
pub mod metrics;
mod process;

pub use health::Health;
