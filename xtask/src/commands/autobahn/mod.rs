//! `cargo xtask autobahn`

mod results;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, bail};

use crate::{packages, process, progress, workspace::Workspace};
use results::Results;

/// The test suite, which is written in Python 2, and what makes it run with Python 3.
const SUITE: &str = "autobahntestsuite";
const SUITE_VERSION: &str = "25.10.1";
const PYTHON_PACKAGES: [&str; 6] = [
    "autobahn[twisted]==23.6.2",
    "fissix==24.4.24",
    "jinja2==3.1.6",
    "pyOpenSSL==26.4.0",
    "service-identity==26.1.0",
    "setuptools<81",
];

/// Which cases to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// Cases, such as `6.*,7.*`; all, 2 minutes, when left out, and only then the results are kept
    #[arg(long, value_name = "CASES")]
    cases: Option<String>,
}

/// Tests our WebSocket framing against the Autobahn test suite, as server and as client.
///
/// # Errors
/// When a case fails, or the suite cannot be set up: it comes from PyPI.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let suite = progress::step("setting the Autobahn test suite up", || Suite::set_up(workspace))?;
    let echo = progress::step("building the program to test", || build(workspace))?;
    let cases = arguments.cases.as_deref().unwrap_or("*");
    let server = progress::step("our framing as server", || {
        let mut echo = Running::start(Command::new(&echo).arg("serve"))?;
        let address = echo.line()?;
        Results::parse(&process::output(suite.command("client").arg(format!("ws://{address}")).arg(cases))?)
    })?;
    let client = progress::step("our framing as client", || {
        let mut suite = Running::start(suite.command("server").arg(cases))?;
        let address = suite.line()?;
        process::run(Command::new(&echo).args(["drive", &address, "tested"]))?;
        Results::parse(&suite.rest()?)
    })?;
    println!("as server: {}\nas client: {}", server.summary(), client.summary());
    if arguments.cases.is_none() {
        let file = workspace.root.join("docs/autobahn.json");
        fs::write(&file, results::together(&server, &client)?).context("cannot write docs/autobahn.json")?;
    }
    let failed: Vec<_> = server.failed().chain(client.failed()).collect();
    if !failed.is_empty() {
        bail!("not as it should be: {}", failed.join(", "));
    }
    Ok(())
}

fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let mut cargo = process::cargo();
    cargo.args(["build", "--quiet", "--package", "telephone", "--example", "websocket_echo"]);
    process::run(cargo.current_dir(&workspace.root))?;
    Ok(workspace.target.join("debug/examples/websocket_echo"))
}

/// The suite, converted.
struct Suite {
    python: PathBuf,
    runner: PathBuf,
    converted: PathBuf,
}

impl Suite {
    /// Everything stays in the target folder: nothing of it is ours.
    fn set_up(workspace: &Workspace) -> anyhow::Result<Self> {
        let folder = workspace.target.join("autobahn");
        let suite = Self {
            python: folder.join("venv/bin/python"),
            runner: workspace.package_folder("xtask")?.join("src/commands/autobahn/suite.py"),
            converted: folder.join("converted"),
        };
        let done = folder.join("installed");
        let wanted = format!("{SUITE} {SUITE_VERSION} {}", PYTHON_PACKAGES.join(" "));
        if fs::read_to_string(&done).ok().as_deref() != Some(wanted.as_str()) {
            if folder.exists() {
                fs::remove_dir_all(&folder).context("cannot empty the folder of the Autobahn test suite")?;
            }
            fs::create_dir_all(&folder)?;
            suite.download(&folder)?;
            fs::write(done, wanted)?;
        }
        let source = folder.join(format!("{SUITE}-{SUITE_VERSION}")).join(SUITE);
        process::run(Command::new(&suite.python).arg(&suite.runner).arg("convert").arg(source).arg(&suite.converted))?;
        Ok(suite)
    }

    fn download(&self, folder: &Path) -> anyhow::Result<()> {
        let make = || process::run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")));
        make().or_else(|_| {
            packages::install("the Autobahn test suite", &["python3", "python3-venv"])?;
            make()
        })?;
        let pip = || {
            let mut pip = Command::new(&self.python);
            pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
            pip
        };
        process::run(pip().arg("install").args(PYTHON_PACKAGES))?;
        let name = format!("{SUITE}=={SUITE_VERSION}");
        let download = ["download", "--no-deps", "--no-binary", ":all:", &name];
        process::run(pip().args(download).current_dir(folder))?;
        let archive = format!("{SUITE}-{SUITE_VERSION}.tar.gz");
        process::run(Command::new("tar").args(["--extract", "--file", &archive]).current_dir(folder))
    }

    fn command(&self, mode: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(&self.runner).arg(mode).arg(&self.converted);
        command
    }
}

/// A program that runs beside this one, and not any longer.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start a program to test")?;
        let output = child.stdout.take().context("a program to test has no output")?;
        Ok(Self { child, output: BufReader::new(output) })
    }

    /// The next line that it prints.
    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            bail!("a program to test ended before it said where it listens");
        }
        Ok(line.trim().to_owned())
    }

    /// What it prints up to its end.
    fn rest(&mut self) -> anyhow::Result<String> {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest)?;
        Ok(rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be ended, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
