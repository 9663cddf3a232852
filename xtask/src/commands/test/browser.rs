//! The tests in `end2end/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::{Bench, postgresql::Shared, tally::Tally, tools::Browser};
use crate::{process, progress};

/// The file of those that are run with SQLite and with PostgreSQL.
const ON_BOTH_DATABASES: &str = "routing.test.mjs";

/// Runs the browser tests.
///
/// # Errors
/// When their packages cannot be installed or Node breaks down. A failed test is no error but counted.
pub fn run(bench: &Bench<'_>, browser: &Browser, filters: &[String]) -> anyhow::Result<Tally> {
    let folder = bench.workspace.root.join("end2end");
    install_packages(browser, &folder)?;
    let files = test_files(&folder.join("tests"))?;
    let mut tally = progress::step("browser tests", || {
        let node = node(bench, browser, &folder, filters);
        finish(node, &folder, &files)
    })?;
    tally += progress::step("browser tests with PostgreSQL", || {
        let shared = Shared::start(bench)?;
        let mut node = node(bench, browser, &folder, filters);
        shared.provide(&mut node);
        finish(node, &folder, files.iter().filter(|file| file.ends_with(ON_BOTH_DATABASES)))
    })?;
    Ok(tally)
}

/// Installs what the lock file says, unless that has been done.
fn install_packages(browser: &Browser, folder: &Path) -> anyhow::Result<()> {
    let locked = folder.join("package-lock.json");
    let lock = fs::read(&locked).with_context(|| format!("cannot read {}", locked.display()))?;
    let stamp = folder.join("node_modules/.installed-package-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    progress::quiet_step("npm ci", || {
        let mut npm = process::command(&browser.npm);
        process::run(npm.current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))?;
        fs::create_dir_all(folder.join("node_modules"))
            .and_then(|()| fs::write(&stamp, lock))
            .with_context(|| format!("cannot write {}", stamp.display()))
    })
}

/// Node's own test runner, but for the files.
fn node(bench: &Bench<'_>, browser: &Browser, folder: &Path, filters: &[String]) -> Command {
    let mut node = process::command(&browser.node);
    node.current_dir(folder).args(["--test", "--test-reporter=spec", "--test-reporter-destination=stdout"]);
    node.args(filters.iter().map(|filter| format!("--test-name-pattern={filter}")));
    node.env("CHROMIUM_BIN", &browser.chromium);
    bench.provide(&mut node);
    node
}

fn finish<'a>(mut node: Command, folder: &Path, files: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<Tally> {
    let results = folder.join("results");
    fs::create_dir_all(&results).with_context(|| format!("cannot create {}", results.display()))?;
    let report = results.join("report.tap");
    node.arg("--test-reporter=tap").arg(format!("--test-reporter-destination={}", report.display()));
    node.env("E2E_RESULTS", &results).args(files);
    let status = process::status(&mut node)?;
    let report = fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let tally = Tally::from_node(&report).context("node wrote a report that cannot be understood")?;
    if !status.success() && tally.failed == 0 {
        bail!("the browser tests could not be run: node ended with {status}");
    }
    Ok(tally)
}

/// The files named `*.test.mjs`; older versions of Node find none by themselves when given a folder.
fn test_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("there is no *.test.mjs in {}", folder.display());
    }
    Ok(files)
}
