//! The tunnel endpoint: where telephones dial in, and the sessions they have.

mod address;
mod bounds;
mod claim;
mod endpoint;
mod hold;
mod leave;
mod opening;
mod openings;
mod plain;
mod registry;
mod session;
mod set;
mod tokens;
mod updates;

pub use address::Address;
pub use endpoint::Endpoint;
pub use hold::{Hold, HoldFigures, HoldSettings};
pub use plain::held_bytes as plain_held_bytes;
pub use registry::{Registry, SocketPlace};
pub use session::{NotJoined, Session, SessionLine};
pub use set::{Crowded, SessionSet};
pub use tokens::TokenWatch;
