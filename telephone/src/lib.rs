//! The agent that gives a local web server a public address through a switchboard.
//!
//! The `telephone` command is a thin layer over this library; a Rust application can carry the agent inside itself:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use telephone::{Agent, Target};
//!
//! let handle = Agent::builder("https://switchboard.example.com", "sbt_…")
//!     .target(Target::parse("3000")?)
//!     .subdomain("blog")
//!     .start()?;
//! println!("{}", handle.ready().await?.public_url);
//! handle.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! An application that serves many tenants behind one wildcard host finds out with [`tenant`] which one is meant.
//!
//! [`mod@line`] is the part that the switchboard uses, too.

pub mod agent;
#[cfg(feature = "cli")]
pub mod diagnose;
mod forward;
pub mod line;
mod net;
mod server_url;
mod target;
pub mod tenant;
mod tls;

pub use agent::{
    Agent, AgentError, AgentHandle, AgentView, Builder, Event, Outcome, TunnelInfo, is_host_header, is_token,
    read_token_file,
};
pub use server_url::{ServerUrl, ServerUrlError};
pub use target::{Scheme, Target, TargetError};
pub use tls::TlsError;
pub use wire;
pub use wire::control::{Announced, Announcement};
