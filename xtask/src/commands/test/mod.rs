//! `cargo xtask test`

mod browser;
mod postgresql;
mod rust;
mod schemathesis;
mod tally;
mod tools;

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use test_postgres::PROGRAMS;

use crate::{
    binaries::{self, Binaries, With},
    commands::test::tally::Tally,
    flavour::Flavour,
    workspace::Workspace,
};

/// Arguments of `test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Run only tests whose name contains one of these
    filters: Vec<String>,
    /// Run only one kind of test
    #[arg(long, value_enum)]
    only: Option<Kind>,
}

/// A kind of test, by what runs it.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Unit, integration and documentation tests
    Rust,
    /// Tests in `end2end/`, in a real browser
    Browser,
}

/// What the tests are given: programs and folders, found or built beforehand.
struct Bench<'a> {
    workspace: &'a Workspace,
    site: PathBuf,
    binaries: Binaries,
    /// The folder of PostgreSQL's programs.
    postgresql: PathBuf,
    /// A Python with the package `websockets`, for the telephone in `docs/examples`.
    python: Option<PathBuf>,
    /// What asks the REST API whatever its document allows, where it can be had.
    schemathesis: Option<PathBuf>,
}

impl Bench<'_> {
    /// Tells a test runner where everything is. `SWITCHBOARD_SITE` is for cargo: without it the server would be built
    /// again, without its front end.
    fn provide(&self, runner: &mut Command) {
        runner
            .env("SWITCHBOARD_SITE", &self.site)
            .env("SWITCHBOARD_BIN", &self.binaries.switchboard)
            .env("TELEPHONE_BIN", &self.binaries.telephone)
            .env(PROGRAMS, &self.postgresql);
        if let Some(python) = &self.python {
            runner.env("PYTHON_BIN", python);
        }
        if let Some(schemathesis) = &self.schemathesis {
            runner.env(schemathesis::PROGRAM, schemathesis);
        }
    }
}

/// Tests use programs of the flavour that `cargo xtask run` builds: what is tested is what is run, and the speed is real.
const FLAVOUR: Flavour = Flavour::Quick;

/// Sets up, builds, tests, and prints as its last line how many tests ran.
///
/// # Errors
/// When something is missing or does not build. Failed tests, and no tests at all, are no error but a bad exit code.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let wanted = |kind| arguments.only.is_none_or(|only| only == kind);
    let postgresql = tools::postgresql()?;
    let python = wanted(Kind::Rust).then(tools::python).transpose()?;
    let schemathesis = wanted(Kind::Rust).then(|| schemathesis::find(workspace)).flatten();
    let browser = wanted(Kind::Browser).then(tools::browser).transpose()?;
    let with = if wanted(Kind::Rust) { With::Tests } else { With::Nothing };
    let binaries = binaries::build(workspace, FLAVOUR, with)?;
    let bench = Bench { workspace, site: FLAVOUR.site(workspace), binaries, postgresql, python, schemathesis };

    let mut tally = Tally::default();
    if wanted(Kind::Rust) {
        tally += rust::run(&bench, &arguments.filters)?;
    }
    if let Some(browser) = browser {
        tally += browser::run(&bench, &browser, &arguments.filters)?;
    }
    if tally == Tally::default() {
        eprintln!("error: no test ran");
    }
    println!("{tally}");
    Ok(if tally.failed == 0 && tally.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
