//! Which host leads where: an immutable table that is replaced whole when something changes.

mod loader;
mod table;

pub use loader::Routing;
pub use table::{Destination, Table, TunnelRoute};
