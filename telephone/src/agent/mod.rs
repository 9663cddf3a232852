//! The agent: dials the switchboard, serves its tunnel, and comes back when the line breaks.

mod backoff;
mod builder;
mod crew;
mod demand;
mod dial;
mod error;
mod event;
mod handle;
pub(crate) mod handshake;
mod keeper;
mod membership;
mod session;
mod supervisor;
mod threads;
mod token;
mod told;

pub use crate::forward::Outcome;
pub use builder::{Builder, is_host_header};
pub use error::{AgentError, DialError, StartError};
pub use event::{Event, TunnelInfo};
pub use handle::{AgentHandle, AgentView};
pub use handshake::HandshakeError;
pub use token::{is_token, read_token_file};

/// The agent. [`Agent::builder`] is where it begins; a running one is an [`AgentHandle`].
#[derive(Debug)]
pub struct Agent;

impl Agent {
    /// An agent for the switchboard at `server_url` that signs in with `token`.
    pub fn builder(server_url: impl Into<String>, token: impl Into<String>) -> Builder {
        Builder::new(server_url.into(), wire::Secret::new(token))
    }
}
