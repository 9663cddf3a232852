//! Unit, integration and documentation tests.

use std::{fs, process::Command};

use anyhow::{Context, bail};

use super::{Bench, FLAVOUR, tally::Tally};
use crate::{process, progress};

/// The profile in `.config/nextest.toml` that writes a report.
const NEXTEST_PROFILE: &str = "xtask";

/// Runs the Rust tests of the workspace.
///
/// # Errors
/// When they do not build or their runner breaks down. A failed test is no error but counted.
pub fn run(bench: &Bench<'_>, filters: &[String]) -> anyhow::Result<Tally> {
    let has_nextest = process::succeeds(process::cargo().args(["nextest", "--version"]));
    let mut tally = progress::step("Rust tests", || {
        if has_nextest { nextest(bench, filters) } else { libtest(bench, &["--all-targets"], filters) }
    })?;
    tally += progress::step("documentation tests", || libtest(bench, &["--doc"], filters))?;
    Ok(tally)
}

fn nextest(bench: &Bench<'_>, filters: &[String]) -> anyhow::Result<Tally> {
    // Where cargo-nextest writes it, whatever `CARGO_TARGET_DIR` says.
    let report = bench.workspace.root.join("target/nextest").join(NEXTEST_PROFILE).join("junit.xml");
    // A report of an earlier run must not be mistaken for this one's.
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
    }
    let mut cargo = tested(bench, &["nextest", "run"]);
    cargo.args(["--cargo-profile", FLAVOUR.native_profile(), "--profile", NEXTEST_PROFILE]);
    cargo.args(["--no-fail-fast", "--no-tests", "pass"]).args(filters);
    let status = process::status(&mut cargo)?;
    match fs::read_to_string(&report) {
        Ok(report) => Tally::from_junit(&report).context("cargo-nextest wrote a report that cannot be understood"),
        Err(_) if status.success() => Ok(Tally::default()),
        Err(_) => bail!("the tests could not be run: cargo-nextest ended with {status}"),
    }
}

fn libtest(bench: &Bench<'_>, targets: &[&str], filters: &[String]) -> anyhow::Result<Tally> {
    let mut cargo = tested(bench, &["test"]);
    cargo.args(["--profile", FLAVOUR.native_profile(), "--no-fail-fast"]).args(targets).arg("--").args(filters);
    let mut tally = Tally::default();
    let status = process::lines(&mut cargo, |line| {
        println!("{line}");
        tally += Tally::from_libtest(line).unwrap_or_default();
    })?;
    if !status.success() && tally.failed == 0 {
        bail!("the tests could not be run: cargo test ended with {status}");
    }
    Ok(tally)
}

/// Everything but `hydrate`, which is compiled for browsers only.
fn tested(bench: &Bench<'_>, verb: &[&str]) -> Command {
    let mut cargo = process::cargo();
    cargo.current_dir(&bench.workspace.root).args(verb).args(["--workspace", "--exclude", "hydrate"]);
    bench.provide(&mut cargo);
    cargo
}
