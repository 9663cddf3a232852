//! The tunnel endpoint: where telephones dial in, and the sessions they have.

mod endpoint;
mod opening;
mod registry;
mod session;

pub use endpoint::Endpoint;
pub use registry::{Registry, SessionSet};
pub use session::Session;
