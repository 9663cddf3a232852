//! Carries requests to telephones and their answers back.

mod attempts;
mod body;
mod forward;
mod headers;
mod problem;
mod upgrade;

pub use body::TunnelBody;
pub use forward::{Proxy, Timeouts};
pub use problem::Problem;
