//! Which host and path lead where, and which backend takes a request: an immutable table that is replaced whole when
//! something changes, and beside it how backends are doing.

mod backend;
mod backends;
mod build;
mod engine;
mod explain;
mod held;
mod loader;
mod pool;
mod rule;
mod split;
mod switching;
mod table;

pub use backend::{Backend, InUse};
pub use backends::Backends;
pub use engine::Window;
pub use explain::Question;
pub use loader::{Routing, Surroundings};
pub use pool::{Candidate, Meant, Origin, Pool, Tie};
pub use rule::{HeaderEdits, Rule, Target};
pub use split::Split;
pub use table::{Destination, Matched, NoDestination, Table, TunnelRoute};
