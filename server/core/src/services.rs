//! The one handle on everything.

use crate::{
    Accounts, ApiSessions, Changes, OpenError, Presence, Result, Settings, Tokens, Traffic, Tunnels, WebSessions,
};
use std::sync::Arc;

/// All services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Services(Arc<()>);

impl Services {
    /// Connects, brings the tables up to date and starts.
    pub async fn open(_settings: Settings) -> Result<Self, OpenError> {
        todo!()
    }
    /// Accounts.
    pub fn accounts(&self) -> &Accounts {
        todo!()
    }
    /// Tunnel tokens.
    pub fn tokens(&self) -> &Tokens {
        todo!()
    }
    /// Tunnels.
    pub fn tunnels(&self) -> &Tunnels {
        todo!()
    }
    /// Measured traffic.
    pub fn traffic(&self) -> &Traffic {
        todo!()
    }
    /// Sessions of browsers.
    pub fn web_sessions(&self) -> &WebSessions {
        todo!()
    }
    /// Sessions of programs.
    pub fn api_sessions(&self) -> &ApiSessions {
        todo!()
    }
    /// Connected telephones.
    pub fn presence(&self) -> &Presence {
        todo!()
    }
    /// News within the process.
    pub fn changes(&self) -> &Changes {
        todo!()
    }
    /// What the services were opened with.
    pub fn settings(&self) -> &Settings {
        todo!()
    }
    /// Whether the database answers within a second.
    pub async fn ready(&self) -> Result<()> {
        todo!()
    }
    /// Stores what is only in memory and closes the database.
    pub async fn close(&self) {
        todo!()
    }
}
