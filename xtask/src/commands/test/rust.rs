//! Unit, integration and documentation tests.

use std::{fs, process::Command};

use anyhow::{Context, bail};

use super::{Bench, FLAVOUR, postgresql::Shared, tally::Tally};
use crate::{binaries::NATIVE, process, progress};

/// The profile in `.config/nextest.toml` that writes a report.
const NEXTEST_PROFILE: &str = "xtask";

/// The folder of the server's tests.
const SERVER_TESTS: &str = "server/tests";
/// Those of the server's tests that say nothing new on another database: no database is asked, or it is known from others
/// how the answers come, or they start a PostgreSQL server of their own.
const ON_ONE_DATABASE: &[&str] =
    &["config", "database", "diagnose", "example", "faults", "faults_load", "lines", "memory", "schemathesis"];

/// The test of the REST API by a program that is not there everywhere.
const SCHEMATHESIS: &str = "--test=schemathesis";

/// Runs the Rust tests of the workspace, and those that ask the database once more with PostgreSQL.
///
/// # Errors
/// When they do not build or their runner breaks down. A failed test is no error but counted.
pub fn run(bench: &Bench<'_>, filters: &[String]) -> anyhow::Result<Tally> {
    let has_nextest = process::succeeds(process::cargo().args(["nextest", "--version"]));
    let pass = Pass { bench, filters, postgresql: None };
    let mut tally = progress::step("Rust tests", || match has_nextest {
        true => pass.nextest(&[]),
        false => pass.libtest(&["--all-targets".to_owned()]),
    })?;
    if bench.schemathesis.is_some() {
        tally += progress::step("the REST API, by schemathesis", || match has_nextest {
            true => pass.nextest(&[SCHEMATHESIS, "--run-ignored=only"].map(str::to_owned)),
            false => pass.libtest_with(&[SCHEMATHESIS.to_owned()], &["--ignored"]),
        })?;
    }
    let targets = on_both_databases(bench)?;
    tally += progress::step("Rust tests with PostgreSQL", || {
        let shared = Shared::start(bench)?;
        let pass = Pass { postgresql: Some(&shared), ..pass };
        if has_nextest { pass.nextest(&targets) } else { pass.libtest(&targets) }
    })?;
    tally += progress::step("documentation tests", || pass.libtest(&["--doc".to_owned()]))?;
    Ok(tally)
}

/// What cargo takes for the tests that are run on both databases.
fn on_both_databases(bench: &Bench<'_>) -> anyhow::Result<Vec<String>> {
    let folder = bench.workspace.root.join(SERVER_TESTS);
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let targets = paths.filter(|path| path.extension().is_some_and(|is| is == "rs") || path.join("main.rs").exists());
    let names = targets.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<_> = names.filter(|name| !ON_ONE_DATABASE.contains(&name.as_str())).collect();
    names.sort();
    Ok(names.into_iter().map(|name| format!("--test={name}")).collect())
}

/// One run of tests.
#[derive(Clone, Copy)]
struct Pass<'a> {
    bench: &'a Bench<'a>,
    filters: &'a [String],
    /// What they use; SQLite without it.
    postgresql: Option<&'a Shared>,
}

impl Pass<'_> {
    fn nextest(&self, targets: &[String]) -> anyhow::Result<Tally> {
        // Where cargo-nextest writes it, whatever `CARGO_TARGET_DIR` says.
        let report = self.bench.workspace.root.join("target/nextest").join(NEXTEST_PROFILE).join("junit.xml");
        // A report of an earlier run must not be mistaken for this one's.
        if report.exists() {
            fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
        }
        let mut cargo = self.tested(&["nextest", "run"]);
        cargo.args(["--cargo-profile", FLAVOUR.native_profile(), "--profile", NEXTEST_PROFILE]).args(targets);
        cargo.args(["--no-fail-fast", "--no-tests", "pass"]).args(self.filters);
        let status = process::status(&mut cargo)?;
        match fs::read_to_string(&report) {
            Ok(report) => Tally::from_junit(&report).context("cargo-nextest wrote a report that cannot be understood"),
            Err(_) if status.success() => Ok(Tally::default()),
            Err(_) => bail!("the tests could not be run: cargo-nextest ended with {status}"),
        }
    }

    fn libtest(&self, targets: &[String]) -> anyhow::Result<Tally> {
        self.libtest_with(targets, &[])
    }

    fn libtest_with(&self, targets: &[String], arguments: &[&str]) -> anyhow::Result<Tally> {
        let mut cargo = self.tested(&["test"]);
        cargo.args(["--profile", FLAVOUR.native_profile(), "--no-fail-fast"]).args(targets);
        cargo.arg("--").args(arguments).args(self.filters);
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

    fn tested(&self, verb: &[&str]) -> Command {
        let mut cargo = process::cargo();
        cargo.current_dir(&self.bench.workspace.root).args(verb).args(NATIVE);
        self.bench.provide(&mut cargo);
        if let Some(postgresql) = self.postgresql {
            postgresql.provide(&mut cargo);
        }
        cargo
    }
}
