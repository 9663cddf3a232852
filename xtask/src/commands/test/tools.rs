//! Programs that tests need beside our own.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use test_postgres::PROGRAMS;

use crate::{packages, process};

/// What browser tests run on.
pub struct Browser {
    pub chromium: PathBuf,
    pub node: PathBuf,
    pub npm: PathBuf,
}

/// The folder of PostgreSQL's programs, installing them where they are missing.
pub fn postgresql() -> anyhow::Result<PathBuf> {
    if let Some(folder) = test_postgres::folder() {
        return Ok(folder);
    }
    if let Some(folder) = env::var_os(PROGRAMS) {
        bail!("{PROGRAMS} is {}, but PostgreSQL's programs are not in it", folder.display());
    }
    packages::install("testing with PostgreSQL", &["postgresql"])?;
    test_postgres::folder()
        .with_context(|| format!("PostgreSQL was installed, but is not in /usr/lib/postgresql: set {PROGRAMS}"))
}

/// A Python that has the package `websockets`, for the telephone in `docs/examples`.
pub fn python() -> anyhow::Result<PathBuf> {
    if let Some(python) = env::var_os("PYTHON_BIN").map(PathBuf::from) {
        if !has_websockets(&python) {
            bail!("PYTHON_BIN is {}, but that cannot import websockets", python.display());
        }
        return Ok(python);
    }
    if let Some(python) = installed_python() {
        return Ok(python);
    }
    packages::install("testing the example telephone", &["python3-websockets"])?;
    installed_python().context("python3-websockets was installed, but no Python can import it: set PYTHON_BIN")
}

/// The first `python3` on `PATH` need not be the distribution's, whose packages it then does not have.
fn installed_python() -> Option<PathBuf> {
    let first = process::find(&["python3"]);
    first.into_iter().chain([PathBuf::from("/usr/bin/python3")]).find(|python| has_websockets(python))
}

fn has_websockets(python: &Path) -> bool {
    process::succeeds(process::command(python).args(["-c", "import websockets"]))
}

/// Chromium and Node, installing what is missing.
pub fn browser() -> anyhow::Result<Browser> {
    let mut missing = Vec::new();
    if chromium().is_none() {
        missing.push("chromium");
    }
    if process::find(&["node"]).is_none() {
        missing.push("nodejs");
    }
    if process::find(&["npm"]).is_none() {
        missing.push("npm");
    }
    if !missing.is_empty() {
        packages::install("testing in a browser", &missing)?;
    }
    Ok(Browser {
        chromium: chromium().context("Chromium was installed but is not on PATH: set CHROMIUM_BIN")?,
        node: process::find(&["node"]).context("Node was installed but is not on PATH")?,
        npm: process::find(&["npm"]).context("npm was installed but is not on PATH")?,
    })
}

fn chromium() -> Option<PathBuf> {
    let chosen = env::var_os("CHROMIUM_BIN").map(PathBuf::from).filter(|file| file.is_file());
    chosen.or_else(|| process::find(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]))
}
