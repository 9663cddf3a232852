//! What our programs are compared with: from the distribution's packages and from the crates registry.

use std::{path::PathBuf, process::Command};

use anyhow::Context;
use serde_json::{Value, json};

use super::arguments::Peer;
use crate::{process, progress, workspace::Workspace};

/// The peers that are here now.
#[derive(Default)]
pub struct Peers {
    /// Kind, program and version of each.
    pub found: Vec<Value>,
    /// One line for each that is missing, which says how to get it.
    pub missing: Vec<String>,
}

/// Finds each of these, installing it when it is missing. One that cannot be installed is left out.
pub fn find_or_install(workspace: &Workspace, wanted: &[Peer]) -> Peers {
    let mut peers = Peers::default();
    for peer in wanted {
        let (name, found) = match peer {
            Peer::Nginx => ("nginx", packaged("nginx")),
            Peer::Haproxy => ("haproxy", packaged("haproxy")),
            // Its lock file names a version of `time` that today's compilers refuse, hence not `--locked`.
            Peer::Rathole => {
                let features = ["--no-default-features", "--features", "server,client"];
                ("rathole", crate_program(workspace, "rathole", "rathole", &features))
            }
            Peer::Bore => ("bore", crate_program(workspace, "bore", "bore-cli", &["--locked"])),
        };
        match found.and_then(|program| Ok((version(&program)?, program))) {
            Ok((version, program)) => {
                peers.found.push(json!({"kind": name, "program": program, "version": version}));
            }
            Err(error) => peers.missing.push(format!("{name}: {error:#}")),
        }
    }
    peers
}

/// A program of the distribution; servers are not on every user's `PATH`.
fn packaged(name: &str) -> anyhow::Result<PathBuf> {
    let server = PathBuf::from("/usr/sbin").join(name);
    if server.is_file() { Ok(server) } else { super::program(name, name, "comparing") }
}

/// A program of the crates registry, kept below the target folder.
fn crate_program(workspace: &Workspace, name: &str, package: &str, options: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = workspace.target.join("bench-peers");
    let program = folder.join("bin").join(name);
    if !program.is_file() {
        progress::step(name, || {
            let mut cargo = process::cargo();
            cargo.args(["install", "--quiet", "--root"]).arg(&folder).arg("--target-dir").arg(folder.join("build"));
            process::run(cargo.args(options).arg(package))
        })
        .with_context(|| format!("install it with `cargo install {package}` into {}", folder.display()))?;
    }
    Ok(program)
}

/// The first number with a dot in what it says about its version.
fn version(program: &PathBuf) -> anyhow::Result<String> {
    let is_nginx = program.ends_with("nginx");
    let mut command = Command::new(program);
    let output = command.arg(if is_nginx { "-v" } else { "--version" }).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    // HAProxy knows no `--version` but says it before it complains; nginx says it on standard error.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let words = text.split(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '-' | '+'));
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    words.into_iter().find(is_version).map(str::to_owned).context("it does not tell its version")
}
