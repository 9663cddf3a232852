use std::{
    env,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;

use crate::{
    SERVER, TEMPLATE,
    programs::{program, run},
};

/// A database with all tables and nothing in them, until this is dropped.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// One on the server that tests share; `None` where there is none, which means SQLite.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn of_test() -> anyhow::Result<Option<Self>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = env::var(SERVER) else { return Ok(None) };
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut create = Command::new(program("createdb")?);
        create.args(["--template", TEMPLATE, "--maintenance-db"]).arg(format!("{server}/postgres")).arg(&name);
        run(&mut create).with_context(|| format!("{SERVER} is {server}"))?;
        Ok(Some(Self { server, name }))
    }

    /// As `SWITCHBOARD_DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Ok(program) = program("dropdb") else { return };
        let mut drop = Command::new(program);
        // Whoever is still connected belongs to a test that is over.
        drop.args(["--force", "--if-exists", "--maintenance-db"])
            .arg(format!("{}/postgres", self.server))
            .arg(&self.name);
        // What is left goes with the server.
        drop.stderr(Stdio::null()).status().ok();
    }
}
