//! The PostgreSQL server that tests share.

use std::process::Command;

use test_postgres::{SERVER, Server, TEMPLATE};

use super::Bench;
use crate::process;

/// Runs until it is dropped. Tests that are told of it take databases of it, and SQLite otherwise.
pub struct Shared(Server);

impl Shared {
    /// Starts it, with an empty database of ours to copy.
    ///
    /// # Errors
    /// When it does not start, or our tables cannot be made.
    pub fn start(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let server = Server::start()?;
        let template = server.new_database(TEMPLATE)?;
        let mut migrate = process::command(&bench.binaries.switchboard);
        process::run(migrate.args(["migrate", "--database-url", &template]))?;
        Ok(Self(server))
    }

    /// Tells a test runner of it.
    pub fn provide(&self, runner: &mut Command) {
        runner.env(SERVER, self.0.url());
    }
}
