//! What the engine routes by.

mod snapshot;

pub use snapshot::{BackendEntry, BackendOrigin, RoutingSnapshot, RuleEntry, RunningSwitch, ServiceEntry, TargetEntry};
