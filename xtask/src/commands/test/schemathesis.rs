//! The program that asks the REST API whatever its document allows. It comes from PyPI, which not every machine reaches: no
//! other test waits for it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{process, progress, workspace::Workspace};

/// Names the program, for whoever has it elsewhere.
pub const PROGRAM: &str = "SCHEMATHESIS_BIN";

/// Always the same, so that it always asks the same.
const PACKAGE: &str = "schemathesis==4.32.5";

/// The program, installing it where it is missing. Where that cannot be done, a line says so.
pub fn find(workspace: &Workspace) -> Option<PathBuf> {
    if let Some(program) = env::var_os(PROGRAM).map(PathBuf::from) {
        return Some(program);
    }
    let folder = workspace.target.join("schemathesis");
    let program = folder.join("bin/schemathesis");
    let done = folder.join("installed");
    if fs::read_to_string(&done).ok().as_deref() == Some(PACKAGE) {
        return Some(program);
    }
    match progress::quiet_step(&format!("installing {PACKAGE}"), || install(&folder, &done)) {
        Ok(()) => Some(program),
        Err(error) => {
            println!("skipped: the REST API is not tested by schemathesis, which cannot be installed: {error:#}");
            println!("         (it needs python3 with venv, and PyPI; or name the program in {PROGRAM})");
            None
        }
    }
}

fn install(folder: &Path, done: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    process::run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]);
    process::run(pip.args(["install", PACKAGE]))?;
    fs::write(done, PACKAGE).with_context(|| format!("cannot write {}", done.display()))
}
