//! Builds the two programs, the server with the front end inside.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use serde_json::Value;

use crate::{flavour::Flavour, front_end, process, progress, wasm_toolchain::WasmToolchain, workspace::Workspace};

/// What was built.
#[derive(Clone)]
pub struct Binaries {
    /// The server.
    pub switchboard: PathBuf,
    /// The agent.
    pub telephone: PathBuf,
}

/// What is built with the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// Nothing else.
    Nothing,
    /// The tests of the workspace, at once: they want more of some libraries, and whatever is built without those wishes
    /// would be built a second time with them.
    Tests,
}

/// All that is built for the machine that runs it: everything but `hydrate`, which is compiled for browsers only.
pub const NATIVE: [&str; 3] = ["--workspace", "--exclude", "hydrate"];

/// Builds the front end, then the server around it and the telephone.
///
/// # Errors
/// When a compiler is missing and cannot be set up, or something does not compile.
pub fn build(workspace: &Workspace, flavour: Flavour, with: With) -> anyhow::Result<Binaries> {
    let toolchain = WasmToolchain::find_or_install(workspace)?;
    let site = progress::step("front end", || front_end::build(workspace, &toolchain, flavour))?;
    let name = match with {
        With::Nothing => "switchboard and telephone",
        With::Tests => "switchboard, telephone and tests",
    };
    progress::step(name, || programs(workspace, flavour, with, &site))
}

fn programs(workspace: &Workspace, flavour: Flavour, with: With, site: &Path) -> anyhow::Result<Binaries> {
    let mut cargo = process::cargo();
    cargo.current_dir(&workspace.root).env("SWITCHBOARD_SITE", site);
    match with {
        With::Nothing => cargo.args(["build", "--package", "server", "--package", "telephone"]),
        With::Tests => cargo.args(["test", "--no-run"]).args(NATIVE),
    };
    cargo.args(["--profile", flavour.native_profile()]);
    let mut built = artifacts(&mut cargo)?;
    Ok(Binaries { switchboard: built.executable("switchboard")?, telephone: built.executable("telephone")? })
}

/// The files that a cargo build made, as cargo itself reports them.
pub struct Artifacts(Vec<(String, Vec<PathBuf>, Option<PathBuf>)>);

/// Runs `cargo build …` or the like and collects what it made, tests aside; cargo's progress and messages appear as usual.
///
/// # Errors
/// When the build fails.
pub fn artifacts(cargo: &mut Command) -> anyhow::Result<Artifacts> {
    cargo.arg("--message-format=json-render-diagnostics");
    let mut found = Vec::new();
    let status = process::lines(cargo, |line| {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        // The unit tests of a program have its name.
        if message["reason"] == "compiler-artifact" && message["profile"]["test"] != true {
            let name = message["target"]["name"].as_str().unwrap_or_default().to_owned();
            let files = message["filenames"].as_array().into_iter().flatten();
            let files = files.filter_map(Value::as_str).map(PathBuf::from).collect();
            found.push((name, files, message["executable"].as_str().map(PathBuf::from)));
        }
    })?;
    process::check(cargo, status)?;
    Ok(Artifacts(found))
}

impl Artifacts {
    /// The program of that name.
    ///
    /// # Errors
    /// When cargo built no such program.
    pub fn executable(&mut self, name: &str) -> anyhow::Result<PathBuf> {
        let found = self.0.iter().find_map(|(target, _, executable)| executable.clone().filter(|_| target == name));
        found.with_context(|| format!("cargo built no program {name}"))
    }

    /// The file with that extension which a target of that name consists of.
    ///
    /// # Errors
    /// When cargo built no such file.
    pub fn file(&self, name: &str, extension: &str) -> anyhow::Result<PathBuf> {
        let files = self.0.iter().filter(|(target, _, _)| target == name).flat_map(|(_, files, _)| files);
        let mut matching = files.filter(|file| file.extension().is_some_and(|found| found == extension));
        matching.next().cloned().with_context(|| format!("cargo built no {name}.{extension}"))
    }
}
