//! `cargo xtask fuzz`

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
};

use anyhow::{Context, bail};

use crate::{process, progress, workspace::Workspace};

/// What builds and runs fuzz targets.
const CARGO_FUZZ: &str = "0.13.2";
/// One of `telephone/fuzz/targets` each.
const TARGETS: [&str; 10] =
    ["bodies", "control", "credentials", "frames", "heads", "hosts", "observers", "requests", "responses", "websocket"];
/// What one input may take before it counts as a failure: memory in MiB, and time in seconds.
const LIMITS: [&str; 2] = ["-rss_limit_mb=2048", "-timeout=20"];

/// How long to fuzz.
#[derive(clap::Args)]
pub struct Arguments {
    /// For how many seconds each target runs; all run at the same time
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Fuzzes what a peer on a line, a visitor or a web server may send, when there is a nightly compiler. What was found to lead to new code is kept in
/// the target folder, and the next run begins with it.
///
/// # Errors
/// When an input leads to a panic, takes too long or too much memory.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    if !process::succeeds(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])) {
        eprintln!("- fuzzing is skipped: it needs a nightly compiler (rustup toolchain install nightly)");
        return Ok(());
    }
    let folder = workspace.target.join("fuzz");
    let cargo_fuzz = cargo_fuzz(&folder)?;
    let crate_folder = workspace.package_folder("telephone")?.join("fuzz");
    progress::quiet_step("building the fuzz targets", || {
        let mut build = process::command("rustup");
        build.args(["run", "nightly"]).arg(cargo_fuzz).arg("build").arg("--fuzz-dir").arg(&crate_folder);
        process::run(build.arg("--target-dir").arg(&folder).current_dir(&crate_folder).env_remove("CARGO_TARGET_DIR"))
    })?;
    let mut seeds = process::cargo();
    seeds.args(["run", "--quiet", "--package", "wire", "--example", "fuzz_seeds", "--"]).arg(folder.join("seeds"));
    process::run(seeds.current_dir(&workspace.root))?;
    let name = format!("fuzzing for {} s", arguments.seconds);
    progress::quiet_step(&name, || {
        let started = TARGETS.map(|target| Fuzzing::start(&folder, target, arguments.seconds));
        let failed = started.into_iter().map(|fuzzing| fuzzing?.finish()).filter_map(Result::transpose);
        let failed = failed.collect::<anyhow::Result<Vec<_>>>()?;
        if !failed.is_empty() {
            bail!("{}", failed.join("\n"));
        }
        Ok(())
    })
}

/// The program of that name, installed into the target folder where it is missing.
fn cargo_fuzz(folder: &Path) -> anyhow::Result<PathBuf> {
    let root = folder.join(format!("cargo-fuzz-{CARGO_FUZZ}"));
    let program = root.join("bin/cargo-fuzz");
    if !program.is_file() {
        progress::quiet_step("installing cargo-fuzz", || {
            let mut install = process::cargo();
            install.args(["install", "--quiet", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ, "--root"]);
            process::run(install.arg(&root).env("CARGO_TARGET_DIR", folder.join("cargo-fuzz-build")))
        })?;
    }
    Ok(program)
}

/// One target at work.
struct Fuzzing {
    target: &'static str,
    child: Child,
    log: PathBuf,
}

impl Fuzzing {
    fn start(folder: &Path, target: &'static str, seconds: u32) -> anyhow::Result<Self> {
        let corpus = folder.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        let log = folder.join(format!("{target}.log"));
        let mut prefix = folder.join("found").into_os_string();
        prefix.push(format!("-{target}-"));
        let program = folder.join(host()?).join("release").join(target);
        let child = Command::new(program)
            .arg(corpus)
            .arg(folder.join("seeds").join(target))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}", prefix.display()))
            .args(LIMITS)
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start the fuzz target {target}"))?;
        Ok(Self { target, child, log })
    }

    /// Waits for its end; what it found, if it did.
    fn finish(mut self) -> anyhow::Result<Option<String>> {
        let status = self.child.wait()?;
        let log = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        let Self { target, log: file, .. } = self;
        if status.success() {
            let runs = log.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("no summary");
            eprintln!("  {target}: {runs}");
            return Ok(None);
        }
        let telling =
            |line: &&str| line.contains("panicked at") || line.contains("ERROR:") || line.contains("written to");
        let cause: Vec<_> = log.lines().filter(telling).collect();
        Ok(Some(format!("fuzzing {target} found something ({}):\n{}", file.display(), cause.join("\n"))))
    }
}

/// The machine as rustc names it, which is where `cargo fuzz` builds.
fn host() -> anyhow::Result<String> {
    let version = process::output(Command::new("rustup").args(["run", "nightly", "rustc", "--version", "--verbose"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say which machine this is")?.to_owned())
}
